from __future__ import annotations

import numpy as np

from cadence.alex.transcript import ENTRIES_KEPT_MAX, Transcript
from cadence.lod.leanings import Leanings
from tests.alex.talk import code, entry, line, message


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
    assert transcript.entry(1) is None
    assert {entry.speaker for seq in (2, 99) if (entry := transcript.entry(seq)) is not None} == {"otto"}


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
    transcript = Transcript()
    said = transcript.enter(message(1, "One primary is enough."))
    (unit,) = said.parsed.units
    assert said.vector(unit) is None
    transcript.learn_vector(said, 0, np.ones(3, dtype=np.float32))
    vector = said.vector(unit)
    assert vector is not None and vector.tolist() == [1.0, 1.0, 1.0]


def argued(messages: int) -> Transcript:
    """Everybody is on the same topic; every fourth speaker stands alone."""
    transcript = Transcript()
    transcript.leanings = Leanings(np.eye(40, 4, dtype=np.float32))
    for seq in range(1, messages + 1):
        said = transcript.enter(message(seq, line(seq), f"speaker {seq % 4}"))
        vector = np.eye(40)[0] + (0.6 if seq % 4 else -0.6) * np.eye(40)[1] + 0.4 * np.eye(40)[2 + seq]
        transcript.learn_vector(said, 0, (vector / np.linalg.norm(vector)).astype(np.float32))
    return transcript


def test_an_argument_is_known_from_vectors_as_they_come() -> None:
    transcript = argued(12)
    argument = transcript.argument
    assert argument.heat == 1.0 and argument.ties[0, 1] < 0
    assert transcript.argument is argument, "nothing has changed"
    said = transcript.enter(message(13, line(13), "speaker 5"))
    assert "speaker 5" not in transcript.argument.places
    transcript.learn_vector(said, 0, np.eye(40, dtype=np.float32)[0])
    assert "speaker 5" in transcript.argument.places


def test_an_argument_does_not_know_what_was_redacted() -> None:
    """Law 17."""
    transcript = argued(12)
    assert "speaker 0" in transcript.argument.places
    for seq in (4, 8, 12):
        transcript.redact(seq)
    assert "speaker 0" not in transcript.argument.places
    assert argued(12).argument.heat and not Transcript().argument.heat


def test_a_conversation_that_begins_again_is_no_argument_yet() -> None:
    transcript = argued(12)
    transcript.forget()
    transcript.enter(message(13, line(13)))
    assert not transcript.argument.heat


def test_readers_of_the_same_moment_look_through_one_window() -> None:
    transcript = Transcript()
    entries = [transcript.enter(message(seq, line(seq))) for seq in range(1, 21)]
    units = [unit for entry in entries for unit in entry.parsed.units]
    window = transcript.window(units)
    assert window is not None and window.places(units) is not None
    assert transcript.window(units[3:]) is window
    assert transcript.windows_built == 1


def test_a_window_is_made_anew_when_the_room_has_gone_on() -> None:
    transcript = Transcript()
    units = list(transcript.enter(message(1, line(1))).parsed.units)
    before = transcript.window(units)
    entry = transcript.enter(message(2, line(2)))
    after = transcript.window(units)
    assert after is not before and after is not None and after.places(entry.parsed.units) is not None
    transcript.learn(entry)
    assert transcript.window(units) is not after


def test_a_redacted_message_is_in_no_window() -> None:
    transcript = Transcript()
    entries = [transcript.enter(message(seq, line(seq))) for seq in (1, 2)]
    units = [unit for entry in entries for unit in entry.parsed.units]
    transcript.window(units)
    transcript.redact(2)
    window = transcript.window(units[:1])
    assert window is not None and window.places(units) is None


def test_who_waits_for_something_old_gets_a_window_of_their_own() -> None:
    transcript = Transcript()
    entries = [transcript.enter(message(seq, line(seq))) for seq in range(1, 301)]
    assert transcript.window(list(entries[0].parsed.units)) is None
    assert transcript.windows_built == 0


def test_the_newest_are_given_oldest_first() -> None:
    transcript = Transcript()
    for seq in range(1, 6):
        transcript.enter(message(seq))
    assert [one.seq for one in transcript.newest(3)] == [3, 4, 5]
    assert [one.seq for one in transcript.newest(9)] == [1, 2, 3, 4, 5]
