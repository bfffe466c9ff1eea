"""What readers were shown and what is kept of them. Who holds a reader's lease may write, an earlier holder not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from cadence.rooms.log import LogConflict, LogUnavailable, ReaderRecord, StoredNode
from cadence.rooms.log.redis.keys import pair, unpair
from cadence.rooms.log.redis.link import UnknownRoom
from cadence.rooms.log.redis.speech import Citing, Speech, read_turn
from cadence.rooms.log.rows import Cited, cited, is_repeat, next_record, unknown_room
from cadence.rooms.wire import Turn, encode

TURN_TRIES_MAX = 16  # while redactions or other writers come between reading a reader and storing its turn

_encode = msgspec.msgpack.encode
_read_node = msgspec.json.Decoder(StoredNode).decode
_read_record = msgspec.json.Decoder(ReaderRecord).decode


class Readers(Speech):
    """The part of the log that belongs to readers."""

    def __init__(self, url: str, clock: Callable[[], float], node: str | None = None) -> None:
        super().__init__(url, clock, node)
        self._fences: dict[tuple[str, str], int] = {}

    def fence(self, room: str, user: str, token: int | None) -> None:
        """Write for this reader only while its lease bears `token`; None: without a lease."""
        if token is None:
            self._fences.pop((room, user), None)
        else:
            self._fences[room, user] = token

    async def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> None:
        fence = self._fences.get((turn.room, user), "")  # as of now: a lease that is taken meanwhile is not its own
        sources, gone = cited(turn), set[Cited]()
        for room in sorted({room for room, _ in sources if room != turn.room}):
            citing = [_citing(seq, turn, user) for there, seq in sorted(sources) if there == room]
            found = await self._link.call("cite", self._prefix(room), _encode(citing))
            gone |= {(room, int(seq)) for seq in found}
        for _ in range(TURN_TRIES_MAX):
            blob, record = await self._reader(turn.room, user)
            if record is not None and record.turn >= turn.turn:
                # An earlier call of the same writer, whose answer never came, may have reached Redis after all.
                if is_repeat(turn, await self.turns_at(turn.room, user, [turn.turn])):
                    return
            after = next_record(record, user, turn, carried)
            answer, *more = await self._store_turn(user, turn, blob, after, sources, gone, fence)
            if answer in (b"kept", b"same"):
                return
            if answer == b"used":
                raise LogConflict(f"expected a turn that is not stored, got turn {turn.turn} of `{user}` again")
            for one in more:
                kind, _, what = one.decode().partition(":")
                room, seq = (turn.room, what) if kind == "here" else unpair(what)
                gone.add((room, int(seq)))
        raise LogUnavailable(f"expected to store turn {turn.turn} of `{user}`, but its reader went on changing")

    async def _store_turn(
        self,
        user: str,
        turn: Turn,
        blob: bytes,
        after: ReaderRecord,
        sources: set[Cited],
        gone: set[Cited],
        fence: int | str,
    ) -> list[bytes]:
        left = sorted(sources - gone)
        here = [seq for room, seq in left if room == turn.room]
        there = [pair(room, str(seq)) for room, seq in left if room != turn.room]
        citing = [_citing(seq, turn, user) for room, seq in sorted(sources) if room == turn.room]
        try:
            found: list[bytes] = await self._link.call(
                "turn",
                self._prefix(turn.room),
                user,
                blob,
                _blob(after),
                self.node,
                turn.turn,
                encode(turn.without(gone)),
                fence,
                _encode([here, there, citing]),
            )
        except UnknownRoom:
            raise unknown_room(turn.room) from None
        return found

    async def turns(
        self, room: str, user: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Turn]:
        low, high = "-inf" if after is None else f"({after}", "+inf" if before is None else f"({before}"
        ends = (low, high) if after is not None else (high, low)
        bodies = await self._link.call(
            "turns", self._prefix(room), user, *ends, max(limit, 0), "up" if after is not None else "down"
        )
        return [read_turn(body) for body in (bodies if after is not None else reversed(bodies))]

    async def turns_at(self, room: str, user: str, turns: Sequence[int]) -> list[Turn]:
        bodies = await self._link.call("turns_at", self._prefix(room), user, *sorted(set(turns)))
        return [read_turn(body) for body in bodies]

    async def reader(self, room: str, user: str) -> ReaderRecord | None:
        return (await self._reader(room, user))[1]

    async def _reader(self, room: str, user: str) -> tuple[bytes, ReaderRecord | None]:
        blob, closed_at = await self._link.call("read_reader", self._prefix(room), user)
        if blob is None:
            return b"", None
        return blob, replace(_read_record(blob), closed_at=None if closed_at is None else float(closed_at))

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        closed_at = "" if record.closed_at is None else repr(record.closed_at)
        fence = self._fences.get((room, user), "")
        await self._link.call("reader", self._prefix(room), user, _blob(record), closed_at, self.node, fence)

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        if first <= last:
            await self._keep(room, "raw", user, last, f"{first}-{last}")

    async def raw_ranges(self, room: str, user: str, after: int) -> list[tuple[int, int]]:
        found = await self._link.call("kept", self._prefix(room), "raw", user, f"({after}")
        pairs = (member.split(b"-") for member in found)
        return sorted((int(first), int(last)) for first, last in pairs)

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        if seqs:
            await self._keep(room, "postponed", user, *(each for seq in seqs for each in (seq, seq)))

    async def postponed(self, room: str, user: str, after: int) -> list[int]:
        return [int(seq) for seq in await self._link.call("kept", self._prefix(room), "postponed", user, f"({after}")]

    async def _keep(self, room: str, what: str, user: str, *scored: object) -> None:
        await self._link.call("keep", self._prefix(room), what, user, self._fences.get((room, user), ""), *scored)

    async def save_nodes(self, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None:
        rows = [(node.name, node.first, node.last, node.gone, msgspec.json.encode(node).decode()) for node in kept]
        await self._link.call("nodes", self._prefix(room), _encode((dropped, rows)))

    async def nodes(self, room: str) -> list[StoredNode]:
        found = [_read_node(body) for body in await self._link.call("read_nodes", self._prefix(room))]
        return sorted(found, key=lambda node: (node.first, node.last, node.name))


def _citing(seq: int, turn: Turn, user: str) -> tuple[int, str]:
    citing: Citing = (seq, turn.room, user, turn.turn)
    return seq, msgspec.json.encode(citing).decode()


def _blob(record: ReaderRecord) -> bytes:
    """A reader as stored: when it closed is kept beside it, where Redis itself can set it for a node that died."""
    return msgspec.json.encode(replace(record, closed_at=None))
