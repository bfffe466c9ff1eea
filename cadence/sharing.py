"""One server among several that share their rooms by Redis: what the composition adds for that, and nothing else.

Imported by the application only if it is asked for, as it needs the extra `redis`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from cadence.rooms import Clock
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import LogError
from cadence.rooms.making import RoomBook
from cadence.rooms.peers import Node
from cadence.rooms.placement import Movable, Placement
from cadence.rooms.shared import BEAT_SECONDS, Shared
from cadence.rooms.wire import CLOSE_UNAUTHORIZED

STAGE = "#stage"  # no user is called that: whoever holds its lease plays a room's script

log = structlog.get_logger(__name__)


async def open_shared(url: str, clock: Clock, index: Path) -> Shared:
    """The log at `url`. Raises `LogError`, also where the extra is missing."""
    try:
        from cadence.rooms.log.redis import RedisLog
    except ImportError as error:
        raise LogError(f"--redis needs the extra: pip install 'cadence-rooms[redis]' ({error})") from None
    found = await RedisLog.open(url, clock, index=index)
    if not found.durable:
        log.warning(
            "redis answers before what it keeps is on disk: a crash of it begins every room anew",
            advice="set appendonly yes and appendfsync always",
        )
    return found


async def take_over(hub: Hub, identity: Identity, book: RoomBook) -> None:
    """Let what hosts did at other servers hold here: tokens, rooms and invitations. Raises `LogError`."""
    for user in await identity.tokens.refresh():
        hub.put_out(user, CLOSE_UNAUTHORIZED, "your token is not valid any more: ask the host for a new one")
    await book.refresh()
    changed = await hub.invitations.refresh()
    for room in hub.rooms() if changed else ():
        hub.update_room(room.info)  # whom it admits no longer has to leave
    for user in changed:
        if hub.mediation is not None:
            hub.mediation.allowed(user)


class Sharing:
    """Makes `hub` and its mediation one of several. Call `open` for each room, `start` once, `close` in the end."""

    def __init__(self, store: Shared, hub: Hub, mediation: Movable) -> None:
        self._store = store
        self.node = Node(hub, store)
        self.placement = Placement(mediation, store, hub, self.node.did)
        hub.peers = self.node
        hub.mediation = self.node.mediating = self.placement

    async def open(self, room: str) -> None:
        """Follow a room that the hub and its mediation have opened. Raises `LogError`."""
        await self.node.open(room)

    def start(self) -> None:
        """Show signs of life."""
        self.node.start()

    async def close(self) -> None:
        """Follow no more, and take over nobody."""
        await self.node.close()
        await self.placement.close()

    async def alone(self, room: str, play: Callable[[], Awaitable[None]]) -> None:
        """Play a room's script while no other node does; again from its beginning when the one that did is dead."""
        playing: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    ours = await self._store.lease(room, STAGE, take=False) > 0
                except LogError as error:
                    log.warning("not known who plays; trying again", room=room, error=str(error))
                else:
                    if ours and playing is None:
                        playing = asyncio.ensure_future(play())
                    elif not ours and playing is not None:
                        playing.cancel()
                        playing = None
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            if playing is not None:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
