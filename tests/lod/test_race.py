"""Greedy runs, of one reader if not said otherwise.

That they choose what the formula says is held in `test_window.py`, against `plain_digest.py`.
"""

from __future__ import annotations

import numpy as np

from cadence.lod.race import Race
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.window import Window


def race(*said: tuple[str, int, tuple[str, ...]]) -> Race:
    """Everybody runs: speaker, words and content words of each."""
    units = [
        Unit(seq, 0, speaker, 0.0, n, f"{seq} " * n, terms, False, 1.0, None, 0, 2 * n)
        for seq, (speaker, n, terms) in enumerate(said, 1)
    ]
    everybody = np.ones((1, len(units)))
    return Race(Window(units, Background()), everybody > 0.0, everybody, 0.6, None)


def best(subject: Race, room: float, reader: int = 0) -> int | None:
    (row,) = subject.best(np.array([reader]), np.array([room])).tolist()
    return row if row >= 0 else None


def order(subject: Race, room: float = 100.0, reader: int = 0) -> list[int]:
    found: list[int] = []
    while (row := best(subject, room, reader)) is not None:
        subject.take(np.array([reader]), np.array([row]))
        found.append(row)
    return found


def test_words_that_were_said_count_no_more() -> None:
    told = [("a", 4, ("ship", "port")), ("a", 4, ("ship", "port")), ("a", 4, ("crane",))]
    assert order(race(*told)) == [0, 2, 1]


def test_only_who_fits_runs() -> None:
    running = race(("a", 9, ("ship", "port")), ("a", 3, ("crane",)))
    assert order(running, 5.0) == [1]
    assert running.left == [1]


def test_of_equals_the_earlier_wins() -> None:
    assert order(race(("a", 4, ("ship",)), ("a", 4, ("port",)))) == [0, 1]


def test_a_voice_that_was_heard_counts_less() -> None:
    running = race(("a", 4, ("ship",)), ("b", 4, ("port",)))
    running.hear(np.array([[0, 1]]), np.array([[0.5, 0.0]]), 0.7)
    assert order(running) == [1, 0]


def test_who_is_in_no_group_gains_nothing_by_it() -> None:
    running = race(("a", 4, ("ship",)), ("b", 4, ("port",)))
    running.hear(np.array([[-1, 0]]), np.array([[0.0]]), 0.7)
    assert order(running) == [1, 0]


def test_who_says_it_again_is_refused_and_told() -> None:
    running = race(("a", 4, ("ship", "port", "crane")), ("b", 5, ("ship", "port", "crane")), ("b", 5, ("mast",)))
    assert order(running) == [0, 2]
    assert running.repeats == [[(1, 0)]]
    assert running.left == [0]


def test_who_says_nothing_runs_when_nobody_else_is_left() -> None:
    running = race(("a", 1, ()), ("b", 30, ("ship",)))
    assert best(running, 10.0) is None, "the other would fit into a wider rung"
    assert order(running) == [1, 0]


def test_what_is_close_to_what_was_shown_runs_last() -> None:
    running = race(("a", 4, ("ship",)), ("b", 4, ("port",)))
    vectors = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    running.avoid(0, vectors, np.array([0.7, 0.0]), np.arange(2), 6.0)
    assert order(running) == [1, 0]


def test_the_same_in_other_words_is_refused() -> None:
    running = race(("a", 4, ("ship",)), ("b", 4, ("boat",)))
    vectors = np.array([[1.0, 0.0], [0.9, 0.436]], dtype=np.float32)
    running.avoid(0, vectors, np.zeros(2), np.arange(2), 6.0)
    assert order(running) == [0]
    assert running.repeats == [[(1, 0)]]


def test_who_stands_for_many_runs_first() -> None:
    running = race(("a", 4, ("ship",)), ("b", 4, ("boat",)), ("c", 4, ("mast",)))
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], dtype=np.float32)
    running.spread(0, vectors, np.arange(3), np.ones(3), 1.0)
    assert order(running)[0] == 2


def test_readers_run_side_by_side_and_none_touches_another() -> None:
    told = [("a", 4, ("ship", "port", "crane")), ("b", 5, ("ship", "port", "crane")), ("b", 6, ("mast",))]
    units = [
        Unit(seq, 0, speaker, 0.0, n, f"{seq} " * n, terms, False, 1.0, None, 0, 2 * n)
        for seq, (speaker, n, terms) in enumerate(told, 1)
    ]
    attention = np.array([[1.0, 0.1, 0.5], [0.1, 1.0, 0.0], [0.0, 0.0, 1.0]])
    running = Race(Window(units, Background()), attention > 0.0, attention, 0.6, None)
    assert running.best(np.arange(3), np.array([5.0, 5.0, 5.0])).tolist() == [0, 1, -1]
    running.take(np.array([0, 1]), np.array([0, 1]))
    assert running.repeats == [[(1, 0)], [(0, 1)], []]
    assert running.left == [1, 0, 1]
    assert order(running, reader=2) == [2] and order(running, reader=0) == [2]
    assert order(running, reader=1) == []


def test_who_opposes_a_pick_gains_and_who_agrees_with_it_loses() -> None:
    told = [("a", 4, ("ship", "port")), ("b", 4, ("crane",)), ("c", 4, ("mast",))]
    for factors, expected in (([0.5, 0.5, 2.0], [0, 2, 1]), ([0.5, 1.5, 0.9], [0, 1, 2])):
        running = race(*told)
        running.oppose(np.arange(3), np.array([factors, [1.0] * 3, [1.0] * 3]))
        assert order(running) == expected
