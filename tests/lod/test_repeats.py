from __future__ import annotations

import random

import numpy as np
import pytest

from cadence.lod import repeats
from cadence.lod.repeats import SHOWN_MAX, ShownMemory
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse
from cadence.lod.window import Window

WORDS = "ship port crane mast storm harbour letter council replica write".split()


def unit(text: str, seq: int = 1) -> Unit:
    return parse(Source(seq, "vera", 0.0, text)).units[0]


def memory(*texts: str) -> ShownMemory:
    shown = ShownMemory()
    for text in texts:
        shown.add((1,), unit(text).terms)
    return shown


def test_the_same_content_in_another_order_is_a_repeat() -> None:
    shown = memory("The second replica lost forty writes during the storm.")
    again = unit("During the storm, forty writes were lost by the second replica!")
    other = unit("The second harbour master wrote forty letters to the council.")
    assert shown.repeats([again, other]).tolist() == [True, False]


def test_fewer_than_three_content_words_never_repeat() -> None:
    assert memory("Replica lost.").repeats([unit("Replica lost.")]).tolist() == [False]


def test_the_words_must_stand_in_one_unit_shown() -> None:
    shown = memory("The replica lost the storm.", "Forty writes reached the coast.")
    assert shown.repeats([unit("The replica reached forty masts.")]).tolist() == [False]


def test_only_the_last_units_are_remembered() -> None:
    shown = memory("The second replica lost forty writes.")
    for number in range(SHOWN_MAX):
        shown.add((1,), (f"word{number}",))
    assert shown.repeats([unit("The second replica lost forty writes.")]).tolist() == [False]


def test_a_near_vector_is_a_repeat_and_a_missing_one_is_not() -> None:
    shown = ShownMemory()
    shown.add((1,), (), np.array([1.0, 0.0], dtype=np.float32))
    near, far = np.array([0.9, 0.436], dtype=np.float32), np.array([0.7, 0.714], dtype=np.float32)
    units = [unit("One thing entirely."), unit("Another thing entirely."), unit("A third thing entirely.")]
    assert shown.repeats(units, [near, far, None]).tolist() == [True, False, False]
    assert np.allclose(shown.closeness([near, far, None]), [0.9, 0.7, 0.0])


def test_forgetting_lets_everything_be_said_again() -> None:
    shown = memory("The second replica lost forty writes.")
    shown.clear()
    assert shown.repeats([unit("The second replica lost forty writes.")]).tolist() == [False]


def test_nothing_is_remembered_of_a_message_that_is_gone() -> None:
    shown = ShownMemory()
    shown.add((7, 8), unit("The second replica lost forty writes.").terms)
    shown.remove(9)
    assert shown.repeats([unit("The second replica lost forty writes.")]).tolist() == [True]
    shown.remove(8)
    assert shown.repeats([unit("The second replica lost forty writes.")]).tolist() == [False]


@pytest.mark.parametrize("many", [1, repeats.MANY_UNITS])
def test_over_a_window_the_same_is_found_however_often_one_looks(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was no repeat is compared only with what was shown since; seeded, against the plain question."""
    monkeypatch.setattr(repeats, "MANY_UNITS", many)
    for seed in range(200):
        chance = random.Random(seed)
        said = [" ".join(chance.sample(WORDS, chance.randint(1, 7))) for _ in range(30)]
        units = [unit(text, seq) for seq, text in enumerate(said, 1)]
        window, shown = Window(units, Background()), ShownMemory()
        for _ in range(12):
            looked_at = sorted(chance.sample(range(30), chance.randint(1, 30)))
            own = [units[i] for i in looked_at]
            found = shown.repeats_in(window, own)
            assert found == np.flatnonzero(shown.repeats(own)).tolist()
            for _ in range(chance.randint(0, 12)):
                other = chance.choice(units)
                shown.add((other.seq,), other.terms, None, other if chance.random() < 0.7 else None)
            if chance.random() < 0.2:
                shown.remove(chance.randint(1, 30))
