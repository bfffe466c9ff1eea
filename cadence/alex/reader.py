"""What the driver keeps of a room and of each human in it. Data only; the driver and arrivals change it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from cadence.alex import views
from cadence.alex.ambience import Ambience
from cadence.alex.events import Action
from cadence.alex.mediator import Mediator
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.pace import PaceLearner
from cadence.lod.scopes import Floor
from cadence.rooms.mediation import ReaderRecord
from cadence.rooms.wire import View, ViewPatch

REDACTED_KEPT = 1_000
UNLEARNED_MAX = 10_000  # messages whose words are not yet counted


class MediatedRoom:
    """One room: its readers by user id, and what they share."""

    def __init__(self, room: str, epoch: str, head: int, defaults: ViewPatch) -> None:
        self.room, self.epoch, self.head, self.defaults = room, epoch, head, defaults
        self.transcript = Transcript()
        self.unlearned: deque[Entry] = deque(maxlen=UNLEARNED_MAX)
        self.readers: dict[str, Reader] = {}
        self.redacted: deque[int] = deque(maxlen=REDACTED_KEPT)  # for mediators that are just being fed
        self.redacted_elsewhere: deque[tuple[str, int]] = deque(maxlen=REDACTED_KEPT)  # of rooms in hearing
        self.public = True
        self.floor = Floor()
        self.in_universe = False  # whether it lies in a scope, so that it hears others and is heard
        self.ambience = Ambience(room)
        self.stirred_at = float("-inf")

    def gone(self) -> list[tuple[str, int]]:
        """What was redacted lately and a turn that is on its way may cite."""
        return [*((self.room, seq) for seq in self.redacted), *self.redacted_elsewhere]


class Reader:
    """One human in one room, over all their connections.

    `mediator` is None while the reader is arriving. `parked_at` is since when nobody is connected.
    """

    def __init__(self, room: MediatedRoom, user: str) -> None:
        self.room, self.user = room, user
        self.record = ReaderRecord()
        self.guest = True
        self.loaded = False  # whether `record` is what the log holds
        self.mediator: Mediator | None = None
        self.connections = 0
        self.parked_at: float | None = None
        self.due: float | None = None
        self.actions: deque[Action] = deque()  # not yet carried out; while there are some, no look is taken
        self.pace = PaceLearner()
        self.lock = asyncio.Lock()  # held while the log is written for this reader

    @property
    def view(self) -> View:
        """The view as last set."""
        return self.mediator.view if self.mediator is not None else self.resolved()

    @property
    def asleep(self) -> bool:
        """Whether there is a mediator that plans no look."""
        return self.mediator is not None and self.connections > 0 and self.mediator.asleep

    @property
    def raw(self) -> bool:
        """Whether the reader, as last seen, reads raw."""
        return self.mediator is not None and self.mediator.raw_from is not None

    def resolved(self) -> View:
        """The view as the record has it over the room's defaults."""
        return views.resolve(self.room.defaults, self.record.patch)

    def learned(self, now: float) -> ViewPatch | None:
        """What Alex may set by itself now: a pace nearer to how this reader reads, if they left that to Alex."""
        if not self.view.auto or self.raw or {"pace_wpm", "auto"}.intersection(self.record.locked):
            return None
        pace_wpm = self.pace.next_pace(self.view.pace_wpm, now)
        return None if pace_wpm is None else ViewPatch(pace_wpm=pace_wpm)

    def set_patch(self, patch: ViewPatch, *, by: str) -> None:
        """Remember what was set for this reader."""
        self.record = replace(self.record, patch=views.merged(self.record.patch, patch), set_by=by)

    def note_raw(self, mediator: Mediator) -> None:
        """Take over into the record whether a raw range is open."""
        covered_to = self.record.covered_to if mediator.raw_from is None else mediator.raw_from - 1
        self.record = replace(self.record, raw_from=mediator.raw_from, covered_to=covered_to)
