"""The rooms this node has opened in Redis, and what it can testify of each: the last message it knew as durable."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from cadence.rooms.log import RoomState
from cadence.rooms.log.redis.keys import prefix
from cadence.rooms.log.redis.link import Incarnation, Link

OWN_MAX = 20_000  # messages of a room that were appended here and not yet read in its feed

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Opened:
    """A room as this node knows it. `seq` and `said` are of the last message it saw to be durable."""

    room: str
    prefix: str
    epoch: str = ""
    salt: bytes = b""
    seq: int = 0
    said: str = ""
    fed: int = 0  # the last seq that this node read in the feed
    own: set[int] = field(default_factory=set)  # above that, those that this node's own appends were answered with

    def witness(self, seq: int, said: str) -> None:
        """This message is durable: a Redis that lacks it has lost something."""
        if seq > self.seq:
            self.seq, self.said = seq, said

    def answered(self, seq: int) -> None:
        """This node's own append was given `seq`, which the feed will tell it again."""
        if seq > self.fed:
            self.own.add(seq)
        if len(self.own) > OWN_MAX:  # the feed lost them, or lags so far that it may tell them again
            self.own.clear()

    def known(self, seq: int) -> bool:
        """The feed tells `seq`: whether this node knows it from its own append."""
        self.fed = max(self.fed, seq)
        if seq not in self.own:
            return False
        self.own.discard(seq)
        return True


class Rooms:
    """Base of the log: its link, its name as a node, its rooms. `clock` tells seconds since the epoch."""

    def __init__(self, url: str, clock: Callable[[], float], node: str | None = None) -> None:
        self.node = node or secrets.token_hex(8)
        self._clock = clock
        self._incarnation = Incarnation("", False)
        self._link = Link(url, self._prove)
        self._opened: dict[str, Opened] = {}
        self._opening = asyncio.Lock()

    @property
    def durable(self) -> bool:
        """Whether what was acknowledged survives a crash of Redis."""
        return self._incarnation.durable

    async def open_room(self, room: str) -> RoomState:
        """See `Log`. Epochs change whenever this node or Redis cannot prove that nothing acknowledged was lost."""
        async with self._opening:
            opened = self._opened.get(room) or Opened(room, prefix(room))
            head = await self._enter(opened, self._link.call)
            self._opened[room] = opened
            return RoomState(opened.epoch, head)

    async def _prove(self, incarnation: Incarnation) -> None:
        if incarnation.run != self._incarnation.run:
            log.info("redis examined", run=incarnation.run, durable=incarnation.durable, node=self.node)
        self._incarnation = incarnation
        for opened in list(self._opened.values()):
            before = opened.epoch
            await self._enter(opened, self._link.prove_call)
            if opened.epoch != before:
                log.warning("redis cannot prove that nothing was lost: a new epoch begins", room=opened.room)

    async def _enter(self, opened: Opened, call: Callable[..., object]) -> int:
        epoch, head, salt = await call(  # type: ignore[misc]
            "enter",
            opened.prefix,
            self._incarnation.run,
            int(self._incarnation.durable),
            secrets.token_hex(8),
            secrets.token_bytes(16),
            opened.epoch,
            opened.seq,
            opened.said,
        )
        if (found := epoch.decode()) != opened.epoch:
            opened.epoch, opened.seq, opened.said, opened.fed = found, 0, "", 0
            opened.own.clear()
        opened.salt = salt
        return int(head)

    def _prefix(self, room: str) -> str:
        opened = self._opened.get(room)
        return opened.prefix if opened is not None else prefix(room)
