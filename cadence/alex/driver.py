"""The asyncio shell around the mediators: feeds them what happens, carries out what follows, keeps one timer.

Implements `cadence.rooms.mediation.Mediation`. A turn is stored before it is sent; while one is being stored
its reader is not looked at again. Readers are independent: nothing one of them does or suffers reaches the
mediator of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, ParamSpec

from cadence.alex.arrival import Arrival
from cadence.alex.asking import Asking, Nobody
from cadence.alex.background import STORE_RETRY_SECONDS, Background
from cadence.alex.delivery import Delivery, Tell
from cadence.alex.events import (
    Forgot,
    Opened,
    Placed,
    Redacted,
    Stirred,
    Viewed,
)
from cadence.alex.explaining import why
from cadence.alex.hearing import Hearing
from cadence.alex.keeper import Keeper
from cadence.alex.looks import EARLY_SECONDS_MAX, LOOP_SECONDS_MAX
from cadence.alex.mediator import Mediator
from cadence.alex.neighbourhood import Neighbourhood, members_only
from cadence.alex.paraphrase import Narrator, Paraphrasing
from cadence.alex.reader import MediatedRoom, Reader
from cadence.alex.recovery import AWAY_SECONDS
from cadence.alex.setting import Setting
from cadence.alex.transcript import Entry
from cadence.counts import MediationCounts, WorkerCounts
from cadence.lod.leanings import Leanings
from cadence.lod.pack import Pack
from cadence.lod.scopes import Floor
from cadence.models.async_encoder import Encoding, EncodingCount
from cadence.models.encoder import Vectors
from cadence.models.stances import stance_directions
from cadence.rooms.mediation import Attached, ReaderStore
from cadence.rooms.wire import (
    After,
    Ask,
    Member,
    Message,
    Read,
    Segment,
    Turn,
    ViewPatch,
    ViewReply,
    ViewRequest,
    WireError,
)
from cadence.rooms.wire import Redacted as RedactedFrame

NO_PODS = Floor()
MEDIATOR = "alex"  # who set a view that nobody set
WARM_UP_MESSAGES = 500  # read when a room opens, so that its everyday words are known

UnitKey = tuple[str, int, int]  # room, seq, index
EncoderFactory = Callable[[Callable[[UnitKey, Vectors | None], None]], Encoding[UnitKey]]
P = ParamSpec("P")


class Driver:
    """Mediates the humans of every room opened with `open_room`.

    `clock` gives seconds since the epoch and never goes back; `tell(room, user, frame)` sends a frame to all
    connections of a user; `encoder`, given a callback, makes what encodes units beside the loop; `pack` is what a
    community's minutes have taught; `may_read(room, member)` is asked of rooms that are not public;
    `look_seconds_max` is how long looks may keep others of the loop waiting. Call `close()` in the end.
    """

    def __init__(
        self,
        store: ReaderStore,
        clock: Callable[[], float],
        tell: Tell,
        encoder: EncoderFactory | None = None,
        pack: Pack | None = None,
        may_read: Callable[[str, Member], bool] = members_only,
        *,
        look_seconds_max: float = LOOP_SECONDS_MAX,
    ) -> None:
        self._store, self._clock, self._tell = store, clock, tell
        self.elsewhere: Callable[[str], AbstractSet[str]] = lambda room: frozenset()  # see `cadence.rooms.placement`
        self._pack = pack
        self._encoder = None if encoder is None else encoder(self._encoded)
        self._leanings = None if encoder is None else Leanings(stance_directions())
        self.counts, self.deaths = MediationCounts(), 0
        self._rooms: dict[str, MediatedRoom] = {}
        self._keepers: dict[str, Keeper] = {}
        self._neighbourhood = Neighbourhood(may_read)
        self._background = Background()
        self._spawn = self._background.spawn
        self._delivery = Delivery(store, clock, tell, self._background, self.counts, look_seconds_max)
        self._hearing = Hearing(self._delivery, clock)
        self._setting = Setting(store, self._delivery, clock)
        self._paraphrasing = Paraphrasing(clock, self._spawn, self.counts.prose)

    async def open_room(
        self,
        room: str,
        epoch: str,
        head: int,
        defaults: ViewPatch,
        *,
        title: str = "",
        scope: str = "",
        public: bool = True,
        floor: Floor = NO_PODS,
    ) -> None:
        """Start mediating a room, or change one that is open (new defaults hold from the next join).

        Rooms that lie in a `scope` hear each other, as far as a reader may read them; so do the pods of a `floor`.
        """
        known = self._rooms.get(room)
        mediated = known or self._rooms.setdefault(room, MediatedRoom(room, epoch, head, defaults))
        mediated.defaults, mediated.ambience.title = defaults, title or room
        for reader in self._neighbourhood.put(mediated, scope, public, floor):
            self._place(reader)
        if known is None:
            await self._begin(mediated, head)

    async def _begin(self, mediated: MediatedRoom, head: int) -> None:
        """Read what was said last, and the pyramid."""
        room = mediated.room
        keeper = self._keepers[room] = Keeper(room, mediated.transcript, self._store, self._spawn)
        mediated.transcript.background.pack = self._pack
        mediated.transcript.leanings = self._leanings
        for message in await self._store.messages(room, before=head + 1, limit=WARM_UP_MESSAGES):
            mediated.transcript.learn(mediated.transcript.enter(message))
        self._spawn(keeper.open(head))

    def narrate(self, narrator: Narrator | None) -> None:
        """From now on `narrator` writes prose for every room; None: nobody does, and every turn is made of quotes."""
        self._paraphrasing.narrator = narrator

    def forget(self, room: str) -> None:
        """A played conversation begins again: what was heard of it no longer weighs."""
        mediated = self._rooms[room]
        mediated.transcript.forget()
        for reader in mediated.readers.values():
            self._delivery.feed(reader, Forgot())

    # Among several nodes: see `cadence.rooms.placement`.

    async def settle(self, room: str, user: str) -> None:
        """Wait until what was decided for this reader is stored."""
        if (reader := self._rooms[room].readers.get(user)) is not None:
            async with reader.lock:
                pass

    def last_turn(self, room: str, user: str) -> int:
        """Number of the last turn that this reader was sent, 0 if there is none or it is not known."""
        reader = self._rooms[room].readers.get(user)
        return 0 if reader is None else reader.record.turn

    def drop(self, room: str, user: str) -> int:
        """Forget this reader, connections and all: another node mediates it, or knows it better.

        Returns the number of the last turn that it was sent, 0 if there is none or it is not known.
        """
        reader = self._rooms[room].leave(user)
        if reader is None:
            return 0
        reader.dropped, reader.mediator, reader.connections = True, None, 0
        reader.actions.clear()
        self._delivery.schedule(reader)
        return reader.record.turn

    async def renew(self, room: str, epoch: str, head: int) -> None:
        """The room began anew: forget it and its readers, of whom nobody is connected."""
        mediated = self._rooms[room]
        for user in list(mediated.readers):
            self.drop(room, user)
        self._keepers[room].abandon()
        mediated.renew(epoch, head)
        await self._begin(mediated, head)

    def readers(self) -> int:
        """How many readers are connected, counted once per room."""
        return sum(reader.connections > 0 for room in self._rooms.values() for reader in room.readers.values())

    def workers(self) -> list[WorkerCounts]:
        """None: all is done in this process."""
        return []

    def encoding(self) -> EncodingCount | None:
        """What the encoder has done, None if there is none."""
        return None if self._encoder is None else self._encoder.count()

    async def close(self) -> None:
        """Stop looking, and finish what is being stored as far as the log allows."""
        if self._encoder is not None:
            await self._encoder.close()
        self._delivery.close()
        self.narrate(None)
        await self._background.finish(STORE_RETRY_SECONDS)
        for keeper in self._keepers.values():
            await keeper.close()
        self._background.cancel()

    # What happens in a room.

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        mediated = self._rooms[room]
        reader = mediated.readers.setdefault(member.id, Reader(mediated, member.id))
        mediated.rouse(reader)
        alone = reader.connections == 0
        if alone and (after is None or self._clock() - (reader.parked_at or 0.0) >= AWAY_SECONDS or reader.raw):
            reader.mediator = None  # nothing to go on with: from here on `posted` withholds everything
        reader.connections += 1
        reader.parked_at = None
        reader.member = member
        telling = self._delivery
        arrival = Arrival(
            self._store, self._clock, telling.drain, telling.change, telling.announce, self._asking, self.elsewhere
        )
        try:
            async with reader.lock:
                attached = await arrival.attach(reader, after, patch, head, alone=alone)
            reader.own()
        except BaseException:
            if not reader.dropped:  # else it has no connections any more
                self.detach(room, member.id)
            raise
        self._delivery.follow(reader)
        for moved in (reader, *self._neighbourhood.moved(room, member.id)):
            self._place(moved)
        return attached

    def detach(self, room: str, user: str) -> None:
        reader = self._rooms[room].readers[user]
        reader.connections -= 1
        assert reader.connections >= 0, "expected one detach for each attach"
        if reader.connections:
            return
        reader.parked_at = self._clock()
        self._delivery.schedule(reader)
        for moved in self._neighbourhood.moved(room, user):
            self._place(moved)
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._unpark, reader)
        if reader.mediator is not None:
            reader.record = replace(reader.record, closed_at=reader.parked_at)
            self._spawn(self._delivery.save(reader))

    def present(self, room: str) -> frozenset[str]:
        """Who is connected to a room."""
        return frozenset(user for user, reader in self._rooms[room].readers.items() if reader.connections)

    def raw_readers(self, room: str) -> frozenset[str]:
        """Who is connected and reads the room raw."""
        readers = self._rooms[room].readers.items()
        return frozenset(user for user, reader in readers if reader.raw and reader.connections)

    def posted(self, message: Message) -> AbstractSet[str]:
        mediated = self._rooms[message.room]
        mediated.head = message.seq
        entry = mediated.transcript.enter(message)
        if entry.human:
            withheld = self._hearing.human(mediated, entry, self._postpone, self.elsewhere(message.room))
        else:
            withheld = self._hearing.agent(mediated, entry)
        # Splitting into units costs more than the fan-out; it is done after the frames are on their way.
        if not mediated.unlearned:
            asyncio.get_running_loop().call_soon(self._learn, mediated)
        mediated.unlearned.append(entry)
        return withheld

    def redacted(self, room: str, seq: int) -> None:
        mediated = self._rooms[room]
        mediated.redacted.append(seq)
        mediated.transcript.redact(seq)
        self._keepers[room].redacted(seq)
        for reader in mediated.readers.values():
            reader.forget(seq)
            self._delivery.feed(reader, Redacted(seq))
        self._hearing.catch_up(mediated)
        for reader in self._neighbourhood.redacted(mediated, seq):
            self._delivery.feed(reader, Redacted(seq, room))
            self._tell(reader.room.room, reader.user, RedactedFrame(room=room, seq=seq, by=""))

    def allowed(self, user: str) -> None:
        for mediated in self._rooms.values():
            if (reader := mediated.readers.get(user)) is not None:
                self._place(reader)

    async def forget_reader(self, user: str) -> None:
        for mediated in list(self._rooms.values()):
            if (reader := mediated.leave(user)) is not None:
                reader.mediator, reader.dropped = None, True
                reader.actions.clear()
                async with reader.lock:  # what is being stored for them ends first
                    pass
            for other in mediated.readers.values():
                other.follow_no_more(user)

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        reader = self._rooms[request.room].readers.get(by.id)
        if reader is not None:
            async with reader.lock:  # an arrival under way ends first
                pass
        if reader is None or reader.mediator is None:
            raise WireError("unavailable", "you are just arriving: ask again in a moment", retry_after_s=1.0)
        mediator = reader.mediator
        found = await self._asking(reader, mediator).answer(request, self._clock())
        if reader.mediator is not mediator:
            raise WireError("unavailable", "you left while Alex was looking: ask again", retry_after_s=1.0)
        self._delivery.feed(reader, found, deliver)
        await self._delivery.carry_out(reader)

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        """Why a turn of a reader is as it is, for them or a host; raises `WireError`, `StoreUnavailable`."""
        return await why(self._store, self._rooms.get(room), by, user, turn)

    def _asking(self, reader: Reader, mediator: Mediator) -> Asking:
        keeper = self._keepers[reader.room.room]
        return Asking(reader.room, keeper, self._store, mediator, reader.record.read_to, self._paraphrasing)

    async def answer(self, request: Ask) -> Sequence[Segment]:
        """What answers a question about a room for somebody who is no reader of it. Raises `StoreUnavailable`."""
        asking = Asking(self._rooms[request.room], self._keepers[request.room], self._store, Nobody(), 0)
        return (await asking.answer(request, self._clock())).segments

    def read(self, user: str, request: Read) -> None:
        if isinstance(request.seq, int):
            self.opened(request.room, user, (request.seq,))
        reader = self._rooms[request.room].readers.get(user)
        if reader is not None:
            reader.has_read(request)
        if reader is None or reader.mediator is None or not isinstance(request.turn, int):
            return
        dwell_s = request.dwell_s if isinstance(request.dwell_s, float) else None
        if reader.pace.read(request.turn, dwell_s) and (patch := reader.learned(self._clock())) is not None:
            reader.set_patch(patch, by=MEDIATOR)
            self._delivery.feed(reader, Viewed(reader.resolved()))
            self._delivery.announce(reader)
            self._spawn(self._delivery.save(reader))

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        mediated = self._rooms[room]
        if (reader := mediated.readers.get(user)) is not None:
            entries = (mediated.transcript.entry(seq) for seq in seqs)
            self._delivery.feed(reader, Opened(tuple(entry for entry in entries if entry is not None)))

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        return await self._setting.set_view(self._rooms[request.room], by, request)

    # What follows.

    def _place(self, reader: Reader) -> None:
        if reader.room.in_universe or reader.room.floor.pods:
            self._delivery.feed(reader, Placed(self._neighbourhood.places(reader), reader.room.floor))

    def _postpone(self, reader: Reader, seq: int) -> None:
        self._spawn(self._store.add_postponed(reader.room.room, reader.user, [seq]))

    def _learn(self, mediated: MediatedRoom) -> None:
        """Count the words of what was posted, and build the pyramid, yielding to the loop in between."""
        loop, keeper = asyncio.get_running_loop(), self._keepers[mediated.room]
        until = loop.time() + LOOP_SECONDS_MAX
        while mediated.unlearned:
            entry = mediated.unlearned.popleft()
            mediated.transcript.learn(entry)
            keeper.hear(entry)
            self._encode(mediated, entry)
            if mediated.transcript.entry(entry.seq) is entry:  # else it was redacted meanwhile (law 17)
                for reader in self._neighbourhood.said(mediated, entry, self._clock()):
                    self._delivery.feed(reader, Stirred())
            if loop.time() >= until and mediated.unlearned:
                loop.call_soon(self._learn, mediated)
                return
        self._paraphrasing.heard(mediated, keeper)
        while keeper.step():
            if loop.time() >= until:
                loop.call_soon(self._learn, mediated)
                return

    def _encode(self, mediated: MediatedRoom, entry: Entry) -> None:
        """Ask for vectors of what may be condensed; the fullest units first where the encoder is behind."""
        if self._encoder is None or not mediated.readers:
            return
        for unit in entry.parsed.units:
            if unit.terms and unit.block is None:
                self._encoder.submit((mediated.room, unit.seq, unit.index), [unit.text], worth=len(unit.terms))

    def _encoded(self, key: UnitKey, vectors: Vectors | None) -> None:
        """Vectors have come, or will not: whoever looks from now on sees them (law 14: nobody waits)."""
        room, seq, index = key
        transcript = self._rooms[room].transcript
        entry = transcript.entry(seq)  # None: redacted meanwhile, or long ago
        if vectors is not None and entry is not None:
            transcript.learn_vector(entry, index, vectors[0])

    # Time.

    def _unpark(self, reader: Reader) -> None:
        if reader.parked_at is None or reader.room.readers.get(reader.user) is not reader:
            return
        left = reader.parked_at + AWAY_SECONDS - self._clock()
        if left > 0:  # gone again meanwhile, or the timer rang a hair early: looked at again, or it would stay for good
            asyncio.get_running_loop().call_later(max(left, EARLY_SECONDS_MAX), self._unpark, reader)
        else:
            reader.room.leave(reader.user)
