from __future__ import annotations

import json

import pytest

from cadence.personas.plan import Plan, PlanError, make_plan
from cadence.personas.script import Line
from cadence.rooms.wire import Author, Message, encode


def meeting(*turns: tuple[str, str]) -> str:
    transcripts = [{"speaker": speaker, "content": content} for speaker, content in turns]
    return json.dumps({"topic_list": [], "meeting_transcripts": transcripts}) + "\n"


def plan(*lines: str, meeting: int = 1, minutes: float | None = None) -> Plan:
    return make_plan(lines[0], lambda: lines[1:], meeting=meeting, minutes=minutes)


TALK = meeting(("Professor E", "So . OK ."), ("Grad G", "one two three four five"), ("Professor E", " "))
SCRIPT = '{"from": "ada", "text": "one"}\n'
EXPORT = encode(Message("hall", "e", 4, "m", Author("ada", "Ada", "agent"), "2031-01-01T10:00:00.000Z", "one")).decode()


@pytest.mark.parametrize(
    ("lines", "name", "line"),
    [
        ([TALK], "Professor E", Line(1, "speaker-1", "So. OK.", after_s=0.8, spoken=True)),
        ([SCRIPT], "ada", Line(1, "ada", "one", after_s=1.5)),
        (["\n", SCRIPT], "ada", Line(2, "ada", "one", after_s=1.5)),
        ([EXPORT], "Ada", Line(4, "ada", "one", after_s=0.0)),
        (["[10:00] <ada> one\n"], "ada", Line(1, "speaker-1", "one", after_s=0.0)),
        (
            ["--- Log opened\n", "\n", "=== ada has joined\n", "[10:00] <ada> one\n"],
            "ada",
            Line(1, "speaker-1", "one", 0),
        ),
    ],
)
def test_the_first_lines_tell_the_format(lines: list[str], name: str, line: Line) -> None:
    found = plan(*lines)
    assert (found.cast[0].name, found.lines[0]) == (name, line)


def test_a_plan_knows_its_cast_and_its_time() -> None:
    found = plan(TALK)
    assert [(member.id, member.name) for member in found.cast] == [
        ("speaker-1", "Professor E"),
        ("speaker-2", "Grad G"),
    ]
    assert found.seconds == pytest.approx(2.8)


def test_minutes_are_of_the_meeting_and_end_with_a_whole_turn() -> None:
    talk = meeting(*[("ABC"[n % 3], "w " * 75) for n in range(10)])  # half a minute each
    found = plan(talk, minutes=1.2)
    assert len(found.lines) == 2
    assert [member.name for member in found.cast] == ["A", "B"], "who says nothing does not come"
    assert found.seconds == pytest.approx(60.0)


def test_names_become_ones_a_server_takes() -> None:
    long = "Hon. Mary Ng (Minister of Small Business, Export Promotion)"
    names = [long, long + " ", "ada", "ADA", "Ａda", "", "\x00", "a\u202eb"]
    found = [member.name for member in plan(meeting(*[(name, "x") for name in names])).cast]
    assert found[:2] == ["Hon. Mary Ng (Minister of Small Business", "Hon. Mary Ng (Minister of Small Busine 2"]
    assert found[2:] == ["ada", "ADA 2", "Ada 3", "Speaker", "Speaker 2", "a b"]
    assert all(1 <= len(name) <= 40 for name in found)


@pytest.mark.parametrize(
    ("lines", "meeting", "sentence"),
    [
        (['{"from": "ada", "txet": "x"}'], 1, "line 1: `txet`: unknown key; the nearest known key is `text`"),
        ([""], 1, "expected at least one line, got none"),
        ([SCRIPT], 2, "expected a QMSum file for meeting 2, got a file of one conversation"),
        (['{"meeting_transcripts": [}'], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": []}'], 1, "expected at least one turn that says something within the time"),
        (["name;text"], 1, "expected a QMSum meeting, a room's script, an export of a room or an IRC log, got none"),
        (["=== ada has joined"], 1, "expected at least one turn that says something within the time"),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(lines: list[str], meeting: int, sentence: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan(*lines, meeting=meeting)
    assert str(caught.value).startswith(sentence)


def test_no_time_is_no_turn() -> None:
    with pytest.raises(PlanError, match="within the time"):
        plan(TALK, minutes=0.0)


def test_a_meeting_of_too_many_speakers_is_refused_unless_fewer_come() -> None:
    talk = meeting(*[(f"s{n}", "one two three four five") for n in range(201)])
    with pytest.raises(PlanError, match="expected at most 200 speakers, got more: ask for fewer minutes"):
        plan(talk)
    assert len(plan(talk, minutes=5).cast) == 150
