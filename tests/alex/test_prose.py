from __future__ import annotations

import pytest

from cadence.alex.prose import REDACTED_KEPT, SHELF_MAX, TOLD_MAX, Prose, Shelf, Told, Trace, rung_for, stems_of


def prose(first: int, last: int, rung: int = 12, *seqs: int, text: str = "Vera says so.") -> Prose:
    seen = seqs or (first,)
    told = tuple(Told("vera", text, ((seq, 0),), 3) for seq in seen)
    return Prose(first, last, rung, told, Trace("tiny", "held", "prompt", (), frozenset(seen)))


@pytest.mark.parametrize(("words", "rung"), [(0, 12), (13.9, 12), (24, 24), (60, 48), (95.9, 48), (10_000, 384)])
def test_the_longest_rung_that_fits(words: float, rung: int) -> None:
    assert rung_for(words) == rung


def test_of_each_node_the_longest_prose_that_fits_in_order_of_time() -> None:
    shelf = Shelf()
    for one in (prose(11, 20), prose(1, 10, 24), prose(1, 10, 12), prose(1, 10, 48)):
        assert shelf.add(one)
    found = shelf.within(1, 20, 24)
    assert [(one.first, one.rung) for one in found] == [(1, 24), (11, 12)]
    assert [one.first for one in shelf.within(2, 20, 24)] == [11]
    assert shelf.within(1, 19, 11) == []


def test_what_is_redacted_takes_its_prose_along_also_prose_that_is_on_its_way() -> None:
    shelf = Shelf()
    shelf.add(prose(1, 10, 12, 3))
    shelf.redact(3)
    assert len(shelf) == 0
    assert not shelf.add(prose(1, 10, 12, 3))
    assert shelf.add(prose(11, 20, 12, 12))
    for seq in range(100, 100 + REDACTED_KEPT):
        shelf.redact(seq)
    assert shelf.traces(1, 30)


def test_the_shelf_is_bounded_and_forgets_the_oldest() -> None:
    shelf = Shelf()
    for first in range(1, SHELF_MAX + 3):
        shelf.add(prose(first, first))
    assert len(shelf) == SHELF_MAX and shelf.within(1, 2, 12) == []
    shelf.clear()
    assert len(shelf) == 0


def test_what_was_told_before_is_the_last_of_it_each_node_once() -> None:
    shelf = Shelf()
    for first in range(1, 2 * TOLD_MAX, 2):
        shelf.add(prose(first, first + 1))
    shelf.add(prose(1, 2, 24))
    told = shelf.before(2 * TOLD_MAX + 1)
    assert len(told) == TOLD_MAX and told[-1].units == ((2 * TOLD_MAX - 1, 0),)
    assert shelf.before(1) == []


def test_the_words_of_what_was_told_leave_names_out() -> None:
    told = [Told("vera", "Vera says the cache restarts.", ((1, 0),), 5)]
    assert stems_of(told, {"vera": "Vera"}) == [frozenset({"say", "cach", "restart"})]
