from __future__ import annotations

from cadence.alex.grounding import Claim
from cadence.alex.material import SOURCES_MAX, material
from cadence.alex.transcript import Transcript
from tests.alex.talk import SENTENCE, code, message


def transcript(*said: object) -> Transcript:
    made = Transcript()
    for one in said:
        made.enter(one)  # type: ignore[arg-type]
    return made


def test_units_of_ais_become_numbered_sources_and_blocks_do_not() -> None:
    made = transcript(
        message(1, f"{SENTENCE} And the log is never flushed before the lease ends."),
        message(2, "I am a person and was heard as I was.", "bob", kind="human"),
        message(3, "See this.", "pell", parts=code("x = 1")),
    )
    about = material(made, 1, 3)
    assert [(one.key, one.seq, one.speaker, one.name) for one in about.sources] == [
        (1, 1, "vera", "Vera"),
        (2, 1, "vera", "Vera"),
        (3, 3, "pell", "Pell"),
    ]
    assert about.places == {1: (1, 0), 2: (1, 1), 3: (3, 0)}
    assert not any("x = 1" in one.text for one in about.sources)
    assert about.words == sum(len(one.text.split()) for one in about.sources)


def test_an_answer_knows_whom_it_answers_and_what_it_objects_to() -> None:
    made = transcript(message(1), message(2, "No, it keeps every write.", "pell", reply_to=1))
    reply = material(made, 2, 2).sources[0]
    assert (reply.addressee, reply.objects, reply.about) == ("Vera", True, 1)
    assert SENTENCE in reply.before


def test_what_stands_beside_is_in_sight_and_what_is_gone_is_not() -> None:
    made = transcript(message(1), message(2, "It restarts.", "pell"), message(3, "It stops.", "odile"))
    assert material(made, 3, 3).seqs == {1, 2, 3}
    made.redact(2)
    about = material(made, 2, 3)
    assert about.seqs == {1, 3} and "It restarts." not in about.sources[0].before


def test_claims_that_hold_become_segments_of_their_units() -> None:
    about = material(transcript(message(1), message(2, "It restarts under load.")), 1, 2)
    (told,) = about.told([Claim(("vera",), (2, 1, 2), "Vera says that it restarts.")])
    assert (told.units, told.seqs, told.words) == (((1, 0), (2, 0)), (1, 2), 5)


def test_little_is_not_worth_retelling_and_much_is_bounded() -> None:
    made = transcript(*(message(seq, "The node restarts under load again.") for seq in range(1, 2 * SOURCES_MAX)))
    assert not material(made, 1, 3).worth(12)
    assert material(made, 1, 4).worth(12)
    assert len(material(made, 1, 2 * SOURCES_MAX).sources) == SOURCES_MAX
