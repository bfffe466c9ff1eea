"""What follows from what mediators decide: a turn is stored, then sent; a report is told; the next look is planned.

While something is being stored for a reader they are not looked at again. Readers are independent: nothing one of them
does or suffers reaches the mediator of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import structlog

from cadence.alex.background import STORE_RETRY_SECONDS, Background
from cadence.alex.carried import carried
from cadence.alex.contest import together
from cadence.alex.events import Action, Event, RawEnded, Report, Show, Viewed
from cadence.alex.looks import Looks
from cadence.alex.reader import Reader, noted, view_reply
from cadence.alex.turns import EMBEDDED
from cadence.counts import MediationCounts
from cadence.rooms.mediation import ReaderRecord, ReaderStore, StoreUnavailable
from cadence.rooms.wire import Alex, Turn

Tell = Callable[[str, str, msgspec.Struct], None]
log = structlog.get_logger()


class Delivery:
    """Feeds mediators and carries out their actions; `close()` in the end. The arguments are those of `Driver`."""

    def __init__(
        self,
        store: ReaderStore,
        clock: Callable[[], float],
        tell: Tell,
        background: Background,
        counts: MediationCounts,
        look_seconds_max: float,
    ) -> None:
        self._store, self._clock, self._tell = store, clock, tell
        self._background, self._counts = background, counts
        self._looks = Looks(clock, self._look, counts.late.add, look_seconds_max)

    def close(self) -> None:
        """Look at nobody any more."""
        self._looks.close()

    def feed(
        self, reader: Reader, event: Event, deliver: Callable[[Turn], None] | None = None, now: float | None = None
    ) -> None:
        """Let the mediator hear `event`; `deliver` sends the turn that follows, if not `tell` shall."""
        if reader.mediator is None:
            return
        actions = reader.mediator.handle(event, self._clock() if now is None else now)
        if deliver is not None:
            reader.asked |= {action.turn.turn: deliver for action in actions if isinstance(action, Show)}
        reader.actions.extend(actions)
        self.follow(reader)

    def follow(self, reader: Reader) -> None:
        """Carry out what a mediator answered: at once if nothing of it needs the log."""
        while reader.actions and isinstance(reader.actions[0], Report) and not reader.lock.locked():
            self._report(reader, reader.actions.pop(0))
        if reader.actions and not reader.followed:
            reader.followed = True
            self._background.spawn(self._carry_on(reader))
        self.schedule(reader)

    async def _carry_on(self, reader: Reader) -> None:
        """What `follow` began: one task for each reader, however much happens while the log is slow."""
        try:
            await self.carry_out(reader)
        finally:
            reader.followed = False

    async def carry_out(self, reader: Reader) -> None:
        """Carry out what is left to do for this reader, in order."""
        async with reader.lock:
            await self.drain(reader)
        self.schedule(reader)

    async def drain(self, reader: Reader) -> None:
        """Carry out the reader's actions in order. Its lock is held."""
        room, user = reader.room.room, reader.user
        while reader.actions:
            action = reader.actions[0]
            if isinstance(action, Show):
                reader.explain(action.turn.turn, action.reasons)
                await self._show(reader, action.turn)
            elif isinstance(action, RawEnded):
                await self._background.durably(
                    reader.own, self._store.add_raw_range, room, user, action.first, action.last
                )
                # A raw range covers as a turn does: who returns before the next turn goes on behind it.
                reader.record = replace(reader.record, covered_to=max(reader.record.covered_to, action.last))
            else:
                self._report(reader, action)
            if reader.actions and reader.actions[0] is action:  # else it was dropped meanwhile
                reader.actions.pop(0)

    def _report(self, reader: Reader, action: Action) -> None:
        if isinstance(action, Report):
            room = reader.room.room
            self._tell(room, reader.user, Alex(room=room, state=action.state, behind=action.behind, mood=action.mood))

    async def _show(self, reader: Reader, turn: Turn) -> None:
        """Store a turn, then send it; what was redacted meanwhile is in neither."""
        left = reader.record.carried if reader.mediator is None else carried(reader)
        await self._background.durably(reader.own, self._store.append_turn, reader.user, turn, left)
        reader.own()  # else whoever mediates them now has found it in the log
        covered_to = turn.covers.to if turn.covers else reader.record.covered_to
        reader.record = replace(reader.record, turn=turn.turn, covered_to=covered_to, carried=left)
        reader.pace.sent(turn.turn, turn.words, self._clock())
        reader.shown(turn)
        deliver = reader.asked.pop(turn.turn, None)
        if gone := reader.room.gone():
            turn = turn.without(gone)
        deliver(turn) if deliver is not None else self._tell(turn.room, reader.user, turn)
        self._counts.told(turn.covers.words if turn.covers else 0, turn.words)
        if turn.by != EMBEDDED:
            self._counts.told_by_model += 1
        elif turn.covers is not None and turn.mode == "paraphrase":
            self._counts.fell_back += reader.room.transcript.written.wanted(turn.covers.from_, turn.covers.to)

    async def change(self, reader: Reader, record: ReaderRecord) -> None:
        """Store the view that `record` sets for a reader who has a mediator, then put it in force. Its lock is held.

        Raises `StoreUnavailable` and `StoreFenced`; then nothing has changed.
        """
        mode = reader.view.mode
        reader.own()
        kept = self._noted(reader, record)
        try:
            await self._store.save_reader(reader.room.room, reader.user, kept)
        except BaseException:  # it may be stored all the same, and its answer lost
            if not reader.doubtful:
                reader.doubtful = True
                self._background.spawn(self._say_again(reader))
            raise
        reader.record = replace(kept, closed_at=reader.record.closed_at, read_to=reader.record.read_to)
        self.feed(reader, Viewed(reader.resolved()))
        await self.drain(reader)
        if reader.mediator is not None and reader.view.mode != mode:
            reader.record = self._noted(reader, reader.record)
            await self._background.durably(
                reader.own, self._store.save_reader, reader.room.room, reader.user, reader.record
            )
        self.schedule(reader)

    async def _say_again(self, reader: Reader) -> None:
        """Store what holds over what was refused."""
        try:
            while not reader.dropped:
                try:
                    return await self.save(reader)
                except StoreUnavailable:
                    await asyncio.sleep(STORE_RETRY_SECONDS)
        finally:
            reader.doubtful = False

    def announce(self, reader: Reader) -> None:
        """Tell a reader their complete view."""
        self._tell(reader.room.room, reader.user, view_reply(reader.room, reader.user, reader.record))

    async def save(self, reader: Reader) -> None:
        """Store what survives of a reader."""
        async with reader.lock:
            if reader.dropped:
                return
            reader.record = self._noted(reader, reader.record)
            await self._store.save_reader(reader.room.room, reader.user, reader.record)

    def _noted(self, reader: Reader, record: ReaderRecord) -> ReaderRecord:
        """`record` with all that its mediator, if there is one, knows now."""
        if reader.mediator is None:
            return record
        return replace(noted(record, reader.mediator, self._clock()), carried=carried(reader))

    def schedule(self, reader: Reader) -> None:
        """Plan the next look at a reader; none while nobody is connected or a turn is being stored."""
        mediator = reader.mediator
        if mediator is None or reader.connections == 0:
            reader.room.rouse(reader)
            self._looks.set(reader, None)
        else:
            reader.room.rouse(reader, mediator.attentive)
            self._looks.set(reader, None if reader.actions else mediator.deadline())

    def _look(self, readers: Sequence[Reader], now: float) -> int:
        """Let these look together, and return how many were shown something; who fails stops nobody else."""
        shown = 0
        there = [(reader, reader.mediator) for reader in readers if reader.mediator is not None]
        looks = together([mediator.tick(now) for _, mediator in there])
        for (reader, _), actions in zip(there, looks, strict=True):
            if isinstance(actions, Exception):
                log.error("a look failed", room=reader.room.room, why=str(actions), exc_info=actions)
                continue
            shown += any([isinstance(action, Show) for action in actions])
            reader.actions.extend(actions)
            self.follow(reader)
        return shown
