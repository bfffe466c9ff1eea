from __future__ import annotations

import pytest

from cadence.alex.prose import (
    REDACTED_KEPT,
    TOLD_STEP,
    WANTED_KEPT,
    WRITTEN_MAX,
    Prose,
    Told,
    Trace,
    Written,
    rung_for,
    stems_of,
)


def prose(first: int, last: int, rung: int = 12, *seqs: int, text: str = "Vera says so.") -> Prose:
    seen = seqs or (first,)
    told = tuple(Told("vera", text, ((seq, 0),), 3) for seq in seen)
    return Prose(first, last, rung, told, Trace("tiny", "held", "prompt", (), frozenset(seen)))


@pytest.mark.parametrize(("words", "rung"), [(0, 12), (13.9, 12), (24, 24), (60, 48), (95.9, 48), (10_000, 384)])
def test_the_longest_rung_that_fits(words: float, rung: int) -> None:
    assert rung_for(words) == rung


def test_of_each_node_the_longest_prose_that_fits_in_order_of_time() -> None:
    written = Written()
    for one in (prose(11, 20), prose(1, 10, 24), prose(1, 10, 12), prose(1, 10, 48)):
        assert written.add(one)
    found = written.within(1, 20, 24)
    assert [(one.first, one.rung) for one in found] == [(1, 24), (11, 12)]
    assert [one.first for one in written.within(10, 20, 24)] == [1, 11]
    assert [one.first for one in written.within(11, 20, 24)] == [11]
    assert written.within(1, 19, 11) == []


def test_what_is_redacted_takes_its_prose_along_also_prose_that_is_on_its_way() -> None:
    written = Written()
    written.add(prose(1, 10, 12, 3))
    written.redact(3)
    assert len(written) == 0
    assert not written.add(prose(1, 10, 12, 3))
    assert written.add(prose(11, 20, 12, 12))
    for seq in range(100, 100 + REDACTED_KEPT):
        written.redact(seq)
    assert written.traces(1, 30)


def test_the_shelf_is_bounded_and_forgets_the_oldest() -> None:
    written = Written()
    for first in range(1, WRITTEN_MAX + 3):
        written.add(prose(first, first))
    assert len(written) == WRITTEN_MAX and written.within(1, 2, 12) == []
    written.clear()
    assert len(written) == 0


def test_it_is_known_what_prose_was_asked_for_lately() -> None:
    written = Written()
    written.want(11, 20)
    assert [written.wanted(*span) for span in ((1, 10), (5, 11), (20, 30), (21, 30))] == [False, True, True, False]
    for first in range(100, 100 + WANTED_KEPT):
        written.want(first, first)
    assert not written.wanted(11, 20) and written.wanted(100, 100)
    written.clear()
    assert not written.wanted(100, 100)


def test_what_was_told_before_is_the_last_of_it_each_node_once() -> None:
    written = Written()
    starts = []
    for first in range(1, 81, 2):
        written.add(prose(first, first + 1))
        written.add(prose(first, first + 1, 24))
        told = written.before(first + 2)
        assert told[-1].units == ((first, 0),) and len(told) <= 2 * TOLD_STEP
        starts.append(told[0].units)
    assert len(set(starts)) == 40 // TOLD_STEP - 1  # the first stands for eight nodes, each other for four
    assert written.before(1) == []
    assert len(written.before(3)) == 1


def test_the_words_of_what_was_told_leave_names_out() -> None:
    told = [Told("vera", "Vera says the cache restarts.", ((1, 0),), 5)]
    assert stems_of(told, {"vera": "Vera"}) == [frozenset({"say", "cach", "restart"})]
