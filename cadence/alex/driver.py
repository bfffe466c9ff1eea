"""The asyncio shell around the mediators: feeds them what happens, carries out what follows, keeps one timer.

Implements `cadence.rooms.mediation.Mediation`. A turn is stored before it is sent; while one is being stored
its reader is not looked at again. Readers are independent: nothing one of them does or suffers reaches the
mediator of another.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, ParamSpec

import msgspec
import structlog

from cadence.alex import views
from cadence.alex.arrival import Arrival
from cadence.alex.events import Action, Event, Forgot, Opened, Posted, RawEnded, Redacted, Report, Show, Tick, Viewed
from cadence.alex.reader import MediatedRoom, Reader
from cadence.alex.recovery import AWAY_SECONDS
from cadence.alex.transcript import Entry
from cadence.counts import MediationCounts
from cadence.models.async_encoder import Encoding, EncodingCount
from cadence.models.encoder import Vectors
from cadence.rooms.mediation import Attached, ReaderRecord, ReaderStore, StoreUnavailable
from cadence.rooms.wire import After, Alex, Member, Message, Read, Turn, ViewPatch, ViewReply, ViewRequest, WireError

LOOP_SECONDS_MAX = 0.002  # looking at due readers yields to the loop after this long
STORE_RETRY_SECONDS = 1.0
WARM_UP_MESSAGES = 500  # read when a room opens, so that its everyday words are known

P = ParamSpec("P")
UnitKey = tuple[str, int, int]  # room, seq, index
EncoderFactory = Callable[[Callable[[UnitKey, Vectors | None], None]], Encoding[UnitKey]]
Tell = Callable[[str, str, msgspec.Struct], None]
log = structlog.get_logger()


class Driver:
    """Mediates the humans of every room opened with `open_room`.

    `clock` gives seconds since the epoch and never goes back; `tell(room, user, frame)` sends a frame to all
    connections of a user; `encoder`, given a callback, makes what encodes units beside the loop. Call `close()` in
    the end.
    """

    def __init__(
        self, store: ReaderStore, clock: Callable[[], float], tell: Tell, encoder: EncoderFactory | None = None
    ) -> None:
        self._store, self._clock, self._tell = store, clock, tell
        self._encoder = None if encoder is None else encoder(self._encoded)
        self.counts = MediationCounts()
        self._rooms: dict[str, MediatedRoom] = {}
        self._heap: list[tuple[float, int, Reader]] = []
        self._order = 0  # breaks ties between equal deadlines: first armed, first served
        self._timer: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open_room(self, room: str, epoch: str, head: int, defaults: ViewPatch) -> None:
        """Start mediating a room, or take new defaults for one that is open (they hold from the next join)."""
        if (known := self._rooms.get(room)) is not None:
            known.defaults = defaults
            return
        mediated = self._rooms[room] = MediatedRoom(room, epoch, head, defaults)
        for message in await self._store.messages(room, before=head + 1, limit=WARM_UP_MESSAGES):
            mediated.transcript.learn(mediated.transcript.enter(message))

    def forget(self, room: str) -> None:
        """A played conversation begins again: what was heard of it no longer weighs."""
        mediated = self._rooms[room]
        mediated.transcript.forget()
        for reader in mediated.readers.values():
            self._feed(reader, Forgot())

    def readers(self) -> int:
        """How many readers are connected, counted once per room."""
        return sum(reader.connections > 0 for room in self._rooms.values() for reader in room.readers.values())

    def encoding(self) -> EncodingCount | None:
        """What the encoder has done, None if there is none."""
        return None if self._encoder is None else self._encoder.count()

    async def close(self) -> None:
        """Stop looking, and finish what is being stored as far as the log allows."""
        self._closed = True
        if self._encoder is not None:
            await self._encoder.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STORE_RETRY_SECONDS)
        for task in self._tasks:
            task.cancel()

    # What happens in a room.

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        mediated = self._rooms[room]
        reader = mediated.readers.setdefault(member.id, Reader(mediated, member.id))
        alone = reader.connections == 0
        if alone and (after is None or self._clock() - (reader.parked_at or 0.0) >= AWAY_SECONDS or reader.raw):
            reader.mediator = None  # nothing to go on with: from here on `posted` withholds everything
        reader.connections += 1
        reader.parked_at = None
        arrival = Arrival(self._store, self._clock, self._drain, self._announce)
        try:
            async with reader.lock:
                attached = await arrival.attach(reader, after, patch, head, alone=alone)
        except BaseException:
            self.detach(room, member.id)
            raise
        self._follow(reader)
        return attached

    def detach(self, room: str, user: str) -> None:
        reader = self._rooms[room].readers[user]
        reader.connections -= 1
        assert reader.connections >= 0, "expected one detach for each attach"
        if reader.connections:
            return
        reader.parked_at = self._clock()
        self._schedule(reader)
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._unpark, reader)
        if reader.mediator is not None:
            reader.record = replace(reader.record, closed_at=reader.parked_at)
            self._spawn(self._save(reader))

    def posted(self, message: Message) -> AbstractSet[str]:
        mediated = self._rooms[message.room]
        mediated.head = message.seq
        entry = mediated.transcript.enter(message)
        withheld: set[str] = set()
        for user, reader in mediated.readers.items():
            if reader.mediator is None:  # arriving: what it is owed is read from the log
                withheld.add(user)
                continue
            direct = reader.mediator.passes(entry)
            if not direct:
                withheld.add(user)
                if entry.human:
                    self._spawn(self._postpone(reader, entry.seq))
            self._feed(reader, Posted(entry, direct))
        # Splitting into units costs more than the fan-out; it is done after the frames are on their way.
        if not mediated.unlearned:
            asyncio.get_running_loop().call_soon(self._learn, mediated)
        mediated.unlearned.append(entry)
        return withheld

    def redacted(self, room: str, seq: int) -> None:
        mediated = self._rooms[room]
        mediated.redacted.append(seq)
        mediated.transcript.redact(seq)
        for reader in mediated.readers.values():
            self._feed(reader, Redacted(seq))

    def read(self, user: str, request: Read) -> None:
        if isinstance(request.seq, int):
            self.opened(request.room, user, (request.seq,))

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        mediated = self._rooms[room]
        if (reader := mediated.readers.get(user)) is not None:
            self._feed(reader, Opened(frozenset(mediated.transcript.authors(seqs))))

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        mediated = self._rooms[request.room]
        user = request.participant or by.id
        reader = mediated.readers.get(user)
        if reader is not None:
            async with reader.lock:  # an arrival under way ends first
                pass
        record = reader.record if reader else await self._store.reader(mediated.room, user)
        if record is None:
            raise WireError(
                "not_found", f"`{user}` is not a reader of this room", field="participant", room=mediated.room
            )
        views.check(request, by, record.locked)
        patch = views.patch_of(request)
        changed = bool(patch.fields()) or isinstance(request.lock, tuple)
        if changed:
            locked = request.lock if isinstance(request.lock, tuple) else record.locked
            record = replace(
                record, patch=views.merged(record.patch, patch), locked=tuple(dict.fromkeys(locked)), set_by=by.id
            )
            await self._set(mediated, reader, user, record)
        return _view_reply(mediated, user, record)

    # What follows.

    async def _set(self, mediated: MediatedRoom, reader: Reader | None, user: str, record: ReaderRecord) -> None:
        """Put a changed view in force and store it."""
        view = views.resolve(mediated.defaults, record.patch)
        if reader is None or reader.mediator is None:
            await self._set_absent(mediated, user, record, raw=view.mode == "raw")
            return
        reader.record = record
        self._feed(reader, Viewed(view))
        await self._carry_out(reader)
        await self._save(reader)

    async def _set_absent(self, mediated: MediatedRoom, user: str, record: ReaderRecord, *, raw: bool) -> None:
        """Store the view of a reader who is not there; a change of mode is stored with the head (rule 4)."""
        if record.raw_from is not None and not raw:
            await self._store.add_raw_range(mediated.room, user, record.raw_from, mediated.head)
            record = replace(record, raw_from=None, covered_to=mediated.head)
        elif record.raw_from is None and raw and record.run_from:
            record = replace(record, raw_from=record.covered_to + 1)
        await self._store.save_reader(mediated.room, user, record)
        if (reader := mediated.readers.get(user)) is not None:
            reader.record = record

    def _feed(self, reader: Reader, event: Event) -> None:
        if reader.mediator is None:
            return
        reader.actions.extend(reader.mediator.handle(event, self._clock()))
        self._follow(reader)

    def _follow(self, reader: Reader) -> None:
        """Carry out what a mediator answered: at once if nothing of it needs the log."""
        while reader.actions and isinstance(reader.actions[0], Report) and not reader.lock.locked():
            self._report(reader, reader.actions.popleft())
        if reader.actions:
            self._spawn(self._carry_out(reader))
        self._schedule(reader)

    async def _carry_out(self, reader: Reader) -> None:
        async with reader.lock:
            await self._drain(reader)
        self._schedule(reader)

    async def _drain(self, reader: Reader) -> None:
        """Carry out the reader's actions in order. Its lock is held."""
        room, user = reader.room.room, reader.user
        while reader.actions:
            action = reader.actions[0]
            if isinstance(action, Show):
                await self._show(reader, action.turn)
            elif isinstance(action, RawEnded):
                await self._durably(self._store.add_raw_range, room, user, action.first, action.last)
                # A raw range covers as a turn does: who returns before the next turn goes on behind it.
                reader.record = replace(reader.record, covered_to=max(reader.record.covered_to, action.last))
            else:
                self._report(reader, action)
            reader.actions.popleft()

    def _report(self, reader: Reader, action: Action) -> None:
        if isinstance(action, Report):
            room = reader.room.room
            self._tell(room, reader.user, Alex(room=room, state=action.state, behind=action.behind))

    async def _show(self, reader: Reader, turn: Turn) -> None:
        """Store a turn, then send it; what was redacted meanwhile is in neither."""
        await self._durably(self._store.append_turn, reader.user, turn)
        covered_to = turn.covers.to if turn.covers else reader.record.covered_to
        reader.record = replace(reader.record, turn=turn.turn, covered_to=covered_to)
        self._tell(turn.room, reader.user, turn.without(frozenset(reader.room.redacted)))
        self.counts.turns += 1
        self.counts.words_in += turn.covers.words if turn.covers else 0
        self.counts.words_out += turn.words

    def _announce(self, reader: Reader) -> None:
        self._tell(reader.room.room, reader.user, _view_reply(reader.room, reader.user, reader.record))

    async def _durably(self, write: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
        """Write to the log, again and again until it takes it: what a mediator decided must not be lost."""
        while True:
            try:
                return await write(*args, **kwargs)
            except StoreUnavailable as error:
                log.warning("the log does not take what Alex writes; trying again", why=str(error))
                if self._closed:
                    raise
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def _save(self, reader: Reader) -> None:
        async with reader.lock:
            if reader.mediator is not None:
                reader.note_raw(reader.mediator)
            await self._store.save_reader(reader.room.room, reader.user, reader.record)

    async def _postpone(self, reader: Reader, seq: int) -> None:
        await self._store.add_postponed(reader.room.room, reader.user, [seq])

    def _learn(self, mediated: MediatedRoom) -> None:
        """Count the words of what was posted, yielding to the loop in between."""
        until = asyncio.get_running_loop().time() + LOOP_SECONDS_MAX
        while mediated.unlearned:
            entry = mediated.unlearned.popleft()
            mediated.transcript.learn(entry)
            self._encode(mediated, entry)
            if asyncio.get_running_loop().time() >= until and mediated.unlearned:
                asyncio.get_running_loop().call_soon(self._learn, mediated)
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
        entry = self._rooms[room].transcript.entry(seq)  # None: redacted meanwhile, or long ago
        if vectors is not None and entry is not None:
            entry.learn_vector(index, vectors[0])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` in the background, owned by this driver; a failure is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mediation could not be stored", why=str(error), exc_info=error)

    # Time.

    def _unpark(self, reader: Reader) -> None:
        parked = reader.parked_at is not None and self._clock() - reader.parked_at >= AWAY_SECONDS
        if parked and reader.room.readers.get(reader.user) is reader:
            del reader.room.readers[reader.user]

    def _schedule(self, reader: Reader) -> None:
        """Arm the reader's deadline; none while nobody is connected or a turn is being stored."""
        idle = reader.mediator is None or reader.connections == 0 or bool(reader.actions)
        due = None if idle or reader.mediator is None else reader.mediator.deadline()
        if due == reader.due:
            return
        reader.due = due
        if due is not None:
            self._order += 1
            heapq.heappush(self._heap, (due, self._order, reader))
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._heap and self._heap[0][2].due != self._heap[0][0]:
            heapq.heappop(self._heap)  # overtaken by a later `_schedule`
        if self._heap and not self._closed:
            delay = max(0.0, self._heap[0][0] - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        """Tick the readers that are due, until `LOOP_SECONDS_MAX` is used up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LOOP_SECONDS_MAX
        self._timer = None
        while self._heap and loop.time() <= until:
            due, _, reader = self._heap[0]
            if reader.due != due or reader.mediator is None:
                heapq.heappop(self._heap)
                continue
            now = self._clock()
            if now < due - 1e-3:
                break
            heapq.heappop(self._heap)
            reader.due = None
            self.counts.late.add(now - due)
            # A loop may wake a hair early; the machine never hears of a time before its deadline.
            reader.actions.extend(reader.mediator.handle(Tick(), max(now, due)))
            self._follow(reader)
        self._arm()


def _view_reply(mediated: MediatedRoom, user: str, record: ReaderRecord) -> ViewReply:
    view = views.resolve(mediated.defaults, record.patch)
    return ViewReply(
        room=mediated.room, participant=user, view=view, locked=record.locked, set_by=record.set_by or "room"
    )
