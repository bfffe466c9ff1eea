"""The minds of one room: their connections, and the chronicle they share.

    company = Company(room.id, cast, connect=connect, run_tool=run_tool, folder=data / "minds", run_id=token)
    await company.run()                                                # until cancelled

Each mind has a connection of its own, exactly what a foreign agent has. A message is heard for all as soon as any of
them brings it; what is missing (an old room, a cut) is read from the log through `history`, by whoever is connected. A
mind that cannot live (its card, its model, its name) says so and leaves the others alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import structlog
from msgspec import UNSET, UnsetType

from cadence.duplex import Connect
from cadence.lod.pyramid import Pyramid
from cadence.models.chat import ChatModel
from cadence.personas.cards import Card
from cadence.personas.cast import Cast
from cadence.personas.chronicle import CATCH_UP_MESSAGES_MAX, Chronicle, heard_as
from cadence.personas.context import Context, WindowTooSmall
from cadence.personas.mind import Mind
from cadence.personas.passages import Passages
from cadence.personas.play import Audience
from cadence.personas.play import Event as SpeakerEvent
from cadence.personas.recollection import MindFile, forget_chronicle, load_chronicle, save_chronicle
from cadence.personas.speaker import Speaker, StageError
from cadence.personas.thinker import RunTool, Thinker
from cadence.personas.thoughts import Counts, Erased, Heard, Present
from cadence.rooms import wire

PAGE_SECONDS_MAX = 10.0
RETRY_SECONDS = 1.0
SAVE_SECONDS = 30.0
CARRY_SECONDS = 0.005  # between two nodes of the pyramid: nobody waits for it, so it may not fill the loop
MEMBERS_MAX = 10_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seat:
    """One mind to be: its card, under which name and token it enters, and its model."""

    card: Card
    cast: Cast
    model: ChatModel


class Company:
    """See the module's text. `folder` None keeps nothing over a restart. `run_id` must be new for each start."""

    def __init__(
        self,
        room: str,
        seats: Sequence[Seat],
        *,
        connect: Connect,
        run_tool: RunTool,
        run_id: str,
        folder: Path | None = None,
    ) -> None:
        self._room = room
        self._seats = {seat.card.id: seat for seat in seats}
        self._run_tool, self._run_id, self._folder = run_tool, run_id, folder
        self._chronicle: Chronicle | None = None
        self._passages = Passages()
        self._thinkers: dict[str, Thinker] = {}
        self._members: dict[str, wire.Member] = {}
        self._present = Present({}, frozenset())
        self._pages: dict[str, asyncio.Future[wire.Page]] = {}
        self._refs = count(1)
        self._reading = asyncio.Event()  # there may be something to read from the log
        self._building = asyncio.Event()  # there may be nodes to build
        self._unsaved = asyncio.Event()
        self._redacted: list[int] = []  # what the pyramid must forget; at most the messages of the room
        self._speakers = {
            seat.card.id: Speaker(
                seat.cast,
                room,
                connect,
                partial(self._event, seat.card.id),
                hear=partial(self._frame, seat.card.id),
                after=self._after if number == 0 else lambda: UNSET,  # once is enough: minds share what they hear
            )
            for number, seat in enumerate(seats)
        }

    @property
    def counts(self) -> dict[str, Counts]:
        """What each mind has done since the start."""
        return {id: thinker.mind.counts for id, thinker in self._thinkers.items()}

    @property
    def chronicle(self) -> Chronicle | None:
        """What is known of the room; None before the first mind has entered it."""
        return self._chronicle

    @property
    def inside(self) -> int:
        """How many of the minds are in the room."""
        return sum(speaker.connected for speaker in self._speakers.values())

    async def run(self) -> None:
        """Live until cancelled, or until no mind is left."""
        self._chronicle = load_chronicle(self._path("chronicle"), self._room)
        tasks = [asyncio.create_task(self._live(id)) for id in self._speakers]
        beside = [asyncio.create_task(work()) for work in (self._read, self._build, self._save)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *beside):
                task.cancel()
            await asyncio.wait([*tasks, *beside])
            for thinker in self._thinkers.values():
                thinker.end()
            for thinker in self._thinkers.values():
                await thinker.ended()
            if self._chronicle is not None and not self._redacted:
                save_chronicle(self._path("chronicle"), self._chronicle.stored())

    async def _live(self, id: str) -> None:
        seat = self._seats[id]
        try:
            Context(seat.card, seat.model.context_tokens, self._passages)
            await self._speakers[id].run()
        except (StageError, WindowTooSmall) as error:
            self._complain(id, str(error))
        except Exception:
            log.exception("mind broke", room=self._room, card=seat.card.file)
        if (thinker := self._thinkers.get(id)) is not None:
            thinker.end()

    def _complain(self, id: str, why: str) -> None:
        seat = self._seats[id]
        log.error("mind cannot think", room=self._room, card=seat.card.model_at, model=seat.model.name, why=why)

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._room}.{name}"

    # What connections tell.

    async def _event(self, id: str, event: SpeakerEvent) -> None:
        if isinstance(event, Audience):
            return  # who reads is nothing to a mind
        if (thinker := self._thinkers.get(id)) is not None:
            thinker.tell(event)
        self._reading.set()

    async def _frame(self, id: str, frame: wire.ServerFrame) -> None:
        match frame:
            case wire.Joined():
                self._joined(id, frame)
            case wire.Message() if frame.room == self._room:
                self._message(frame)
            case wire.Redacted() if frame.room == self._room:
                self._erase(frame.seq)
            case wire.Presence() if frame.room == self._room:
                self._presence(frame)
            case wire.Page() if isinstance(frame.ref, str):
                if (asked := self._pages.get(frame.ref)) is not None and not asked.done():
                    asked.set_result(frame)
            case wire.Error() if isinstance(frame.ref, str):
                if (asked := self._pages.get(frame.ref)) is not None and not asked.done():
                    asked.set_exception(_NoPage(frame.message))

    def _after(self) -> wire.After | UnsetType:
        """What is known of the room, so that what was missed since is sent, and what was taken back is told."""
        known = self._chronicle
        return UNSET if known is None or not known.last else wire.After(epoch=known.epoch, seq=known.last)

    def _joined(self, id: str, joined: wire.Joined) -> None:
        known = self._chronicle
        if known is None or known.epoch != joined.epoch or known.last > joined.head:
            known = self._begin(joined)
        known.head = max(known.head, joined.head)
        fresh = None if id in self._thinkers else self._wake(id, known, joined.head)
        self._presence(wire.Presence(room=self._room, members=joined.members, member_count=joined.member_count))
        if fresh is not None:
            fresh.tell(self._present)
            for heard in known.since(0):  # what others brought before
                fresh.tell(Heard(heard))

    def _begin(self, joined: wire.Joined) -> Chronicle:
        """Another log: all that was known belongs to the one before."""
        first = max(1, joined.head - CATCH_UP_MESSAGES_MAX + 1)
        self._chronicle = Chronicle(self._room, joined.epoch, first=first)
        self._passages = Passages()
        self._redacted.clear()
        for thinker in self._thinkers.values():
            thinker.end()
        self._thinkers.clear()
        return self._chronicle

    def _wake(self, id: str, chronicle: Chronicle, head: int) -> Thinker:
        """A mind begins to live, with what an earlier life of it left."""
        seat, file = self._seats[id], MindFile(self._path(f"{id}.json"))
        memory = file.load(chronicle.epoch, head)
        mind = Mind(seat.card, chronicle, self._passages, seat.model.context_tokens, self._run_id, memory)
        say = self._speakers[id].say
        thinker = Thinker(seat.card, self._room, mind, seat.model, say, self._run_tool, file)
        self._thinkers[id] = thinker
        return thinker

    def _message(self, message: wire.Message) -> None:
        assert self._chronicle is not None
        heard = self._chronicle.hear(message)
        if heard is not None:
            self._building.set()
            self._unsaved.set()
            self._tell(Heard(heard))
        if self._chronicle.head > self._chronicle.last or self._passages.wanted:
            self._reading.set()

    def _erase(self, seq: int) -> None:
        assert self._chronicle is not None
        self._chronicle.redact(seq)
        self._passages.redact(seq)
        if seq not in self._redacted and seq not in self._chronicle.gone:
            self._redacted.append(seq)
            forget_chronicle(self._path("chronicle"))
            self._reading.set()
        self._tell(Erased(seq))

    def _presence(self, presence: wire.Presence) -> None:
        """Every connection tells the same; who is there is told to the minds when it changed."""
        members = dict(self._members) if presence.members is UNSET else {}
        for many in (presence.members, presence.joined):
            members |= {} if many is UNSET else {member.id: member for member in many[:MEMBERS_MAX]}
        for gone in () if presence.left is UNSET else presence.left:
            members.pop(gone, None)
        if members == self._members or len(members) > MEMBERS_MAX:
            return
        self._members = members
        agents = frozenset(id for id, member in members.items() if member.kind == "agent")
        self._present = Present({id: member.name for id, member in members.items()}, agents)
        self._tell(self._present)

    def _tell(self, event: Heard | Erased | Present) -> None:
        for thinker in self._thinkers.values():
            thinker.tell(event)

    # What is read from the log.

    async def _read(self) -> None:
        """Get what is missing, whenever something may be."""
        while True:
            await self._reading.wait()
            self._reading.clear()
            try:
                while await self._read_some():
                    pass
            except (_NoPage, TimeoutError) as error:
                log.warning("the log could not be read; tried again", room=self._room, why=str(error) or "no answer")
                await asyncio.sleep(RETRY_SECONDS)
                self._reading.set()

    async def _read_some(self) -> bool:
        """One page of what is missing; False when nothing is, or nobody is there to ask."""
        known = self._chronicle
        if known is None or not any(speaker.connected for speaker in self._speakers.values()):
            return False
        if known.head > known.last:
            before = known.last
            for item in (await self._page(after=known.last)).items:
                if isinstance(item, wire.Message):
                    self._message(item)
            return known.last > before
        if self._redacted:
            await self._mend(known)
            return True
        if seqs := self._passages.wanted[: wire.PAGE_ITEMS_MAX]:
            page = await self._page(seqs=tuple(seqs))
            found = [item for item in page.items if isinstance(item, wire.Message)]
            self._passages.learn(found, [one.seq for one in found] if page.more else seqs)
            return bool(found) or not page.more
        return False

    async def _page(self, **which: Any) -> wire.Page:
        """A page of the log, asked for over the first connection there is. Raises `_NoPage` or `TimeoutError`."""
        ref = f"page-{next(self._refs)}"
        self._pages[ref] = asyncio.get_running_loop().create_future()
        asking = next((speaker for speaker in self._speakers.values() if speaker.connected), None)
        try:
            if asking is None:
                raise _NoPage("no mind is connected")
            limit = wire.PAGE_ITEMS_MAX
            await asking.request(wire.History(room=self._room, stream="raw", limit=limit, ref=ref, **which))
            async with asyncio.timeout(PAGE_SECONDS_MAX):
                return await self._pages[ref]
        finally:
            del self._pages[ref]

    async def _mend(self, known: Chronicle) -> None:
        """Hear the stretch around a redacted message again as the log has it now, so that the pyramid forgets it."""
        seq = self._redacted[0]
        heard: Pyramid | None = None
        forgotten = {seq}
        while (span := known.pyramid.stretch(seq)) is not None:
            first, last = span
            if heard is None or heard.first != first:
                heard = Pyramid(self._room, first=first)
            if heard.last >= last:
                known.pyramid.mend(heard)
                break
            before = heard.last
            for item in (await self._page(after=before)).items:
                if isinstance(item, wire.Message) and heard.last < item.seq <= last:
                    heard.add(heard_as(item)[1])
                    forgotten |= {item.seq} if item.redacted else set()
            if heard.last == before:
                raise _NoPage(f"expected the messages after {before}, got none")
        known.gone |= forgotten
        self._redacted = [one for one in self._redacted if one not in forgotten]
        self._building.set()
        self._unsaved.set()

    # What is done now and then.

    async def _build(self) -> None:
        """Build the pyramid a node at a time, so that nobody waits for a long chain of merges."""
        while True:
            await self._building.wait()
            self._building.clear()
            busy = True
            while busy:
                busy = self._chronicle is not None and not self._redacted and self._chronicle.pyramid.carry()
                await asyncio.sleep(CARRY_SECONDS)

    async def _save(self) -> None:
        while True:
            await self._unsaved.wait()
            await asyncio.sleep(SAVE_SECONDS)
            if self._chronicle is not None and not self._redacted:  # what knows of a redacted message is not written
                self._unsaved.clear()
                save_chronicle(self._path("chronicle"), self._chronicle.stored())


class _NoPage(Exception):
    """The log did not answer; the text says why."""
