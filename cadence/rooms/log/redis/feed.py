"""The feed of each room as a stream, and who is here: what one node tells the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from redis.exceptions import RedisError

from cadence.rooms.log import HostAction, LogUnavailable
from cadence.rooms.log.redis.keys import pair, unpair
from cadence.rooms.log.redis.link import ANSWER_SECONDS_MAX, client
from cadence.rooms.log.redis.readers import Readers
from cadence.rooms.log.redis.speech import read
from cadence.rooms.shared import (
    FOLLOW_SECONDS,
    Did,
    Entry,
    Erased,
    Event,
    Here,
    Leased,
    Own,
    Parted,
    Parting,
    Published,
    Renewed,
    Stand,
    Told,
    Typed,
)
from cadence.rooms.wire import Member, Message

ENTRIES_AT_ONCE_MAX = 500
ANSWER_FIRST_SECONDS = 0.002

_BY_NAME: dict[str, type[HostAction | Published]] = {
    "action": HostAction,
    "here": Here,
    "typed": Typed,
    "told": Told,
    "did": Did,
    "parting": Parting,
    "parted": Parted,
}
_NAMES = {kind: name for name, kind in _BY_NAME.items()}
_read_member = msgspec.json.Decoder(Member).decode


def decode(kind: str, value: bytes) -> Event:
    """What stands in an entry of a feed that is no message."""
    if kind == "redacted":
        return Erased(tuple(map(int, value.split())))
    if kind == "epoch":
        return Renewed(value.decode())
    if kind == "lease":
        token, node, user = value.decode().split(" ", 2)
        return Leased(user, node, int(token))
    return msgspec.json.decode(value, type=_BY_NAME[kind])


class Feed(Readers):
    """The part of the log by which nodes hear each other."""

    def __init__(self, url: str, clock: Callable[[], float], node: str | None = None) -> None:
        super().__init__(url, clock, node)
        self._living: list[str] = []
        self._following = client(url, FOLLOW_SECONDS + ANSWER_SECONDS_MAX)

    async def stand(self, room: str) -> Stand:
        cursor, n, epoch, head = await self._link.call("stand", self._prefix(room))
        return Stand(cursor.decode(), int(n), epoch.decode(), int(head))

    async def follow(self, room: str, cursor: str) -> tuple[str, list[Entry]]:
        try:
            found = await self._following.xread(
                {f"{self._prefix(room)}feed": cursor}, count=ENTRIES_AT_ONCE_MAX, block=round(FOLLOW_SECONDS * 1000)
            )
        except (RedisError, OSError) as error:
            raise LogUnavailable(f"expected to follow the feed of `{room}`, got: {error}") from None
        if found and self._appends.under_way:
            # Redis tells both at once what was said here. The answer is the cheaper of them: it need not be read.
            await asyncio.sleep(ANSWER_FIRST_SECONDS)
        entries = []
        for place, fields in found[0][1] if found else ():
            cursor, epoch, n = place.decode(), fields[b"e"].decode(), int(fields[b"n"])
            kind, value = fields[b"k"].decode(), fields[b"v"]
            if kind == "message":
                messages = value.split(b"\n")  # several that were said at once; JSON has no line ends
                first = n + 1 - len(messages)
                entries += [Entry(first + at, epoch, self._heard(room, epoch, one)) for at, one in enumerate(messages)]
            else:
                entries.append(Entry(n, epoch, decode(kind, value)))
        return cursor, entries

    def _heard(self, room: str, epoch: str, value: bytes) -> Message | Own:
        opened = self._opened.get(room)
        if opened is None or epoch != opened.epoch:
            return read(value, epoch)
        if opened.known(seq := int(value[: value.index(b":")])):
            return Own(seq)
        message = read(value, epoch)
        opened.witness(seq, pair(message.from_.id, message.id))  # this node will have shown it
        return message

    async def publish(self, room: str, event: Published) -> None:
        changes: list[object] = []
        if isinstance(event, Here):
            changes = [self.node, int(event.all), len(event.left), *(pair(self.node, user) for user in event.left)]
            for member in event.joined:
                changes += [pair(self.node, member.id), msgspec.json.encode(member)]
        name, body = _NAMES[type(event)], msgspec.json.encode(event)
        await self._link.call("publish", self._prefix(room), name, body, *changes)

    async def here(self, room: str) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        fields = await self._link.call("read_here", self._prefix(room))
        for both, member in zip(fields[::2], fields[1::2], strict=True):
            node, _ = unpair(both.decode())
            if node in self._living:
                found.setdefault(node, []).append(_read_member(member))
        return found

    async def lease(self, room: str, user: str, *, take: bool = True) -> int:
        living = [] if take else self._living
        packed = msgspec.msgpack.encode(living)
        token = int(await self._link.call("take", self._prefix(room), user, self.node, int(take), packed))
        if token:
            self.fence(room, user, token)
        return token

    async def leases(self, room: str) -> list[Leased]:
        fields = await self._link.call("leases", self._prefix(room))
        pairs = (
            (user.decode(), lease.decode().split(" ", 1)) for user, lease in zip(fields[::2], fields[1::2], strict=True)
        )
        return [Leased(user, node, int(token)) for user, (token, node) in pairs]

    async def let_go(self, room: str, user: str, token: int) -> None:
        await self._link.call("drop_lease", self._prefix(room), user, token)

    async def close(self) -> None:
        """Follow no more."""
        await self._following.aclose(close_connection_pool=True)
