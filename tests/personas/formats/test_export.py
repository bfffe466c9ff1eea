from __future__ import annotations

import pytest

from cadence.personas.formats import export
from cadence.personas.formats.talk import PlanError
from cadence.personas.script import Line
from cadence.rooms.wire import Author, Message, Part, encode, to_iso

ADA = Author("ada", "Ada", "agent")
RAE = Author("rae-0001", "Rae", "human")
PART = Part("code", "x = 1\n", lang="python")


def line(seq: int, author: Author, at: float, text: str, **fields: object) -> str:
    message = Message("hall", "e", seq, f"m{seq}", author, to_iso(at), text, **fields)  # type: ignore[arg-type]
    return encode(message).decode() + "\n"


def test_an_export_is_said_again_with_its_times_names_replies_and_parts() -> None:
    lines = [
        line(7, ADA, 1000.0, "one", spoken=True),
        "\n",
        line(9, RAE, 1002.5, "", parts=(PART,), reply_to=7),
        line(10, ADA, 90_000.0, "the next day"),
    ]
    assert export.begins(lines[0])
    assert [(one.name, one.line) for one in export.read(lines)] == [
        ("Ada", Line(7, "ada", "one", after_s=0.0, spoken=True)),
        ("Rae", Line(9, "rae-0001", "", after_s=2.5, reply_to=7, parts=(PART,))),
        ("Ada", Line(10, "ada", "the next day", after_s=120.0)),
    ]


def test_what_was_taken_back_is_left_out_and_nobody_answers_it() -> None:
    lines = [line(1, ADA, 0.0, "", redacted=True), line(2, RAE, 5.0, "what?", reply_to=1)]
    assert [one.line for one in export.read(lines)] == [Line(2, "rae-0001", "what?", after_s=0.0)]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 99_999,
        '{"type": "turn"}',
        '{"type": "message", "room": "hall"}',
        line(1, ADA, 0.0, "x").replace("1970-01-01T00:00:00.000Z", "noon"),
    ],
)
def test_a_line_that_is_no_message_is_named(text: str) -> None:
    with pytest.raises(PlanError, match="^line 2: expected a message of an export, but: "):
        list(export.read([line(1, ADA, 0.0, "fine"), text]))


@pytest.mark.parametrize("text", ["", "x", '{"from": "ada", "text": "\\"type\\": \\"message\\""}', '{"type": 1}', "[["])
def test_other_files_do_not_begin_like_an_export(text: str) -> None:
    assert not export.begins(text)
