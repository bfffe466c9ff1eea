"""A connection of a human joins: bring its reader to life, or join the one that lives.

While the reader has no mediator the driver withholds everything from it; what was posted meanwhile is read
from the log, until there is nothing more to read. From then on, without a pause in between, the mediator
hears every message itself.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import msgspec

from cadence.alex import views
from cadence.alex.answers import Missed
from cadence.alex.asking import Asking
from cadence.alex.carried import Carried, present, read, recall_pace, remembered
from cadence.alex.events import Posted, Redacted, Returned, Skipped
from cadence.alex.mediator import Mediator
from cadence.alex.memory import ReaderMemory
from cadence.alex.reader import Reader, balance_now, noted
from cadence.alex.recovery import (
    AWAY_SECONDS,
    BUCKET_TURNS,
    RAW_MISSING_MAX,
    Plan,
    bucket_after,
    messages_owed,
    pages,
    plan,
    turns_owed,
)
from cadence.alex.transcript import Entry
from cadence.lod.units import count_words
from cadence.rooms.mediation import Attached, ReaderRecord, ReaderStore, StoreUnavailable
from cadence.rooms.wire import After, Message, Turn, ViewPatch, WireError

GAP_MESSAGES_MAX = 10_000  # of what a reader missed, this many of the newest are looked at
NEVER = 2**62  # a seq no room reaches


@dataclass(frozen=True, slots=True)
class Arrival:
    """What `attach` needs of the driver.

    `drain` carries out a reader's actions and `change` its view (its lock is held), `announce` tells all connections
    their view, `asking` gives what reads the pyramid for a reader; `elsewhere(room)` tells who has pages at other
    nodes.
    """

    store: ReaderStore
    clock: Callable[[], float]
    drain: Callable[[Reader], Awaitable[None]]
    change: Callable[[Reader, ReaderRecord], Awaitable[None]]
    announce: Callable[[Reader], None]
    asking: Callable[[Reader, Mediator], Asking]
    elsewhere: Callable[[str], AbstractSet[str]]

    async def attach(
        self, reader: Reader, after: After | None, patch: ViewPatch | None, head: int, *, alone: bool
    ) -> Attached:
        """See `Mediation.attach`. The reader's lock is held; `alone` if no other connection is there."""
        try:
            await self.drain(reader)
            if not reader.loaded:
                reader.record = await self.store.reader(reader.room.room, reader.user) or ReaderRecord()
                reader.loaded = True
            patch = views.acceptable(patch or ViewPatch(), reader.room.room, reader.record.locked)
            if alone and patch.fields().get("mode", reader.view.mode) != reader.view.mode:
                reader.mediator = None  # the mode of the return decides what was missed, see `_anew`
            if reader.mediator is not None:
                return await self._beside(reader, reader.mediator, after, patch, head)
            before = reader.record
            try:
                return await self._anew(reader, after, patch, head)
            except BaseException:  # a return that failed has begun no run and changed no view
                reader.mediator, reader.record = None, before
                raise
        except StoreUnavailable as error:
            message = f"the room cannot be joined just now ({error}); try again in a few seconds"
            raise WireError("unavailable", message, room=reader.room.room, retry_after_s=5.0) from error

    async def _beside(
        self, reader: Reader, mediator: Mediator, after: After | None, patch: ViewPatch, head: int
    ) -> Attached:
        """One more connection of a reader whose mediator lives: it goes on, the connection is brought level."""
        was_raw = mediator.raw_from is not None
        reader.record = replace(reader.record, closed_at=None)
        if patch.fields():
            await self.change(reader, reader.patched(patch, by=reader.user))
            self.announce(reader)
        else:
            reader.record = noted(reader.record, mediator, self.clock())
            await self.store.save_reader(reader.room.room, reader.user, reader.record)
        if after is None:
            return Attached(mediator.view, True, _nothing())
        if was_raw:
            raw_from = after.seq + 1
        else:
            raw_from = NEVER if mediator.raw_from is None else mediator.raw_from
        too_many = mediator.raw_from is not None and head - after.seq > RAW_MISSING_MAX
        if after.epoch != reader.room.epoch or after.seq > head or too_many:
            return Attached(mediator.view, False, _nothing())
        return Attached(mediator.view, True, self._owed(reader, after, after.seq, raw_from, head))

    async def _anew(self, reader: Reader, after: After | None, patch: ViewPatch, head: int) -> Attached:
        """The first connection after an absence, or ever."""
        room, now = reader.room, self.clock()
        before = reader.resolved()
        if patch.fields():
            reader.set_patch(patch, by=reader.user)
        record, view = reader.record, reader.resolved()
        if record.balance is None:
            before = view  # who was never here begins with a full bucket
        told, beside = after, reader.user in self.elsewhere(room.room)
        if after is None and beside and record.run_from:  # there are other pages, whose run goes on
            after = After(room.epoch, head, record.turn)
        decided = plan(record, after, room.epoch, head, view.mode)
        if record.raw_from is not None:
            await self.store.add_raw_range(room.room, reader.user, record.raw_from, decided.first - 1)
        turns = await self.store.turns(room.room, reader.user, before=record.turn + 1, limit=BUCKET_TURNS)
        bucket = bucket_after(record.balance, turns, before, now)
        bucket.configure(view.pace_wpm, view.cadence_s, now)
        known = read(record.carried, room.epoch, room.room)
        own = await self._own(reader, known)
        mediator = Mediator(
            reader.user,
            room.room,
            room.epoch,
            view,
            covered_to=decided.first - 1,
            turn=record.turn,
            bucket=bucket,
            transcript=room.transcript,
            memory=_memory(turns),
            phase=zlib.crc32(f"{room.room}/{reader.user}".encode()) % 1000 / 1000 * view.cadence_s,
            now=now,
        )
        away = not beside and (record.closed_at is None or now - record.closed_at >= AWAY_SECONDS)
        mediator.handle(remembered(known, own, away=away), now)
        if not reader.recalled:
            recall_pace(reader.pace, known, turns)
            for turn in turns:
                reader.shown(turn)
            reader.recalled = True
        catches_up = decided.replay and away and view.mode == "paraphrase"
        sent = after.seq if decided.replay and after is not None else 0
        postponed = [] if view.mode == "raw" else await self._feed_gap(reader, mediator, decided.first, now, sent)
        missed: Missed | None = None
        if catches_up:
            heard = room.head
            missed = await self.asking(reader, mediator).missed(decided.first, now)
            postponed += await self._feed_gap(reader, mediator, heard + 1, now, sent)
        # No await from here to the next line but one: the mediator has heard all that was posted.
        reached = room.head
        if view.mode == "raw":  # what it is sent raw it need not hear, but its range ends where the room does
            mediator.handle(Skipped(reached, 0, 0), now)
        mediator.follow(room.feed)
        reader.mediator = mediator
        for seq in room.redacted:
            mediator.handle(Redacted(seq), now)
        reader.record = _begun(record, decided, mediator, now)
        await self.store.add_postponed(room.room, reader.user, postponed)
        await self.store.save_reader(room.room, reader.user, reader.record)
        if patch.fields() and beside:
            self.announce(reader)
        if catches_up:
            reader.actions.extend(mediator.handle(Returned(missed), now))
        raw_from = NEVER if mediator.raw_from is None else mediator.raw_from
        since = after.seq if decided.replay and after is not None else head
        owed = self._owed(reader, told if decided.replay else None, since, raw_from, reached, turn=record.turn)
        return Attached(view, decided.recovered, owed)

    async def _feed_gap(self, reader: Reader, mediator: Mediator, first: int, now: float, sent: int) -> list[int]:
        """Let a new mediator hear what was posted from `first` on. Returns the human speech it postponed.

        What an earlier mediator, who had heard more of the speech before, postponed stays so: it was never sent. What
        it did not, up to seq `sent`, was sent.
        """
        room, postponed = reader.room, list[int]()
        held_back = set(await self.store.postponed(room.room, reader.user, first - 1))
        at = first - 1
        if room.head - at > GAP_MESSAGES_MAX:
            at = room.head - GAP_MESSAGES_MAX
            messages = words = 0
            async for page in pages(self.store, room.room, first - 1, at):
                spoken = [message for message in page if message.from_.kind == "agent"]
                messages += len(spoken)
                words += sum(_words(message) for message in spoken)
            mediator.handle(Skipped(at, messages, words), now)
        while at < room.head:  # it may grow while we read
            async for page in pages(self.store, room.room, at, room.head):
                answered = await self._answered(reader, page)
                for message in page:
                    known = None if message.redacted else room.transcript.entry(message.seq)  # not heard of, perhaps
                    entry = known or Entry(message, answered.get(message.reply_to or 0))
                    at_once = entry.human and (entry.seq <= sent or reader.user in self.elsewhere(room.room))
                    direct = (at_once or mediator.passes(entry)) and entry.seq not in held_back
                    if entry.human and not direct:
                        postponed.append(entry.seq)
                    mediator.handle(Posted(entry, direct), now)
                at = page[-1].seq
                await asyncio.sleep(0)
        return postponed

    async def _own(self, reader: Reader, known: Carried) -> dict[int, Entry]:
        """The messages that a reader wrote or opened, as far as they are still there."""
        seqs = [seq for seq, _, _ in known.own]
        room = reader.room
        found = present(await self.store.messages_at(room.room, sorted(seqs))) if seqs else []
        answered = await self._answered(reader, found)
        return {one.seq: room.transcript.entry(one.seq) or Entry(one, answered.get(one.reply_to or 0)) for one in found}

    async def _answered(self, reader: Reader, page: Sequence[Message]) -> dict[int, Message]:
        """The messages that those of `page` answer."""
        seqs = {message.reply_to for message in page if isinstance(message.reply_to, int)}
        answered = await self.store.messages_at(reader.room.room, sorted(seqs)) if seqs else []
        return {message.seq: message for message in answered}

    async def _owed(
        self, reader: Reader, after: After | None, since: int, raw_from: int, to: int, turn: int | None = None
    ) -> AsyncIterator[Sequence[msgspec.Struct]]:
        room, user = reader.room.room, reader.user
        if after is not None:
            to_turn, elsewhere = reader.record.turn if turn is None else turn, reader.room.in_universe
            async for batch in turns_owed(self.store, room, user, after, to_turn, elsewhere=elsewhere):
                yield batch
        async for batch in messages_owed(self.store, room, user, since, raw_from=raw_from, to=to):
            yield batch


def _begun(record: ReaderRecord, decided: Plan, mediator: Mediator, now: float) -> ReaderRecord:
    """The record of a reader who goes on, or begins a new run, as decided."""
    continues = decided.replay and record.run_from > 0
    return replace(
        record,
        run_from=record.run_from if continues else decided.first,
        covered_to=decided.first - 1,
        raw_from=mediator.raw_from,
        closed_at=None,
        balance=balance_now(mediator, now),
    )


def _memory(turns: Sequence[Turn]) -> ReaderMemory:
    memory = ReaderMemory()
    memory.recall(turns)
    return memory


def _words(message: Message) -> int:
    """What a message counts that nobody will look into; the same as `Parsed.words`."""
    return max(1, count_words(message.text) + sum(count_words(part.body) for part in message.parts))


async def _nothing() -> AsyncIterator[Sequence[msgspec.Struct]]:
    return
    yield
