"""Hundreds of lives of the whole room, each from a seed. `pytest tests/test_world.py --seed N` replays one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests import world
from tests.actors import Habits
from tests.mortal import Mute
from tests.stranger import Seen
from tests.world import Twist

SEEDS = 240
BATCH = 20
TWINS = range(1000, 1012)
REMOTE = range(2000, 2040)
MARKS = {
    "identity turn",
    "digest turn",
    "folded block",
    "catch_up turn",
    "overdraw",
    "postponed text",
    "human speech in a turn",
    "empty closing turn",
    "cut",
    "too slow",
    "restart",
    "log fault",
    "redaction",
    "to raw",
    "to paraphrase",
    "to paced",
    "paced turn",
    "paced catch_up",
    "answer turn",
    "answer with a quote",
    "dispute",
    "agree",
    "again",
    "overheard",
    "other pod",
    "whisper",
}
ALL_FAULTS = replace(
    Habits.drawn(Random(0)),
    cuts=True,
    stalls=True,
    long_cuts=True,
    views=True,
    toggles=True,
    reading=True,
    speaking=False,
    asks=True,
)
happened: Counter[str] = Counter()
bereaved: Counter[str] = Counter()
lived: set[int] = set()
noticed: dict[int, bool] = {}


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int | None:
    chosen: int | None = request.config.getoption("--seed")
    return chosen


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_every_life_keeps_the_laws_and_recovers(first: int, seed: int | None) -> None:
    if seed is not None and first:
        pytest.skip("only one seed was asked for")
    for number in [seed] if seed is not None else range(first, first + BATCH):
        life = world.run(number)
        assert not life.violations, life.story()
        happened.update(life.marks)
        lived.add(number)


def test_every_rare_thing_happened_to_somebody() -> None:
    if len(lived) < SEEDS:
        pytest.skip("says something only after all lives")
    assert {mark for mark in MARKS if not happened[mark]} == set()


@pytest.mark.parametrize("number", TWINS[:4])
def test_the_same_seed_lives_the_same_life_twice(number: int) -> None:
    first, second = world.run(number), world.run(number)
    assert first.diaries == second.diaries
    assert first.events == second.events


@pytest.mark.parametrize("number", TWINS[:4])
def test_an_encoder_that_never_answers_delays_and_changes_nothing(number: int) -> None:
    """Law 14: the embedded digest stands in, at the same moment."""
    alone, waiting = world.run(number, Twist(encoder=None)), world.run(number, Twist(encoder=Mute))
    assert not waiting.violations, waiting.story()
    assert alone.diaries == waiting.diaries


@pytest.mark.parametrize("first", range(REMOTE[0], REMOTE[-1], BATCH))
def test_alex_in_other_processes_keeps_the_laws_and_recovers(first: int) -> None:
    for number in range(first, first + BATCH):
        life = world.run(number, Twist(remote=True))
        assert not life.violations, life.story()
        bereaved.update(life.marks)


def test_mediators_died_while_readers_changed_their_mode() -> None:
    if not bereaved:
        pytest.skip("says something only after these lives")
    assert {
        mark for mark in ("mediator's death", "to raw", "to paraphrase", "redaction") if not bereaved[mark]
    } == set()


def _but_for(odd: str, diary: list[Seen]) -> list[tuple[str, Any]]:
    """The frames of a diary, less what another reader's coming and going lawfully changes: who is there."""
    kept: list[tuple[str, Any]] = []
    for seen in diary:
        frame = dict(seen.frame)
        if frame.get("type") == "presence":
            continue
        if frame.get("type") == "joined":
            frame["members"] = [member for member in frame["members"] if member["id"] != odd]
            del frame["member_count"]
        kept.append((seen.way, frame))
    return kept


@pytest.mark.parametrize("number", TWINS)
def test_what_one_reader_does_and_suffers_changes_no_byte_for_another(number: int) -> None:
    """Law 12."""
    lives = [
        world.run(number, Twist(abrupt=True, encoder=None)),
        world.run(number, Twist(abrupt=True, encoder=None, odd_view={"mode": "raw"}, odd_habits=ALL_FAULTS)),
        world.run(
            number,
            Twist(abrupt=True, encoder=None, odd_view={"cadence_s": 1.0, "pace_wpm": 1000}, odd_habits=ALL_FAULTS),
        ),
    ]
    odd = next(seen.frame["you"]["id"] for seen in lives[0].diaries["sol"] if seen.frame.get("type") == "welcome")
    for life in lives:
        assert not life.violations, life.story()
    base, *others = [_but_for(odd, life.testimony("rae")) for life in lives]
    noticed[number] = any(frame["type"] == "turn" for way, frame in base if way == "in")
    for other in others:
        assert other == base


def test_most_readers_of_whom_that_was_asked_had_turns_to_compare() -> None:
    if len(noticed) < len(TWINS):
        pytest.skip("says something only after all twins")
    assert sum(noticed.values()) > len(TWINS) / 2, noticed


@pytest.mark.parametrize("number", TWINS)
def test_agents_cannot_tell_whether_anybody_is_mediated(number: int) -> None:
    """Law 13: not one byte of what an agent receives depends on it."""
    raw, mediated = (world.run(number, Twist(mode=mode, abrupt=True)) for mode in ("raw", "paraphrase"))
    assert not raw.violations and not mediated.violations, raw.story() + mediated.story()
    assert any(seen.frame.get("type") == "turn" for seen in mediated.diaries["rae"])
    for agent in ("wit", "ada", "bob"):
        seen, unseen = ([(one.way, one.frame) for one in life.testimony(agent)] for life in (raw, mediated))
        assert seen == unseen
