"""The pyramid of a room beside its log: hears what was posted, is stored, and is built again from the log when need be.

Work is done in small steps beside the loop's own, and one writing at a time. Nothing waits for it but an answer, and
that at most `LEVEL_SECONDS_MAX`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from cadence.alex.recovery import pages
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.branches import Ident
from cadence.lod.nodes import Node, Said, leaf
from cadence.lod.pyramid import SLOT_SECONDS, Pyramid, Stored
from cadence.lod.stance import stance
from cadence.rooms.mediation import ReaderStore, StoredNode, StoreUnavailable
from cadence.rooms.wire import Message

SAVE_SECONDS = 5.0  # what is built meanwhile is written at once; after a crash it is built again
LEVEL_SECONDS_MAX = 2.0  # how long an answer waits for a pyramid that is being built
RETRY_SECONDS = 5.0
LEAVES_KEPT = 64  # of a room too fast for its prose; older ones go without
TAIL_MESSAGES_MAX = 500  # read past the pyramid while that is not up to date

log = structlog.get_logger()
Spawn = Callable[[Coroutine[Any, Any, None]], None]


def said_of(entry: Entry) -> Said:
    """A message as the pyramid hears it: by what the message itself says, so that it is the same whenever it is heard.

    Whether it really objects depends on the other message, and is looked at when it is shown.
    """
    reply_to = entry.message.reply_to
    objects = isinstance(reply_to, int) and stance(entry.message.text) == "objection"
    return Said(
        seq=entry.seq,
        at=entry.at,
        human=entry.human,
        words=entry.words,
        units=entry.parsed.units,
        objects_to=reply_to if isinstance(reply_to, int) and objects else None,
        redacted=entry.message.redacted,
    )


class Keeper:
    """Keeps one room's pyramid. `spawn` runs what is done in the background."""

    def __init__(self, room: str, transcript: Transcript, store: ReaderStore, spawn: Spawn) -> None:
        self.pyramid = Pyramid(room)
        self._room, self._transcript, self._store, self._spawn = room, transcript, store, spawn
        self._head = 0
        self._following = True  # reading from the log what was not heard; at first that is everything
        self._level = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None  # until what is built is stored
        self._unsaved: dict[Ident, Stored | None] = {}
        self._redacted: list[int] = []  # what is still to be mended, at most the messages of the room
        self._mending = False
        self._gone: set[int] = set()  # redacted before they were heard
        self._leaves: deque[tuple[int, int]] = deque(maxlen=LEAVES_KEPT)  # closed since `leaves` was last asked

    # Hearing.

    async def open(self, head: int) -> None:
        """Go on from what is stored, and hear what is missing up to `head`."""
        self._head = max(self._head, head)
        try:
            self.pyramid = Pyramid(self._room, [node.body for node in await self._store.nodes(self._room)])
        except (ValueError, StoreUnavailable) as error:
            log.warning("the pyramid is built again from the log", room=self._room, why=str(error))
        await self._follow()

    async def close(self) -> None:
        """Store what is built, as far as the log allows; what is not is built again."""
        if self._timer is not None:
            self._timer.cancel()
        with suppress(StoreUnavailable):
            await self.save()

    def abandon(self) -> None:
        """The room began anew: what is built and not stored is of messages that may be lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unsaved.clear()

    def hear(self, entry: Entry) -> None:
        """A message was posted. What it adds is built by `step`."""
        self._head = max(self._head, entry.seq)
        if self._following:
            return
        if entry.seq == self.pyramid.last + 1:
            before = self.pyramid.open_leaf
            self.pyramid.add(self._said(entry))
            after = self.pyramid.open_leaf
            if before is not None and after is not None and after[0] > before[0]:
                self._leaves.append(before[:2])
        elif entry.seq > self.pyramid.last:  # some were not heard: the room was too fast
            self._following = True
            self._spawn(self._follow())

    def leaves(self) -> list[tuple[int, int]]:
        """First and last seq of each leaf that closed since this was last asked."""
        found = list(self._leaves)
        self._leaves.clear()
        return found

    def step(self) -> bool:
        """Build one node; False when all are built."""
        if self._following or self._mending:
            return False
        busy = self.pyramid.carry()
        if not busy:
            self._save_soon()
        return busy

    async def _follow(self) -> None:
        """Hear what the log has and we have not."""
        while self.pyramid.last < self._head:
            try:
                async for page in pages(self._store, self._room, self.pyramid.last, self._head):
                    for message in page:
                        self.pyramid.add(self._said(self._entry(message)))
                        while self.pyramid.carry():
                            pass
                    await asyncio.sleep(0)
            except StoreUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
        self._following = False
        self._level.set()
        self._save_soon()

    def _said(self, entry: Entry) -> Said:
        if entry.seq in self._gone:
            self._gone.discard(entry.seq)
            entry = Entry(entry.message.erased(), None)
        return said_of(entry)

    def _entry(self, message: Message) -> Entry:
        known = self._transcript.entry(message.seq)
        return known if known is not None and not message.redacted else Entry(message, None)

    # Reading.

    async def level(self) -> None:
        """Wait until the pyramid is up to date, but not for long."""
        try:
            async with asyncio.timeout(LEVEL_SECONDS_MAX):
                while self._following or self._mending:
                    self._level.clear()
                    await self._level.wait()
        except TimeoutError:
            log.warning("answering from a pyramid that is still being built", room=self._room, at=self.pyramid.last)

    def read(self, after: int, weigh: Callable[[float], float], nodes: int) -> list[Node]:
        """The nodes for what was said after seq `after`; the newest messages as they are, where it lags behind."""
        found = self.pyramid.read(after, weigh, nodes)
        last = max(after, self.pyramid.last)
        tail = [said_of(entry) for entry in self._transcript.newest(TAIL_MESSAGES_MAX) if entry.seq > last]
        if tail:
            found.append(leaf(self._room, int(tail[0].at // SLOT_SECONDS), tail))
        return found

    # Redaction.

    def redacted(self, seq: int) -> None:
        """A message is gone from the log: build again what knew it."""
        if seq > self.pyramid.last:
            self._gone.add(seq)
            return
        self._redacted.append(seq)
        if not self._mending:
            self._mending = True
            self._spawn(self._mend())

    async def _mend(self) -> None:
        while self._redacted:
            try:
                await self._mend_around(self._redacted[0])
            except StoreUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
        self._mending = False
        self._level.set()
        self._save_soon()

    async def _mend_around(self, seq: int) -> None:
        """Hear the stretch around a message again, step by step, and with it all that is known to be gone there."""
        gone, mended = set(self._redacted), {seq}  # what we read from here on knows of all that is gone by now
        heard: Pyramid | None = None
        while (span := self.pyramid.stretch(seq)) is not None:
            first, last = span
            heard = heard or Pyramid(self._room, first=first)
            if heard.last == last:
                self.pyramid.mend(heard)
                mended |= {one for one in gone if first <= one <= last}
                break
            async for page in pages(self._store, self._room, heard.last, last):  # more may be said in it meanwhile
                for message in page:
                    heard.add(said_of(self._entry(message)))
                    while heard.carry():
                        pass
                    await asyncio.sleep(0)
        self._redacted = [one for one in self._redacted if one not in mended]

    # Storing.

    def _save_soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVE_SECONDS, self._save_now)

    def _save_now(self) -> None:
        self._timer = None
        self._spawn(self._try_to_save())

    async def _try_to_save(self) -> None:
        try:
            await self.save()
        except StoreUnavailable as error:
            log.warning("the pyramid could not be stored; it is tried again", room=self._room, why=str(error))
            self._save_soon()

    async def save(self) -> None:
        """Write down what changed since the last time. Raises `StoreUnavailable`; then nothing is lost."""
        if self._mending:  # what knows of a redacted message is not written; `_mend` ends by saving
            return
        changes = self.pyramid.take_changes()
        self._unsaved |= {stored.ident: stored for stored in changes.kept}
        self._unsaved |= dict.fromkeys(changes.dropped)
        writing, self._unsaved = self._unsaved, {}
        if not writing:
            return
        kept = [
            StoredNode(_name(ident), stored.first, stored.last, stored.gone, stored.body)
            for ident, stored in writing.items()
            if stored is not None
        ]
        try:
            await self._store.save_nodes(
                self._room, kept, [_name(ident) for ident, stored in writing.items() if stored is None]
            )
        except BaseException:
            self._unsaved = writing | self._unsaved
            raise


def _name(ident: Ident) -> str:
    level, block = ident
    return f"{level}/{block}"
