from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cadence.alex.transcript import Transcript
from cadence.alex.waiting import Candidate, Floats, Waiting, candidates
from tests.alex.talk import code, entry, message

TWO = "The first node is slow. The second node is fast."


def newest_first(units: Sequence[Candidate]) -> Floats:
    return np.array([candidate.entry.seq / 100 for candidate in units])


def waiting(*texts: str, urgent: frozenset[int] = frozenset()) -> Waiting:
    filled = Waiting()
    for seq, text in enumerate(texts, 1):
        filled.add(entry(seq, text), float(seq), urgent=seq in urgent)
    return filled


def seqs(filled: Waiting) -> list[int]:
    return [message.entry.seq for message in filled]


def test_what_is_shown_waits_no_longer_and_its_rest_does() -> None:
    filled = waiting(TWO)
    (message,) = filled
    filled.shown([message.entry.parsed.units[0]])
    assert [candidate.unit.text for candidate in candidates(filled)] == ["The second node is fast."]
    (rest,) = filled
    assert rest.touched and rest.words == 5


def test_readers_share_what_waits_for_them_alike_and_nobody_changes_it() -> None:
    said = Transcript().enter(message(1, TWO))
    one, other, urged, late = Waiting(), Waiting(), Waiting(), Waiting()
    for filled, since, urgent in ((one, 0.0, False), (other, 0.0, False), (urged, 0.0, True), (late, 1.0, False)):
        filled.add(said, since, urgent=urgent)
    (fresh,) = one
    assert next(iter(other)) is fresh
    assert [message.urgent for message in urged] == [True]
    one.shown(fresh.left[:1])
    assert [len(message.left) for filled in (one, other, urged) for message in filled] == [1, 2, 2]
    assert [message.since for message in late] == [1.0]


def test_what_is_kept_no_longer_shares_nothing() -> None:
    said = Transcript().enter(message(1, TWO))
    filled = Waiting()
    filled.add(said, 0.0, urgent=False)
    (before,) = filled
    assert said.fresh is before
    said.leave()
    other = Waiting()
    other.add(said, 0.0, urgent=False)
    assert next(iter(other)) is not before and said.fresh is None, "nothing leads from it to what leads to it"


def test_an_untouched_message_counts_its_blocks_whole() -> None:
    filled = Waiting()
    filled.add(entry(1, "Two words", parts=code("x " * 40)), 0.0, urgent=False)
    assert [message.words for message in filled] == [42]


def test_white_space_never_waits() -> None:
    assert seqs(waiting("   ", "words")) == [2]


def test_old_text_is_dropped_unless_it_is_urgent() -> None:
    filled = waiting("one", "two", "three", urgent=frozenset({1}))
    filled.drop_older(3.0)
    assert seqs(filled) == [1, 3]


def test_the_most_attended_messages_are_kept_whole() -> None:
    filled = waiting(TWO, TWO, TWO, TWO, urgent=frozenset({1}))
    filled.keep_most_attended(5, newest_first)
    assert seqs(filled) == [1, 3, 4]


def test_nothing_is_dropped_below_the_bound() -> None:
    filled = waiting(TWO, TWO)
    filled.keep_most_attended(4, newest_first)
    assert seqs(filled) == [1, 2]


def test_clearing_may_spare_what_is_urgent() -> None:
    filled = waiting("one", "two", urgent=frozenset({2}))
    filled.clear(but_urgent=True)
    assert seqs(filled) == [2]
    filled.clear()
    assert seqs(filled) == []


def test_a_removed_message_is_gone() -> None:
    filled = waiting("one", "two")
    filled.remove(1)
    assert seqs(filled) == [2]


def test_whether_a_message_waits_is_told_without_splitting_it() -> None:
    filled = waiting("one", "  ", "three")
    assert [seq in filled for seq in (1, 2, 3, 4)] == [True, True, True, False]
    assert all(said._parsed is None for said, _, _ in filled._new)
    assert seqs(filled) == [1, 3]
    assert 2 not in filled, "white space that was looked at"
    spoken = Waiting()
    spoken.add(entry(1, "Uh, um.", spoken=True), 1.0, urgent=False)
    assert seqs(spoken) == [], "nothing is left of it once it is cleaned"
