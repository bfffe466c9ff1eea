"""Paced mode: whole messages, oldest first, at the reader's pace (protocol rule 7).

Nothing is left out while the reader can catch up. Beyond five minutes of reading the oldest half of what waits
becomes one segment of kind `catch_up`, so that a room that is always too fast stays readable all the same.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cadence.alex.turns import Pick, quoted, segment_words, spliced, whole_message
from cadence.alex.waiting import OpenMessage
from cadence.lod.units import count_words
from cadence.rooms.wire import Segment

BEHIND_SECONDS = 60.0  # of reading; from this on the reader is told to be behind
BACKLOG_SECONDS_MAX = 300.0  # of reading
CATCH_UP_WORDS_MAX = 120

Condense = Callable[[Sequence[OpenMessage], float], Sequence[Pick]]


@dataclass(slots=True)
class PacedTurn:
    """Segments, and the messages that wait no longer."""

    segments: list[Segment] = field(default_factory=list)
    done: list[OpenMessage] = field(default_factory=list)


def reading_seconds(waiting: Sequence[OpenMessage], rate: float) -> float:
    """How long reading all of it takes at `rate` words per second."""
    return sum(message.words for message in waiting) / rate


def paced_turn(waiting: Sequence[OpenMessage], credit: float, rate: float, condense: Condense) -> PacedTurn:
    """The next turn within `credit` words. The first message may overdraw, so that none waits for ever.

    `condense(messages, words)` picks what a catch-up of these messages shows.
    """
    turn = PacedTurn()
    rest = list(waiting)
    if reading_seconds(rest, rate) > BACKLOG_SECONDS_MAX:
        half = _oldest_half(rest)
        segment = _catch_up(half, condense, min(CATCH_UP_WORDS_MAX, credit))
        if segment is not None:  # else the credit is too small to say anything of it: later
            turn.segments.append(segment)
            turn.done += half
            rest = rest[len(half) :]
            credit -= segment_words(segment)
    for message in rest:
        if turn.segments and message.words > credit:
            break
        turn.segments += whole_message(message.entry, 1.0)
        turn.done.append(message)
        credit -= message.words
    return turn


def _oldest_half(waiting: Sequence[OpenMessage]) -> list[OpenMessage]:
    """The oldest messages up to half of all words, at least one."""
    total = sum(message.words for message in waiting)
    half: list[OpenMessage] = []
    words = 0
    for message in waiting:
        if half and 2 * (words + message.words) > total:
            break
        half.append(message)
        words += message.words
    return half


def _catch_up(half: Sequence[OpenMessage], condense: Condense, words: float) -> Segment | None:
    """One segment with a line for each voice, its name before its words; the names are paid for, too."""
    names = {message.entry.speaker: message.entry.message.from_.name for message in half}
    picks = list(condense(half, words - sum(count_words(name) for name in names.values())))
    said = [segment for segment in quoted([pick for pick in picks if pick.unit.block is None]) if segment.text]
    if not said:
        return None
    by_speaker: dict[str, list[str]] = {}
    for one in said:
        by_speaker.setdefault(one.speakers[0], []).append(one.text)
    text = "\n".join(f"{names[speaker]}: {spliced(texts)}" for speaker, texts in by_speaker.items())
    sources = tuple(sorted({seq for one in said for seq in one.sources}))
    return Segment("catch_up", tuple(by_speaker), text, sources, 1.0)
