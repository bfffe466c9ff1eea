from __future__ import annotations

import numpy as np

from cadence.alex.transcript import ENTRIES_KEPT_MAX, Transcript
from tests.alex.talk import code, entry, message


def test_a_reply_concerns_the_author_it_answers() -> None:
    transcript = Transcript()
    transcript.enter(message(1, speaker="reader", kind="human"))
    answer = transcript.enter(message(2, reply_to=1))
    assert answer.concerns("reader")
    assert not answer.concerns("otto")


def test_a_mention_concerns_who_is_mentioned() -> None:
    assert Transcript().enter(message(1, mentions=("otto",))).concerns("otto")


def test_words_count_text_and_parts_and_at_least_one() -> None:
    assert entry(1, "two words", parts=code("three more words")).words == 5
    assert entry(1, "…").words == 1


def test_words_are_learned_once_told_and_forgotten_on_request() -> None:
    transcript = Transcript()
    transcript.learn(transcript.enter(message(1, "The replica answers.")))
    assert transcript.background.total == 1
    transcript.forget()
    assert transcript.background.total == 0


def test_authors_are_remembered_up_to_a_bound() -> None:
    transcript = Transcript()
    for seq in range(1, ENTRIES_KEPT_MAX + 2):
        transcript.enter(message(seq, speaker="otto"))
    assert transcript.authors([1]) == set()
    assert transcript.authors([2, 99, 10**9]) == {"otto"}


def test_an_explicit_objection_knows_its_target_and_parts_the_speakers() -> None:
    transcript = Transcript()
    transcript.enter(message(1, "One primary is enough for all seven sites.", "vera"))
    objection = transcript.enter(message(2, "No, it is not.", "idris", reply_to=1))
    assert objection.objects_to == 1
    assert transcript.sides.guess(objection.at) == {"idris": "side 0", "vera": "side 1"}


def test_a_quotation_stands_for_a_reply_edge() -> None:
    transcript = Transcript()
    transcript.enter(message(1, "I say that one primary is enough for all seven sites.", "vera"))
    objection = transcript.enter(message(2, "> one primary is enough\n\n-1, it was down for ten hours", "idris"))
    assert objection.objects_to == 1


def test_without_an_edge_there_is_no_objection() -> None:
    transcript = Transcript()
    transcript.enter(message(1, "One primary is enough.", "vera"))
    assert transcript.enter(message(2, "No, it is not.", "idris")).objects_to is None


def test_nobody_objects_to_themselves_or_to_what_is_gone() -> None:
    transcript = Transcript()
    transcript.enter(message(1, "One primary is enough.", "vera"))
    assert transcript.enter(message(2, "No, it is not.", "vera", reply_to=1)).objects_to is None
    transcript.redact(1)
    assert transcript.enter(message(3, "No, it is not.", "idris", reply_to=1)).objects_to is None


def test_mere_agreement_is_known_with_what_it_agrees_with() -> None:
    transcript = Transcript()
    transcript.enter(message(1, "One primary is enough.", "vera"))
    assert transcript.enter(message(2, "+1", "idris", reply_to=1)).agrees_with == 1


def test_a_vector_that_has_come_is_shared_by_all_readers() -> None:
    said = entry(1, "One primary is enough.")
    (unit,) = said.parsed.units
    assert said.vector(unit) is None
    said.learn_vector(0, np.ones(3, dtype=np.float32))
    vector = said.vector(unit)
    assert vector is not None and vector.tolist() == [1.0, 1.0, 1.0]


def test_the_newest_are_given_oldest_first() -> None:
    transcript = Transcript()
    for seq in range(1, 6):
        transcript.enter(message(seq))
    assert [one.seq for one in transcript.newest(3)] == [3, 4, 5]
    assert [one.seq for one in transcript.newest(9)] == [1, 2, 3, 4, 5]
