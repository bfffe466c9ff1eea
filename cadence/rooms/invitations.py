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
                for one in await self._read():
                    found.setdefault(one.room, {})[one.user] = one
                self._rooms = found
        return self._rooms.setdefault(room, {})

    async def add(self, one: Invitation) -> None:
        """Keep an invitation; it replaces an earlier one of the same user."""
        invited = await self._changeable(one.room)
        async with self._loading:
            await self._store.keep(KIND, f"{one.room}/{one.user}", msgspec.json.encode(one))
            invited[one.user] = one

    async def drop(self, room: str, user: str) -> None:
        """End an invitation, if there is one."""
        invited = await self._changeable(room)
        async with self._loading:
            await self._store.keep(KIND, f"{room}/{user}", None)
            invited.pop(user, None)

    async def refresh(self) -> list[str]:
        """Take over what other servers that share the log have changed; returns the users whom that concerns."""
        async with self._loading:
            found = {(one.room, one.user): one for one in await self._read()}
            if self._rooms is None:
                return []
            known = {(room, user): one for room, invited in self._rooms.items() for user, one in invited.items()}
            changed = [key for key in known.keys() | found.keys() if known.get(key) != found.get(key)]
            for room, user in changed:
                invited = self._rooms.setdefault(room, {})
                invited.pop(user, None)
                if (one := found.get((room, user))) is not None:
                    invited[user] = one
        return sorted({user for _, user in changed})

    async def _read(self) -> list[Invitation]:
        return [msgspec.json.decode(body, type=Invitation) for body in (await self._store.kept(KIND)).values()]

    async def rooms_of(self, user: str) -> list[str]:
        """The rooms `user` is invited to."""
        await self.of("")
        return [room for room, invited in (self._rooms or {}).items() if user in invited]

    async def _changeable(self, room: str) -> dict[str, Invitation]:
        await self.of(room)
        assert self._rooms is not None
        return self._rooms[room]
