"""Turn a file of real talk into a cast and lines to replay.

Two formats, told apart by the file's first line:

- QMSum: one meeting per line, {"meeting_transcripts": [{"speaker": name, "content": text}, ...], ...}. Turns are
  `spoken`. A turn is sent when its speaker has finished it, at 150 words a minute; empty turns are left out; a
  turn too long for one frame is cut where sentences end.
- The script format of a room (`cadence.personas.script`): speakers are called by their ids.

Pure: text in, plan out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import Struct
from sentencex import segment

from cadence.lod.words import count_words
from cadence.personas.cards import name_key
from cadence.personas.cast import NAME_CHARS_MAX, Cast, numbered
from cadence.personas.fields import Report
from cadence.personas.play import LINES_PER_MINUTE
from cadence.personas.script import SCRIPT_BYTES_MAX, Line, frame_bytes, parse_script
from cadence.rooms.wire import FRAME_BYTES_MAX

SPOKEN_WORDS_PER_MINUTE = 150
SPEAKERS_MAX = 200
TURNS_MAX = 100_000
TEXT_BYTES_MAX = FRAME_BYTES_MAX - frame_bytes("")


class PlanError(Exception):
    """The file cannot be replayed; the text is one sentence that names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to say and who says it. `lines` have `after_s`; `seconds` is their sum: the time of the talk itself."""

    cast: tuple[Cast, ...]
    lines: tuple[Line, ...]
    seconds: float


class _Turn(Struct, frozen=True):
    speaker: str
    content: str


class _Meeting(Struct, frozen=True):
    meeting_transcripts: list[_Turn]


def make_plan(first: str, rest: Callable[[], Iterable[str]], *, meeting: int = 1, minutes: float | None = None) -> Plan:
    """The plan for a file whose first line is `first`. Raises `PlanError`.

    `rest` yields the lines after it; of a QMSum file none is read beyond the meeting (counted from 1) that is
    asked for. `minutes` keeps what is finished within so many minutes of the talk's own time.
    """
    if '"meeting_transcripts"' in first:
        return _within(_plan_meeting(_nth(first, rest(), meeting), meeting), minutes)
    if meeting != 1:
        raise PlanError(f"expected a QMSum file for meeting {meeting}, got a script, which is one conversation")
    return _within(_plan_script(_bounded(first, rest())), minutes)


def split_text(text: str, bytes_max: int) -> list[str]:
    """`text` in pieces of at most `bytes_max` as JSON, cut where sentences end, else between words, else anywhere.

    Joined again the pieces are the text. A single character may exceed a `bytes_max` below 12.
    """
    return list(_pack(text, bytes_max, (_sentences, _words, list)))


def _nth(first: str, rest: Iterable[str], meeting: int) -> str:
    count = 0
    for count, line in enumerate(_chain(first, rest), 1):
        if count == meeting:
            return line
    raise PlanError(f"expected at least {meeting} meetings in the file, got {count}")


def _bounded(first: str, rest: Iterable[str]) -> str:
    """A whole script, as long as a script may be."""
    gathered, size = [first], len(first)
    for line in rest:
        gathered.append(line)
        size += len(line)
        if size > SCRIPT_BYTES_MAX:
            raise PlanError(f"expected a script of at most {SCRIPT_BYTES_MAX} bytes, got more")
    return "".join(gathered)


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from (line for line in rest if line.strip())


def _plan_meeting(source: str, meeting: int) -> Plan:
    try:
        turns = msgspec.json.decode(source, type=_Meeting).meeting_transcripts
    except (ValueError, RecursionError) as error:
        raise PlanError(f"meeting {meeting}: expected QMSum's JSON, but: {error}") from None
    if len(turns) > TURNS_MAX:
        raise PlanError(f"meeting {meeting}: expected at most {TURNS_MAX} turns, got {len(turns)}")
    ids: dict[str, str] = {}
    lines: list[Line] = []
    for turn in turns:
        if not turn.content.strip():
            continue
        speaker = ids.setdefault(turn.speaker, f"speaker-{len(ids) + 1}")
        for piece in split_text(turn.content, TEXT_BYTES_MAX):
            seconds = count_words(piece) * 60.0 / SPOKEN_WORDS_PER_MINUTE
            lines.append(Line(len(lines) + 1, speaker, piece, after_s=seconds, spoken=True))
    return _plan({id: name for name, id in ids.items()}, lines)


def _plan_script(source: str) -> Plan:
    report = Report("script")
    lines = parse_script(source, report)
    if report.problems:
        first = report.problems[0]
        where = f"line {first.line}: " if first.line else ""
        what = f"`{first.field}`: {first.message}" if first.field else first.message
        raise PlanError(f"{where}{what}")
    timed = [replace(line, after_s=60.0 / LINES_PER_MINUTE if line.after_s is None else line.after_s) for line in lines]
    return _plan({line.speaker: line.speaker for line in lines}, timed)


def _plan(names: dict[str, str], lines: Sequence[Line]) -> Plan:
    if len(names) > SPEAKERS_MAX:
        raise PlanError(f"expected at most {SPEAKERS_MAX} speakers, got {len(names)}")
    return Plan(tuple(_cast(names)), tuple(lines), sum(line.after_s or 0.0 for line in lines))


def _cast(names: dict[str, str]) -> Iterator[Cast]:
    """Each speaker under a name a server takes, and that no other speaker has."""
    taken: set[str] = set()
    for id, raw in names.items():
        plain = unicodedata.normalize("NFKC", raw)
        shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in plain)
        base = " ".join(shown.split())[:NAME_CHARS_MAX].strip() or "Speaker"
        number = 1
        while name_key(numbered(base, number)) in taken:
            number += 1
        name = numbered(base, number)
        taken.add(name_key(name))
        yield Cast(id, name)


def _within(plan: Plan, minutes: float | None) -> Plan:
    if minutes is not None:
        seconds = 0.0
        kept: list[Line] = []
        for line in plan.lines:
            seconds += line.after_s or 0.0
            if seconds > minutes * 60.0:
                break
            kept.append(line)
        speakers = {line.speaker for line in kept}
        cast = tuple(member for member in plan.cast if member.id in speakers)
        plan = Plan(cast, tuple(kept), sum(line.after_s or 0.0 for line in kept))
    if not plan.lines:
        raise PlanError("expected at least one turn that says something within the time, got none")
    return plan


def _size(text: str) -> int:
    """What `text` takes inside a frame, in bytes; the sizes of two texts add up."""
    return len(msgspec.json.encode(text)) - 2


def _pack(text: str, bytes_max: int, splitters: Sequence[Callable[[str], list[str]]]) -> Iterator[str]:
    """`text` if it fits; else its parts, as many together as fit, cut finer where even one does not."""
    if _size(text) <= bytes_max or not splitters:
        yield text
        return
    split, *finer = splitters
    gathered: list[str] = []
    size = 0
    for part in split(text):
        if size + _size(part) > bytes_max:
            if gathered:
                yield "".join(gathered)
            *whole, part = _pack(part, bytes_max, finer)
            yield from whole
            gathered, size = [], 0
        gathered.append(part)
        size += _size(part)
    yield "".join(gathered)


def _sentences(text: str) -> list[str]:
    parts = list(segment("en", text))
    return parts if "".join(parts) == text else [text]  # never lose what a splitter would tidy away


def _words(text: str) -> list[str]:
    return re.split(r"(?<=\s)(?=\S)", text)
