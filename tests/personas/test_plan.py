from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.personas.plan import TEXT_BYTES_MAX, Plan, PlanError, make_plan, split_text
from cadence.personas.script import Line, frame_bytes
from cadence.rooms.wire import FRAME_BYTES_MAX


def meeting(*turns: tuple[str, str]) -> str:
    transcripts = [{"speaker": speaker, "content": content} for speaker, content in turns]
    return json.dumps({"topic_list": [], "meeting_transcripts": transcripts}) + "\n"


def plan(*lines: str, meeting: int = 1, minutes: float | None = None) -> Plan:
    return make_plan(lines[0], lambda: lines[1:], meeting=meeting, minutes=minutes)


TALK = meeting(("Professor E", "So . OK ."), ("Grad G", "one two three four five"), ("Professor E", " "))


def test_a_meeting_becomes_spoken_lines_at_150_words_a_minute() -> None:
    found = plan(TALK)
    assert found.lines == (
        Line(1, "speaker-1", "So . OK .", after_s=0.8, spoken=True),
        Line(2, "speaker-2", "one two three four five", after_s=2.0, spoken=True),
    )
    assert [(member.id, member.name) for member in found.cast] == [
        ("speaker-1", "Professor E"),
        ("speaker-2", "Grad G"),
    ]
    assert found.seconds == pytest.approx(2.8)


def test_another_meeting_of_the_file_can_be_chosen_and_no_more_is_read() -> None:
    def rest() -> Iterable[str]:
        yield "\n"
        yield meeting(("Bo", "second"))
        raise AssertionError("read too far")

    assert make_plan(TALK, rest, meeting=2).lines[0].text == "second"


def test_a_meeting_that_is_not_in_the_file_says_how_many_are() -> None:
    with pytest.raises(PlanError, match="expected at least 4 meetings in the file, got 2"):
        plan(TALK, TALK, meeting=4)


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


def test_a_turn_too_long_for_a_frame_is_cut_where_sentences_end() -> None:
    sentence = "This is a sentence of the meeting. "
    content = sentence * 4000
    found = plan(meeting(("Bo", content)))
    assert "".join(line.text for line in found.lines) == content
    assert len(found.lines) == 3
    assert all(frame_bytes(line.text) <= FRAME_BYTES_MAX for line in found.lines)
    assert all(line.text.strip().endswith("meeting.") for line in found.lines)
    assert [line.number for line in found.lines] == [1, 2, 3]


def test_a_script_is_a_plan_too() -> None:
    found = plan('{"from": "ada", "text": "one"}\n', "\n", '{"from": "bo", "text": "two", "reply_to": 1, "after_s": 0}')
    assert found.lines == (Line(1, "ada", "one", after_s=1.5), Line(3, "bo", "two", after_s=0.0, reply_to=1))
    assert [member.name for member in found.cast] == ["ada", "bo"]


@pytest.mark.parametrize(
    ("lines", "meeting", "sentence"),
    [
        (['{"from": "ada", "txet": "x"}'], 1, "line 1: `txet`: unknown key; the nearest known key is `text`"),
        ([""], 1, "expected at least one line, got none"),
        (['{"from": "ada", "text": "x"}'], 2, "expected a QMSum file for meeting 2, got a script"),
        (['{"meeting_transcripts": [{"speaker": 1, "content": "x"}]}'], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": [}'], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": ' + "[" * 99999], 1, "meeting 1: expected QMSum's JSON, but: "),
        (['{"meeting_transcripts": []}'], 1, "expected at least one turn that says something within the time"),
        (['"meeting_transcripts"'], 1, "meeting 1: expected QMSum's JSON, but: "),
    ],
)
def test_a_file_that_cannot_be_replayed_says_why(lines: list[str], meeting: int, sentence: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan(*lines, meeting=meeting)
    assert str(caught.value).startswith(sentence)


def test_no_time_is_no_turn() -> None:
    with pytest.raises(PlanError, match="within the time"):
        plan(TALK, minutes=0.0)


def test_a_meeting_of_too_many_speakers_is_refused() -> None:
    with pytest.raises(PlanError, match="expected at most 200 speakers, got 201"):
        plan(meeting(*[(f"s{n}", "x") for n in range(201)]))


def test_an_endless_script_is_not_read_to_its_end() -> None:
    def rest() -> Iterable[str]:
        while True:
            yield "x" * 1_000_000

    with pytest.raises(PlanError, match="expected a script of at most"):
        make_plan("x", rest)


def test_a_text_is_cut_as_coarsely_as_it_can_be() -> None:
    assert split_text("Short. Text.", 100) == ["Short. Text."]
    assert split_text("One two. Three four. Five.", 22) == ["One two. Three four. ", "Five."]
    assert split_text("aaa bbb ccc", 8) == ["aaa bbb ", "ccc"]
    assert split_text("aaaaaaaaaa", 4) == ["aaaa", "aaaa", "aa"]
    assert split_text('""""', 4) == ['""', '""'], "as it stands in JSON"


def test_a_huge_word_is_cut_in_a_moment() -> None:
    assert [len(piece) for piece in split_text("x" * 150_000, TEXT_BYTES_MAX)][0] == TEXT_BYTES_MAX


@given(st.text(alphabet=st.sampled_from("ab .\n!é\"'"), max_size=120) | st.text(max_size=60), st.integers(12, 40))
def test_pieces_fit_and_join_to_the_whole(text: str, bytes_max: int) -> None:
    pieces = split_text(text, bytes_max)
    assert "".join(pieces) == text
    assert all(len(msgspec.json.encode(piece)) - 2 <= bytes_max for piece in pieces)
    assert len(pieces) == 1 or all(pieces)
