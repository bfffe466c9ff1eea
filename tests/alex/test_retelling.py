from __future__ import annotations

import numpy as np
import pytest

from cadence.alex.prose import Prose, Told, Trace
from cadence.alex.retelling import retell, rung_needed
from cadence.alex.waiting import Candidate, OpenMessage
from tests.alex.talk import START, entry

TRACE = Trace("tiny", "held", "", (), frozenset())


def told(seq: int, words: int = 5) -> Told:
    return Told("vera", f"Vera says {seq}.", ((seq, 0),), words)


def prose(first: int, *segments: Told) -> Prose:
    return Prose(first, first + 9, 12, segments, TRACE)


def waiting(*seqs: int, urgent: bool = False) -> list[Candidate]:
    return [Candidate(one, one.parsed.units[0], urgent) for one in map(entry, seqs)]


def shown(proses: list[Prose], candidates: list[Candidate], budget: float, closed: set[int] | None = None) -> list[int]:
    found = retell(proses, candidates, np.ones(len(candidates)), budget, closed or set())
    return [one.told.units[0][0] for one in found]


def test_whole_segments_within_the_budget_in_order_of_time() -> None:
    proses = [prose(1, told(1), told(2)), prose(11, told(11))]
    assert shown(proses, waiting(1, 2, 11), 15) == [1, 2, 11]
    assert shown(proses, waiting(1, 2, 11), 10) == [1, 11]
    assert shown(proses, waiting(1, 2, 11), 4) == []


def test_where_nothing_fits_and_nothing_else_is_told_the_first_may_overdraw() -> None:
    found, weights = waiting(1, 2), np.ones(2)
    proses = [prose(1, told(1), told(2))]
    assert [one.told.units for one in retell(proses, found, weights, 3, set(), alone=True)] == [((1, 0),)]
    assert retell(proses, found, weights, 0, set(), alone=True) == []
    assert retell([prose(1, told(1, 41))], found, weights, 3, set(), alone=True) == []


def test_what_was_shown_or_is_urgent_or_disputed_is_not_retold() -> None:
    proses = [prose(1, told(1), told(2))]
    assert shown(proses, waiting(2), 99) == [2]
    assert shown(proses, waiting(1, 2, urgent=True), 99) == []
    assert shown(proses, waiting(1, 2), 99, {1}) == [2]


def test_a_segment_needs_all_its_units_and_no_unit_is_told_twice() -> None:
    both = Told("vera", "Vera says both.", ((1, 0), (2, 0)), 3)
    assert shown([prose(1, both)], waiting(1), 99) == []
    assert shown([prose(1, both, told(2))], waiting(1, 2), 99) == [1]


def test_the_node_that_is_attended_most_comes_first() -> None:
    candidates, weights = waiting(1, 11), np.array([0.9, 0.1])
    found = retell([prose(1, told(1)), prose(11, told(11))], candidates, weights, 5, set())
    assert [one.told.units[0][0] for one in found] == [1]
    segment = found[0].segment()
    assert (segment.kind, segment.speakers, segment.sources, segment.weight) == ("paraphrase", ("vera",), (1,), 0.9)


@pytest.mark.parametrize(("credit", "rate", "rung"), [(13.0, 2.8, 0), (12.9, 2.8, 12), (0.0, 5.8, 24), (0.0, 1.0, 12)])
def test_prose_is_needed_where_not_everything_fits(credit: float, rate: float, rung: int) -> None:
    assert rung_needed([OpenMessage(entry(1), START, False)], credit, rate) == rung
