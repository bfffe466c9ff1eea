"""Who is invited to which room: what a private room goes by, besides hosts and the personas of its file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from cadence.rooms.log import Log

KIND = "invitation"  # of the log's small records; the name is room/user
INVITED_MAX = 10_000  # of one room


class Invitation(Struct, frozen=True):
    """`name` is how they were called when `by` invited them, `at` seconds since the epoch."""

    room: str
    user: str
    name: str
    by: str
    at: float


class Invitations:
    """All of a server, as the log has them; read when the first room asks."""

    def __init__(self, store: Log) -> None:
        self._store = store
        self._rooms: dict[str, dict[str, Invitation]] | None = None
        self._loading = asyncio.Lock()

    async def of(self, room: str) -> Mapping[str, Invitation]:
        """Who is invited to `room`, by user; the mapping follows what changes."""
        async with self._loading:
            if self._rooms is None:
                found: dict[str, dict[str, Invitation]] = {}
                for body in (await self._store.kept(KIND)).values():
                    one = msgspec.json.decode(body, type=Invitation)
                    found.setdefault(one.room, {})[one.user] = one
                self._rooms = found
        return self._rooms.setdefault(room, {})

    async def add(self, one: Invitation) -> None:
        """Keep an invitation; it replaces an earlier one of the same user."""
        await self._store.keep(KIND, f"{one.room}/{one.user}", msgspec.json.encode(one))
        (await self._changeable(one.room))[one.user] = one

    async def drop(self, room: str, user: str) -> None:
        """End an invitation, if there is one."""
        await self._store.keep(KIND, f"{room}/{user}", None)
        (await self._changeable(room)).pop(user, None)

    async def rooms_of(self, user: str) -> list[str]:
        """The rooms `user` is invited to."""
        await self.of("")
        return [room for room, invited in (self._rooms or {}).items() if user in invited]

    async def _changeable(self, room: str) -> dict[str, Invitation]:
        await self.of(room)
        assert self._rooms is not None
        return self._rooms[room]
