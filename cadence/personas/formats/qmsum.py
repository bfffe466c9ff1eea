"""QMSum: one meeting per line, {"meeting_transcripts": [{"speaker": name, "content": text}, ...], ...}.

Turns are `spoken`. A turn is sent when its speaker has finished it, at 150 words a minute; empty turns are left
out; a turn too long for one frame is cut where sentences end. The transcribers' notes ({vocalsound}) were not said and
go; their tokens ("I 'm here ,") are set as people write ("I'm here,").

Pure: text in, utterances out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from cadence.lod.words import count_words
from cadence.personas.formats.pieces import TEXT_BYTES_MAX, split_text
from cadence.personas.formats.talk import PlanError, Speakers, Utterance
from cadence.personas.script import Line

SPOKEN_WORDS_PER_MINUTE = 150

_NOTE = re.compile(r"\{[a-z]+\}")
_QUOTED = re.compile(r'"\s+([^"]*?)\s+"')
_APART = re.compile(
    r"""\s+(?=[.,;:?!)%])       # "here ." -> "here."
    | (?<=\() \s+
    | (?<=\w) \s+ (?='(?:s|m|d|t|re|ve|ll)\b)  # "I 'm" -> "I'm"
    """,
    re.VERBOSE | re.IGNORECASE,
)


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
        said = as_written(turn.content)
        for piece in split_text(said, TEXT_BYTES_MAX) if said else ():
            number += 1
            seconds = count_words(piece) * 60.0 / SPOKEN_WORDS_PER_MINUTE
            yield Utterance(turn.speaker, Line(number, speakers.id(turn.speaker), piece, after_s=seconds, spoken=True))


def as_written(content: str) -> str:
    """A transcribed turn as its speaker might have typed it; "" if only notes stand there."""
    said = " ".join(_NOTE.sub(" ", content).split())
    said = _APART.sub("", _QUOTED.sub(r'"\1"', said))
    return said if any(letter.isalnum() for letter in said) else ""


def _nth(lines: Iterable[str], meeting: int) -> str:
    count = 0
    for count, line in enumerate((line for line in lines if line.strip()), 1):
        if count == meeting:
            return line
    raise PlanError(f"expected at least {meeting} meetings in the file, got {count}")
