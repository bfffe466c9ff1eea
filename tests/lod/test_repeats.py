from __future__ import annotations

import numpy as np

from cadence.lod.repeats import SHOWN_MAX, ShownMemory
from cadence.lod.units import Source, Unit, parse


def unit(text: str) -> Unit:
    return parse(Source(1, "vera", 0.0, text)).units[0]


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
