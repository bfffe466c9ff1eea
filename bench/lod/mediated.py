"""The real mediator, fed with lines of talk as a room would feed it, and what its turns must hold to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from cadence.alex.events import Posted, Show, Tick
from cadence.alex.mediator import Mediator
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.budget import Bucket
from cadence.lod.leanings import Leanings
from cadence.lod.vectors import Vector
from cadence.rooms.wire import Author, Message, Turn, View, to_iso

START = 1_000_000.0
ROOM, EPOCH, READER = "bench", "bench", "reader"


@dataclass(frozen=True)
class Line:
    """Something said: `at` in seconds from the beginning; `vectors` of its units, if they have come."""

    speaker: str
    at: float
    text: str
    reply_to: int | None = None
    vectors: Sequence[Vector | None] = ()


class Mediated:
    """Readers of one room, one of them if not said otherwise; they differ by when they look, or by their `views`."""

    def __init__(
        self,
        view: View,
        *,
        credit: float | None = None,
        readers: int = 1,
        views: Sequence[View] = (),
        leanings: Leanings | None = None,
    ) -> None:
        self.transcript = Transcript()
        self.transcript.leanings = leanings
        self.entries: dict[int, Entry] = {}
        phases = [0.0 if views else number / readers * view.cadence_s for number in range(readers)]
        wanted = views or [view] * readers
        self.mediators = [
            _mediator(view, self.transcript, phase, credit) for view, phase in zip(wanted, phases, strict=True)
        ]

    def say(self, line: Line) -> list[Turn]:
        """Let time pass up to the line, then say it; returns the turns shown meanwhile."""
        now = START + line.at
        turns = list(self.wait(line.at))
        seq = len(self.entries) + 1
        author = Author(line.speaker, line.speaker, "agent")
        message = Message(ROOM, EPOCH, seq, str(seq), author, to_iso(now), line.text)
        if line.reply_to is not None:
            message = structs.replace(message, reply_to=line.reply_to)
        entry = self.entries[seq] = self.transcript.enter(message)
        self.transcript.learn(entry)
        for unit, vector in zip(entry.parsed.units, line.vectors, strict=False):
            if vector is not None:
                self.transcript.learn_vector(entry, unit.index, vector)
        for mediator in self.mediators:
            mediator.handle(Posted(entry, False), now)
        return turns

    def wait(self, until: float) -> Iterator[Turn]:
        """The turns of the looks up to `until` seconds from the beginning."""
        for mediator in self.mediators:
            while (due := mediator.deadline()) is not None and due <= START + until:
                for action in mediator.handle(Tick(), due):
                    if isinstance(action, Show):
                        yield action.turn


def _mediator(view: View, transcript: Transcript, phase: float, credit: float | None) -> Mediator:
    bucket = Bucket(view.pace_wpm, view.cadence_s, START)
    if credit is not None:
        bucket.credit = credit
    memory = ReaderMemory()
    run = {"covered_to": 0, "turn": 0}
    return Mediator(
        READER, ROOM, EPOCH, view, **run, bucket=bucket, transcript=transcript, memory=memory, phase=phase, now=START
    )
