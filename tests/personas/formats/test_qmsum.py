from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cadence.personas.formats import qmsum
from cadence.personas.formats.talk import PlanError
from cadence.personas.script import Line, frame_bytes
from cadence.rooms.wire import FRAME_BYTES_MAX


def meeting(*turns: tuple[str, str]) -> str:
    transcripts = [{"speaker": speaker, "content": content} for speaker, content in turns]
    return json.dumps({"topic_list": [], "meeting_transcripts": transcripts}) + "\n"


TALK = meeting(("Professor E", "So . OK ."), ("Grad G", "one two three four five"), ("Professor E", " "))


def test_a_meeting_becomes_spoken_lines_at_150_words_a_minute() -> None:
    assert [(one.name, one.line) for one in qmsum.read([TALK], 1)] == [
        ("Professor E", Line(1, "speaker-1", "So. OK.", after_s=0.8, spoken=True)),
        ("Grad G", Line(2, "speaker-2", "one two three four five", after_s=2.0, spoken=True)),
    ]


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("I 'm gonna {vocalsound} go , OK ?", "I'm gonna go, OK?"),
        ('what we meant by " events " ( maybe ) {disfmarker}', 'what we meant by "events" (maybe)'),
        ("It was 99 % : we did n't see 'Kay .", "It was 99%: we did n't see 'Kay."),
        ("so - uh built - in", "so - uh built - in"),
        ("{vocalsound} .", ""),
        ("{gap}", ""),
    ],
)
def test_a_turn_is_set_as_people_write(content: str, written: str) -> None:
    assert qmsum.as_written(content) == written


def test_a_turn_of_notes_only_is_left_out() -> None:
    assert [one.line.text for one in qmsum.read([meeting(("Bo", "{vocalsound} ."), ("Bo", "Yes ."))], 1)] == ["Yes."]


def test_another_meeting_of_the_file_can_be_chosen_and_no_more_is_read() -> None:
    def lines() -> Iterator[str]:
        yield TALK
        yield "\n"
        yield meeting(("Bo", "second"))
        raise AssertionError("read too far")

    assert [one.line.text for one in qmsum.read(lines(), 2)] == ["second"]


def test_a_turn_too_long_for_a_frame_is_cut_where_sentences_end() -> None:
    content = ("This is a sentence of the meeting. " * 4000).strip()
    lines = [one.line for one in qmsum.read([meeting(("Bo", content))], 1)]
    assert "".join(line.text for line in lines) == content
    assert len(lines) == 3
    assert all(frame_bytes(line.text) <= FRAME_BYTES_MAX for line in lines)
    assert all(line.text.strip().endswith("meeting.") for line in lines)
    assert [line.number for line in lines] == [1, 2, 3]


@pytest.mark.parametrize(
    ("lines", "meeting", "sentence"),
    [
        ([TALK, TALK], 4, "expected at least 4 meetings in the file, got 2"),
        (['{"meeting_transcripts": [{"speaker": 1, "content": "x"}]}'], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": [}'], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": ' + "[" * 99999], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['"meeting_transcripts"'], 1, "meeting 1: expected QMSum's JSON, but: "),
    ],
)
def test_a_meeting_that_cannot_be_read_says_why(lines: list[str], meeting: int, sentence: str) -> None:
    with pytest.raises(PlanError) as caught:
        list(qmsum.read(lines, meeting))
    assert str(caught.value).startswith(sentence)
