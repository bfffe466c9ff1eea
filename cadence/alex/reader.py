"""What the driver keeps of a room and of each human in it. Data only; the driver and arrivals change it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

import msgspec

from cadence.alex import views
from cadence.alex.ambience import Ambience
from cadence.alex.events import Action
from cadence.alex.feed import Feed
from cadence.alex.mediator import Mediator
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.why import TURNS_KEPT, Reasons
from cadence.lod.pace import PaceLearner
from cadence.lod.scopes import Floor
from cadence.rooms.mediation import Balance, ReaderRecord, StoreFenced
from cadence.rooms.wire import Focus, Member, Read, Turn, View, ViewPatch, ViewReply

REDACTED_KEPT = 1_000
TURNS_READ_MAX = 64  # the last turns of which a reader may say that they read them
UNLEARNED_MAX = 10_000  # messages whose words are not yet counted


class MediatedRoom:
    """One room: its readers by user id, and what they share."""

    def __init__(self, room: str, epoch: str, head: int, defaults: ViewPatch) -> None:
        self.room, self.epoch, self.head, self.defaults = room, epoch, head, defaults
        self.transcript = Transcript()
        self.unlearned: deque[Entry] = deque(maxlen=UNLEARNED_MAX)
        self.readers: dict[str, Reader] = {}
        self.feed = Feed()
        self.restless: dict[str, Reader] = {}  # by user id: who must be told of each message as it comes
        self.redacted: deque[int] = deque(maxlen=REDACTED_KEPT)  # for mediators that are just being fed
        self.redacted_elsewhere: deque[tuple[str, int]] = deque(maxlen=REDACTED_KEPT)  # of rooms in hearing
        self.public = True
        self.floor = Floor()
        self.in_universe = False  # whether it lies in a scope, so that it hears others and is heard
        self.ambience = Ambience(room)
        self.stirred_at = float("-inf")

    def renew(self, epoch: str, head: int) -> None:
        """Begin anew: the log has another epoch, and ends at `head`."""
        self.epoch, self.head, self.transcript, self.feed = epoch, head, Transcript(), Feed()
        for remembered in (self.unlearned, self.redacted, self.redacted_elsewhere):
            remembered.clear()

    def rouse(self, reader: Reader, attentive: bool = False) -> None:
        """Let this reader hear each message as it comes from here on, or not, if attentive."""
        if attentive:
            self.restless.pop(reader.user, None)
        elif self.readers.get(reader.user) is reader:
            self.restless[reader.user] = reader

    def leave(self, user: str) -> Reader | None:
        """Forget a reader, and return what was known of them."""
        self.restless.pop(user, None)
        return self.readers.pop(user, None)

    def gone(self) -> list[tuple[str, int]]:
        """What was redacted lately and a turn that is on its way may cite."""
        return [*((self.room, seq) for seq in self.redacted), *self.redacted_elsewhere]


class Reader:
    """One human in one room, over all their connections.

    `mediator` is None while the reader is arriving. `parked_at` is since when nobody is connected. Most of a crowd is
    quiet, so what a reader may have few or none of is kept in lists: an empty deque takes 0.6 KiB, a list 0.06.
    """

    def __init__(self, room: MediatedRoom, user: str) -> None:
        self.room, self.user = room, user
        self.record = ReaderRecord()
        self.member = Member(user, user, "human")
        self.loaded = False  # whether `record` is what the log holds
        self.recalled = False  # whether what earlier processes knew of it is known again
        self.doubtful = False  # whether a view that was refused may be stored, its answer lost
        self.dropped = False  # forgotten, or somebody else mediates this reader: nothing more of it may be written
        self.mediator: Mediator | None = None
        self.connections = 0
        self.parked_at: float | None = None
        self.due: float | None = None
        self.actions: list[Action] = []  # not yet carried out; while there are some, no look is taken
        self.followed = False  # whether a task carries them out
        self.pace = PaceLearner()
        self.lock = asyncio.Lock()  # held while the log is written for this reader
        self._reached: dict[int, int] = {}  # turn -> the last seq it covers, of the last turns
        self.reasons: OrderedDict[int, Reasons] = OrderedDict()  # by number of the turn, of the last ones
        self.asked: dict[int, Callable[[Turn], None]] = {}  # by number of the answering turn: who sends it

    def own(self) -> None:
        """Raises `StoreFenced` unless what is decided for this reader may be written."""
        if self.dropped:
            raise StoreFenced(f"expected to mediate `{self.user}`, but another does now, or nobody any more")

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

    def shown(self, turn: Turn) -> None:
        """A turn was stored: until how far somebody has read who says that they read it."""
        if turn.covers is not None:
            self._reached[turn.turn] = turn.covers.to
        while len(self._reached) > TURNS_READ_MAX:
            del self._reached[next(iter(self._reached))]

    def explain(self, turn: int, reasons: Reasons) -> None:
        """Keep why a turn is as it is."""
        self.reasons[turn] = reasons
        while len(self.reasons) > TURNS_KEPT:
            self.reasons.popitem(last=False)

    def forget(self, seq: int) -> None:
        """A message is gone: no reason quotes it."""
        for turn, reasons in self.reasons.items():
            self.reasons[turn] = reasons.without(seq)

    def has_read(self, request: Read) -> None:
        """The reader tells how far they have read."""
        reached = self._reached.get(request.turn, 0) if isinstance(request.turn, int) else 0
        seq = min(request.seq, self.room.head) if isinstance(request.seq, int) else 0
        self.record = replace(self.record, read_to=max(self.record.read_to, reached, seq))

    def set_patch(self, patch: ViewPatch, *, by: str) -> None:
        """Remember what was set for this reader."""
        self.record = self.patched(patch, by=by)

    def patched(self, patch: ViewPatch, *, by: str) -> ReaderRecord:
        """The record with what shall be set for this reader."""
        return replace(self.record, patch=views.merged(self.record.patch, patch), set_by=by)

    def follow_no_more(self, user: str) -> None:
        """Nobody of this id will speak again."""
        focus = self.record.patch.focus
        if isinstance(focus, Focus) and user in focus.follow:
            follow = tuple(one for one in focus.follow if one != user)
            self.record = replace(
                self.record,
                patch=views.merged(self.record.patch, ViewPatch(focus=msgspec.structs.replace(focus, follow=follow))),
            )


def noted(record: ReaderRecord, mediator: Mediator, now: float) -> ReaderRecord:
    """`record`, with whether a raw range is open, and what could be shown under the view it holds."""
    covered_to = record.covered_to if mediator.raw_from is None else mediator.raw_from - 1
    return replace(record, raw_from=mediator.raw_from, covered_to=covered_to, balance=balance_now(mediator, now))


def balance_now(mediator: Mediator, now: float) -> Balance:
    """What a reader who is mediated could be shown now, as it is stored."""
    words, turn = mediator.balance(now)
    return Balance(words, now, turn)


def view_reply(mediated: MediatedRoom, user: str, record: ReaderRecord) -> ViewReply:
    """The frame that tells a reader's complete view."""
    view = views.resolve(mediated.defaults, record.patch)
    return ViewReply(
        room=mediated.room, participant=user, view=view, locked=record.locked, set_by=record.set_by or "room"
    )
