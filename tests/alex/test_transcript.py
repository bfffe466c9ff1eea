from __future__ import annotations

from cadence.alex.transcript import AUTHORS_KEPT_MAX, Transcript
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
    for seq in range(1, AUTHORS_KEPT_MAX + 2):
        transcript.enter(message(seq, speaker="otto"))
    assert transcript.authors([1]) == set()
    assert transcript.authors([2, 99, 10**9]) == {"otto"}
