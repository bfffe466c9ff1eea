"""Who looks together chooses as who looks alone."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from cadence.alex.contest import BLOCK_READERS_MAX, Contest, Looking, Ranked, alone, decide, together
from cadence.lod.digest import LOOK, PLAIN, Runner, SpeakerMemory
from cadence.lod.units import Unit
from cadence.lod.window import Window
from tests.lod.test_window import learned, talk


def contest(chance: random.Random, window: Window, *, sided: bool, vectors: bool) -> Contest:
    """Some reader: of the window some units wait, of some of which vectors are known."""
    rows = sorted(chance.sample(range(len(window)), chance.randint(1, len(window))))
    memory = SpeakerMemory()
    for speaker in "abcd":
        memory.add(speaker, chance.random(), 0.0)
    known = None
    if vectors and chance.random() < 0.7:
        known = np.array([[chance.gauss(0, 1) for _ in range(8)] for _ in rows], dtype=np.float32)
        known /= np.linalg.norm(known, axis=1, keepdims=True)
        known[chance.randrange(len(rows))] = 0.0
    runner = Runner(
        np.array(rows),
        np.array([chance.choice([1.0, 0.5, chance.random()]) for _ in rows]),
        memory,
        sides=[chance.choice(["side 0", "side 1", None]) for _ in rows] if sided else None,
        vectors=known,
        closeness=None if known is None else np.array([chance.random() for _ in rows]),
    )
    units: Sequence[Unit] = [window.units[row] for row in rows]
    budget = chance.choice([1.0, 6.5, 14.0, 40.0, 200.0])
    return Contest(window, runner, units, budget, 0.0, LOOK, chance.choice([0.0, 83.0]), chance.random() < 0.8)


def outcome(ranked: Ranked) -> tuple[list[tuple[int, float]], list[tuple[int, int]]]:
    return list(ranked.won), list(ranked.repeats)


@pytest.mark.parametrize("seed", range(120))
def test_a_block_decides_as_each_would_alone_to_the_last_bit(seed: int) -> None:
    chance = random.Random(seed)
    window = Window(talk(chance), learned(chance))
    sided, vectors = seed % 3 == 0, seed % 4 == 0
    contests = [contest(chance, window, sided=sided, vectors=vectors) for _ in range(chance.randint(2, 12))]
    together_ = [outcome(ranked) for ranked in decide(contests)]
    assert together_ == [outcome(decide([one])[0]) for one in contests]
    assert any(won for won, _ in together_)


def test_a_block_has_a_bound_and_contests_of_different_kinds_are_decided_apart() -> None:
    chance = random.Random(7)
    windows = [Window(talk(chance, 12), learned(chance)) for _ in range(2)]
    contests = [contest(chance, windows[i % 2], sided=i % 3 == 0, vectors=False) for i in range(2 * BLOCK_READERS_MAX)]
    contests[5].weigh = PLAIN
    assert [outcome(one) for one in decide(contests)] == [outcome(decide([one])[0]) for one in contests]


def looking(one: Contest, looks: int, log: list[str], name: str) -> Looking[int]:
    """Looks so often; fails in the end if it is called so."""
    won = 0
    for _ in range(looks):
        log.append(name)
        won += len((yield one).won)
    if name == "bad":
        raise ValueError("no good")
    return won


def test_looks_go_on_in_lockstep_and_one_that_fails_stops_no_other() -> None:
    chance = random.Random(1)
    one = contest(chance, Window(talk(chance), learned(chance)), sided=False, vectors=False)
    log: list[str] = []
    none, once, bad, twice = together(
        [looking(one, n, log, name) for n, name in ((0, "0"), (1, "1"), (1, "bad"), (2, "2"))]
    )
    assert (none, isinstance(bad, ValueError)) == (0, True)
    assert isinstance(once, int) and twice == 2 * once
    assert log == ["1", "bad", "2", "2"]


def test_a_look_alone_tells_what_went_wrong() -> None:
    chance = random.Random(1)
    one = contest(chance, Window(talk(chance), learned(chance)), sided=False, vectors=False)
    with pytest.raises(ValueError, match="no good"):
        alone(looking(one, 1, [], "bad"))
