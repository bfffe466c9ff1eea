"""Scripted conversations: one JSON object per line, in the order of speaking.

    {"from": "mira", "text": "How long may a desk be without its calendar?"}
    {"from": "jon", "text": "Ask the desk. Eleven minutes.", "after_s": 4, "reply_to": 1}

| key | | |
|---|---|---|
| `from` | required | id of a persona who is a member of the room |
| `text` | required | CommonMark; empty only beside `parts` |
| `after_s` | optional | seconds after the line before (0 to 3,600) instead of the usual gap; divided by the speed |
| `reply_to` | optional | number of an earlier line, the first is 1 |
| `parts` | optional | at most 16 of {kind: code, tool or data; body; lang?; name?} |
| `spoken` | optional | true for transcribed speech |

Empty lines count as lines and say nothing. A line whose frame would exceed the protocol's 64 KiB is a problem.

Pure: text in, lines and problems out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from cadence.fields import Id, Report, brief, read
from cadence.rooms.wire import FRAME_BYTES_MAX, PARTS_MAX, Part, Say, encode

SCRIPT_BYTES_MAX = 8 * 1024 * 1024
SCRIPT_LINES_MAX = 20_000
AFTER_SECONDS_MAX = 3600.0
_ENVELOPE = Say(room="r" * 64, id="i" * 64, text="", reply_to=2**53, ref="i" * 64, spoken=True)

AfterSeconds = Annotated[float, Meta(ge=0, le=AFTER_SECONDS_MAX, description="a number of seconds from 0 to 3600")]
LineNumber = Annotated[int, Meta(ge=1, description="the number of an earlier line, counted from 1")]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a script. `number` and `reply_to` count lines of the file from 1."""

    number: int
    speaker: str
    text: str
    after_s: float | None = None
    reply_to: int | None = None
    parts: tuple[Part, ...] = ()
    spoken: bool = False


class _Fields(Struct, frozen=True, rename={"from_": "from"}, kw_only=True):
    from_: Id
    text: str
    after_s: AfterSeconds | None = None
    reply_to: LineNumber | None = None
    parts: Annotated[tuple[Part, ...], Meta(max_length=PARTS_MAX)] = ()
    spoken: bool = False


def parse_script(text: str, report: Report) -> tuple[Line, ...]:
    """The lines of `text`; every problem is told to `report` and its line left out."""
    lines: list[Line] = []
    spoken: set[int] = set()
    for number, source in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if not source.strip():
            continue
        if number > SCRIPT_LINES_MAX:
            report.tell(f"expected at most {SCRIPT_LINES_MAX} lines, got more", line=number)
            break
        line = _parse_line(number, source, report)
        if line is None:
            continue
        if line.reply_to is not None and line.reply_to not in spoken:
            report.tell(
                f"expected the number of an earlier line that says something, got {line.reply_to}",
                field="reply_to",
                line=number,
            )
        spoken.add(number)
        lines.append(line)
    if not lines and not report.problems:
        report.tell("expected at least one line, got none")
    return tuple(lines)


def frame_bytes(text: str, parts: tuple[Part, ...] = ()) -> int:
    """Size of the largest `say` frame that can carry this, in bytes."""
    return len(encode(msgspec.structs.replace(_ENVELOPE, text=text, parts=parts)))


def _parse_line(number: int, source: str, report: Report) -> Line | None:
    try:
        table = msgspec.json.decode(source)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        report.tell(f"expected one JSON object, but: {error}", line=number)
        return None
    if not isinstance(table, dict):
        report.tell(f"expected one JSON object, got {brief(table)}", line=number)
        return None
    fields = read(_Fields, table, report, line=number)
    if fields is None:
        return None
    if not fields.text and not fields.parts:
        report.tell("expected a text, or parts beside an empty one, got neither", field="text", line=number)
        return None
    size = frame_bytes(fields.text, fields.parts)
    if size > FRAME_BYTES_MAX:
        report.tell(f"expected a frame of at most {FRAME_BYTES_MAX} bytes, got {size}: split it", line=number)
        return None
    return Line(number, fields.from_, fields.text, fields.after_s, fields.reply_to, fields.parts, fields.spoken)
