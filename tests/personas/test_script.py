from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.fields import Report
from cadence.personas.script import SCRIPT_LINES_MAX, Line, frame_bytes, parse_script
from cadence.rooms.wire import FRAME_BYTES_MAX, Part, Say, encode


def parse(text: str) -> tuple[tuple[Line, ...], list[str]]:
    report = Report("s.jsonl")
    lines = parse_script(text, report)
    return lines, [str(problem).removeprefix("s.jsonl:").strip() for problem in report.all()]


def test_lines_become_what_is_said() -> None:
    lines, problems = parse(
        '{"from": "ada", "text": "One"}\n'
        "\n"
        '{"from": "bo", "text": "", "after_s": 2.5, "reply_to": 1, "spoken": true,'
        ' "parts": [{"kind": "code", "body": "x = 1", "lang": "python"}]}\n'
    )
    assert problems == []
    assert lines == (
        Line(1, "ada", "One"),
        Line(3, "bo", "", 2.5, 1, (Part("code", "x = 1", lang="python"),), True),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"from": "ada"}', "2: `text`: missing; expected a string"),
        ('{"from": "Ada", "text": "x"}', "2: `from`: expected an id of 1 to 64 characters out of a-z, 0-9, _ and -"),
        ('{"form": "ada", "from": "ada", "text": "x"}', "2: `form`: unknown key; the nearest known key is `from`"),
        ('{"from": "ada", "text": 3}', "2: `text`: expected a string, got 3"),
        ('{"from": "ada", "text": ""}', "2: `text`: expected a text, or parts beside an empty one, got neither"),
        ('{"from": "ada", "text": "x", "after_s": -1}', "2: `after_s`: expected a number of seconds from 0 to 3600"),
        ('{"from": "ada", "text": "x", "after_s": 1e999}', "2: expected one JSON object, but: Number out of range"),
        ('{"from": "ada", "text": "x", "reply_to": 2}', "2: `reply_to`: expected the number of an earlier line"),
        ('{"from": "ada", "text": "x", "reply_to": 0}', "2: `reply_to`: expected the number of an earlier line"),
        (
            '{"from": "ada", "text": "x", "parts": [{"kind": "c", "body": ""}]}',
            '2: `parts[0].kind`: expected one of "c',
        ),
        ('{"from": "ada", "text": "x", "parts": [{"kind": "data"}]}', "2: `parts[0].body`: missing; expected a string"),
        ('{"from": "ada", "text": "x", "spoken": 1}', "2: `spoken`: expected true or false, got 1"),
        ("[1]", "2: expected one JSON object, got [1]"),
        ("{", "2: expected one JSON object, but: "),
        ('{"from": "ada", "text": "\\ud800"}', "2: expected one JSON object, but: "),
        ("[" * 100_000, "2: expected one JSON object, but: "),
    ],
)
def test_a_broken_line_is_named_with_its_field(line: str, problem: str) -> None:
    lines, problems = parse('{"from": "ada", "text": "x"}\n' + line)
    assert [found for found in problems if found.startswith(problem)], problems
    assert len(problems) == 1


def test_a_reply_to_an_empty_line_is_a_problem() -> None:
    _, problems = parse('{"from": "a", "text": "x"}\n\n{"from": "a", "text": "x", "reply_to": 2}')
    assert problems == ["3: `reply_to`: expected the number of an earlier line that says something, got 2"]


def test_too_many_parts_are_a_problem() -> None:
    parts = [{"kind": "data", "body": "x"}] * 17
    _, problems = parse(json.dumps({"from": "a", "text": "", "parts": parts}))
    assert "1: `parts`: expected at most 16 entries, got 17" in problems


def test_a_line_that_no_frame_can_carry_is_a_problem() -> None:
    _, problems = parse(json.dumps({"from": "a", "text": "x" * FRAME_BYTES_MAX}))
    assert problems[0].startswith("1: expected a frame of at most 65536 bytes, got ")


def test_the_size_of_a_frame_is_never_less_than_what_is_sent() -> None:
    say = Say(room="r" * 64, id="i" * 64, text="é" * 9, reply_to=2**53, ref="i" * 64, spoken=True)
    assert frame_bytes("é" * 9) == len(encode(say))


def test_an_empty_script_says_that_it_is_empty() -> None:
    assert parse("\n \n") == ((), ["expected at least one line, got none"])


def test_a_script_has_a_largest_number_of_lines() -> None:
    lines, problems = parse('{"from": "a", "text": "x"}\n' * (SCRIPT_LINES_MAX + 1))
    assert len(lines) == SCRIPT_LINES_MAX
    assert problems == [f"{SCRIPT_LINES_MAX + 1}: expected at most {SCRIPT_LINES_MAX} lines, got more"]


@given(st.text() | st.text(alphabet='{}[]":,fromtext \n1e', max_size=80))
def test_no_text_whatever_makes_parsing_fail(text: str) -> None:
    lines, problems = parse(text)
    assert lines or problems
