"""A window holds what readers share, and the fast digest over it chooses what the plain one does."""

from __future__ import annotations

import random

import numpy as np
import pytest

from cadence.lod.digest import LOOK, PLAIN, Climb, Runner, SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.window import Window
from tests.lod.plain_digest import plain

VOCABULARY = [f"term{i}" for i in range(60)]


def unit(seq: int, speaker: str, n: int, terms: list[str], salience: float = 1.0) -> Unit:
    return Unit(
        seq, 0, speaker, float(seq), n, f"x{seq} " * n, tuple(dict.fromkeys(terms)), False, salience, None, 0, 2 * n
    )


def talk(chance: random.Random, most: int = 60) -> list[Unit]:
    """Units as uneven as real ones, some of which say again what others said, or nothing."""
    units: list[Unit] = []
    for seq in range(1, chance.randint(2, most)):
        terms = chance.sample(VOCABULARY, chance.randint(0, 8))
        if units and chance.random() < 0.15:
            terms = [*chance.choice(units).terms, *chance.sample(VOCABULARY, 1)]
        salience = chance.choice([0.25, 0.7, 1.0, 1.0])
        units.append(unit(seq, chance.choice("abcd"), chance.randint(1, 30), terms, salience))
    return units


def learned(chance: random.Random) -> Background:
    background = Background()
    for _ in range(chance.choice([0, 5, 200])):
        background.add(chance.sample(VOCABULARY, 6))
    return background


@pytest.mark.parametrize("seed", range(300))
def test_the_fast_digest_chooses_what_the_plain_one_does(seed: int) -> None:
    chance = random.Random(seed)
    units, background = talk(chance), learned(chance)
    attention = [chance.choice([1.0, 0.6, chance.random()]) for _ in units]
    memory = SpeakerMemory()
    memory.add("a", chance.random(), 0.0)
    sides = [chance.choice(["side 0", "side 1", None]) for _ in units] if seed % 3 == 0 else None
    budget = chance.choice([6, 14, 40, 90])
    weigh = PLAIN if seed % 2 else LOOK
    found = rank(units, np.array(attention), background, memory, 0.0, budget, sides=sides, weigh=weigh)
    rungs, refused = plain(units, attention, background, memory, budget, sides, weigh.filler)
    assert [list(rung.added) for rung in found.rungs] == rungs
    assert sorted(found.repeats) == sorted(refused)


@pytest.mark.parametrize("seed", range(100))
def test_a_window_that_holds_more_than_waits_changes_no_choice(seed: int) -> None:
    """The words of those who do not wait are worth nothing, and none of them is picked."""
    chance = random.Random(seed)
    units, background = talk(chance), learned(chance)
    waiting = sorted(chance.sample(range(len(units)), chance.randint(1, len(units))))
    mine = [units[i] for i in waiting]
    attention = np.array([chance.random() for _ in mine])
    alone = rank(mine, attention, background, SpeakerMemory(), 0.0, 40)
    window = Window(units, background)
    rows = window.places(mine)
    assert rows is not None
    shared = Climb(window, [Runner(rows, attention, SpeakerMemory())], 0.0).ladder(40)
    assert alone.rungs == shared.rungs
    assert alone.repeats == shared.repeats
    assert np.allclose(alone.shares, shared.shares)


def test_an_everyday_word_is_worth_less_and_one_that_all_use_nothing() -> None:
    background = Background()
    for _ in range(9):
        background.add(["term0"])
    window = Window([unit(1, "a", 3, ["term0", "term1"])], background)
    assert window.worth(np.ones((1, 2))).tolist() == [[0.0, 1.0]]


def test_where_all_words_are_equally_known_use_decides() -> None:
    window = Window([unit(1, "a", 3, ["term0", "term1"]), unit(2, "b", 3, ["term1"])], Background())
    assert window.worth(np.array([[1.0, 2.0]])).tolist() == [pytest.approx([1 / 3, 2 / 3])]


def test_who_says_again_is_told_by_three_words_at_least() -> None:
    units = [
        unit(1, "a", 5, ["term0", "term1", "term2", "term3"]),
        unit(2, "b", 5, ["term0", "term1", "term2"]),
        unit(3, "b", 5, ["term0", "term1"]),
    ]
    window = Window(units, Background())
    assert [window.again(i) for i in range(3)] == [[1], [0], [1]]


def test_a_crowd_that_says_the_same_is_one_voice_and_a_few_are_not() -> None:
    def cheering(voices: int) -> Window:
        texts = ["Hooray!", "hooray", "HOORAY!!!", "hooray \U0001f389", "Hooray.", "hooray"][:voices]
        units = [
            Unit(seq, 0, f"s{seq}", 0.0, 1, text, ("hooray",), False, 0.25, None, 0, 1)
            for seq, text in enumerate(texts)
        ]
        return Window(units, Background())

    assert cheering(6).again(0) == [1, 2, 4, 5]
    assert cheering(3).again(0) == []


@pytest.mark.parametrize("seed", range(50))
def test_a_window_that_grew_is_the_same_as_one_made_at_once(seed: int) -> None:
    chance = random.Random(seed)
    units, background = talk(chance), learned(chance)
    grown, at = None, 0
    while at < len(units) or grown is None:
        step = chance.randint(0, 9)
        grown = Window(units[at : at + step], learned(random.Random(step)), grown)
        at += step
    grown, made = Window([], background, grown), Window(units, background)
    assert list(grown.units) == units
    assert (grown.words, grown.terms, grown.speakers, grown.n) == (made.words, made.terms, made.speakers, made.n)
    for name in ("sizes", "flat", "owner", "costs", "salience", "rarity", "speaker_of"):
        assert getattr(grown, name).tolist() == getattr(made, name).tolist()
    assert [grown.again(i) for i in range(len(units))] == [made.again(i) for i in range(len(units))]


@pytest.mark.parametrize("seed", range(60))
def test_a_plan_that_ends_early_is_the_beginning_of_the_whole(seed: int) -> None:
    """It holds what was chosen for fewer words, and decides on those it was asked about as the whole plan does."""
    chance = random.Random(seed)
    units, background = talk(chance), learned(chance)
    window, rows = Window(units, background), np.arange(len(units))
    attention = np.array([chance.random() for _ in units])
    alone = [Runner(rows, attention, SpeakerMemory())]
    climb, other = (Climb(window, alone, 0.0, weigh=LOOK) for _ in range(2))
    (chosen,), (whole,) = climb.select([14]), other.select([90])
    left = [i for i in range(len(units)) if i not in chosen]
    asked = set(chance.sample(left, min(3, len(left))))
    (early,) = climb.select([90], {0: asked})
    assert whole[: len(early)] == early
    if sum(units[i].n for i in chosen) <= 14:
        assert set(chosen) <= set(early)
    assert asked & set(early) == asked & set(whole)
