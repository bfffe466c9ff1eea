"""The log in Redis, shared by every server process that is given the same address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from cadence.rooms.log import HostAction, LogConflict, LogUnavailable, RoomState, SessionRecord, Traces
from cadence.rooms.log.redis.forgetting import Forgetting
from cadence.rooms.log.redis.keys import HOUSE, pair
from cadence.rooms.log.rows import SANCTIONS, standing_actions
from cadence.rooms.log.searcher import Searcher
from cadence.rooms.query import Term
from cadence.rooms.roster import name_key
from cadence.rooms.wire import Message

NODE_SECONDS = 10.0  # a node that has not been heard of for so long is dead
NAME_SECONDS = 120.0  # how long a closed session keeps its name: as long as it may be resumed

_read_action = msgspec.json.Decoder(HostAction).decode
_read_session = msgspec.json.Decoder(SessionRecord).decode


class RedisLog(Forgetting):
    """A `Log` in Redis 6.2 or newer, or Valkey; make one with `open`, and await `close` when done.

    What is acknowledged is as durable as Redis makes it: with `appendfsync always` it survives `kill -9` of
    everything; otherwise a crash of Redis changes the epoch of every room. `index` is where this node keeps its own
    index for `search`; without one, `search` raises `LogUnavailable`.
    """

    def __init__(
        self, url: str, clock: Callable[[], float], node: str | None = None, index: Path | None = None
    ) -> None:
        super().__init__(url, clock, node)
        self._searcher = None if index is None else Searcher(self, index)
        self._newest, self._beaten, self.forgotten = 0.0, False, False

    @classmethod
    async def open(
        cls, url: str, clock: Callable[[], float], *, node: str | None = None, index: Path | None = None
    ) -> RedisLog:
        """Connect and examine; who was connected to a node that is dead was closed at `clock()`. Raises `LogError`."""
        log = cls(url, clock, node, index)
        try:
            await log._link.open()
            await log.beat()
        except BaseException:
            await log._disconnect()
            raise
        return log

    async def beat(self) -> list[str]:
        """Say that this node lives, and bury the dead; returns all nodes that live. Once in `NODE_SECONDS` / 3."""
        newest, known, *living = await self._beat(goes_on=True)
        self._newest, self.forgotten = float(newest), self._beaten and known != b"1"
        self._living, self._beaten = [node.decode() for node in living], True
        packed = msgspec.msgpack.encode(self._living)
        await self._link.call("sweep_sessions", HOUSE, packed, self._now(), NAME_SECONDS)
        for room in list(self._opened):
            await self._sweep(room)
        return self._living

    async def _beat(self, *, goes_on: bool) -> list[bytes]:
        clock = repr(self._clock())
        found: list[bytes] = await self._link.call("beat", HOUSE, self.node, NODE_SECONDS, clock, int(goes_on))
        return found

    async def newest(self) -> float:
        """The furthest of all servers' clocks, as of the last sign of life of this one."""
        return self._newest

    async def open_room(self, room: str) -> RoomState:
        state = await super().open_room(room)
        await self._sweep(room)
        return state

    async def _sweep(self, room: str) -> None:
        living = msgspec.msgpack.encode(self._living)
        await self._link.call("sweep", self._prefix(room), living, self._now())

    def _now(self) -> float:
        """Who died did so by the furthest clock, which may have been its own."""
        return max(self._clock(), self._newest)

    async def erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        fresh = await super().erase(room, seqs)
        await self.erased(room, fresh)
        return fresh

    async def erased(self, room: str, seqs: Sequence[int]) -> None:
        """Messages were redacted, here or by another node: forget their words."""
        if self._searcher is not None and seqs:
            await self._searcher.forget(room, seqs)

    async def search(self, room: str, terms: Sequence[Term], *, user: str | None = None, limit: int) -> list[Message]:
        if self._searcher is None:
            raise LogUnavailable("expected an index to search in, but this node was started without one")
        return await self._searcher.search(room, terms, user, limit)

    async def save_session(self, record: SessionRecord) -> None:
        answer = await self._link.call(
            "session",
            HOUSE,
            record.key,
            msgspec.json.encode(replace(record, closed_at=None)),
            "" if record.closed_at is None else repr(record.closed_at),
            self.node,
            record.user,
            name_key(record.name),
            self._clock(),
            NAME_SECONDS,
        )
        if answer == [b"taken"]:
            raise LogConflict(f"expected a name that is free, got `{record.name}`: somebody bears it at another node")

    async def session(self, key: str) -> SessionRecord | None:
        found, closed_at = await self._link.call("read_session", HOUSE, key)
        return None if found is None else _session(found, closed_at)

    async def sessions_open_since(self, closed_after: float) -> list[SessionRecord]:
        found = await self._link.call("sessions_open", HOUSE, repr(closed_after))
        records = [_session(*both) for both in zip(found[::2], found[1::2], strict=True)]
        return sorted(records, key=lambda record: record.key)

    async def record(self, action: HostAction) -> None:
        held = pair(action.what, action.whom) if action.what in SANCTIONS else ""
        await self._link.call("record", self._prefix(action.room), msgspec.json.encode(action), held)

    async def host_actions(self, room: str, *, before: int | None = None, limit: int) -> list[tuple[int, HostAction]]:
        end = "" if before is None else before
        first, *found = await self._link.call("actions", self._prefix(room), end, max(limit, 0))
        return [(number, _read_action(action)) for number, action in enumerate(found, int(first))]

    async def sanctions(self, room: str, now: float) -> list[HostAction]:
        found = [value.split(b":", 1) for value in await self._link.call("held", self._prefix(room))]
        return standing_actions((_read_action(body) for _, body in sorted(found, key=lambda pair: int(pair[0]))), now)

    async def keep(self, kind: str, name: str, body: bytes | None) -> None:
        await self._link.call("put", HOUSE, kind, name, *([] if body is None else [body]))

    async def kept(self, kind: str) -> dict[str, bytes]:
        found = await self._link.call("records", HOUSE, kind)
        return dict(sorted((name.decode(), body) for name, body in zip(found[::2], found[1::2], strict=True)))

    async def forget(self, user: str, alias: str) -> Traces:
        found = await super().forget(user, alias)
        await self.renamed(user, alias)
        return found

    async def renamed(self, user: str, alias: str) -> None:
        """Somebody is forgotten, here or by another node: their id leaves what this node keeps beside the log."""
        if self._searcher is not None:
            await self._searcher.rename(user, alias)

    async def knows(self, room: str, user: str) -> bool:
        return bool(await self._link.call("knows", self._prefix(room), user))

    async def close(self) -> None:
        if self._link.closed:
            return
        await self._appends.close()
        if self._searcher is not None:
            await self._searcher.close()
        try:
            await self._beat(goes_on=False)
        except LogUnavailable:
            pass  # the others will find out by themselves
        await self._disconnect()

    async def _disconnect(self) -> None:
        await super().close()
        await self._link.close()


def _session(body: bytes, closed_at: bytes) -> SessionRecord:
    closed = float(closed_at)
    return replace(_read_session(body), closed_at=None if closed == float("inf") else closed)
