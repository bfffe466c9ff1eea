"""QMSum: one meeting per line, {"meeting_transcripts": [{"speaker": name, "content": text}, ...], ...}.

Turns are `spoken`. A turn is sent when its speaker has finished it, at 150 words a minute; empty turns are left
out; a turn too long for one frame is cut where sentences end.

Pure: text in, utterances out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from cadence.lod.words import count_words
from cadence.personas.formats.pieces import TEXT_BYTES_MAX, split_text
from cadence.personas.formats.talk import PlanError, Speakers, Utterance
from cadence.personas.script import Line

SPOKEN_WORDS_PER_MINUTE = 150


class _Turn(Struct, frozen=True):
    speaker: str
    content: str


class _Meeting(Struct, frozen=True):
    meeting_transcripts: list[_Turn]


def begins(line: str) -> bool:
    """Whether a file that begins so is of this format."""
    return '"meeting_transcripts"' in line


def read(lines: Iterable[str], meeting: int) -> Iterator[Utterance]:
    """What is said in one meeting of the file, counted from 1; no line after it is read. Raises `PlanError`."""
    try:
        turns = msgspec.json.decode(_nth(lines, meeting), type=_Meeting).meeting_transcripts
    except (ValueError, RecursionError) as error:
        raise PlanError(f"meeting {meeting}: expected QMSum's JSON, but: {error}") from None
    speakers = Speakers()
    number = 0
    for turn in turns:
        if not turn.content.strip():
            continue
        for piece in split_text(turn.content, TEXT_BYTES_MAX):
            number += 1
            seconds = count_words(piece) * 60.0 / SPOKEN_WORDS_PER_MINUTE
            yield Utterance(turn.speaker, Line(number, speakers.id(turn.speaker), piece, after_s=seconds, spoken=True))


def _nth(lines: Iterable[str], meeting: int) -> str:
    count = 0
    for count, line in enumerate((line for line in lines if line.strip()), 1):
        if count == meeting:
            return line
    raise PlanError(f"expected at least {meeting} meetings in the file, got {count}")
