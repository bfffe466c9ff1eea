"""What a server does by itself now and then: erase what rooms keep no longer, close the door behind expired tokens.

A message that is too old is erased as a redaction erases it (protocol rule 8), so that everything that reaches a
redacted text reaches it: stored turns, the pyramid, the search index, exports, clients. Its place stays, without a
text: the seqs of a room have no gaps and what a turn covers stays true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import LogUnavailable
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.wire import CLOSE_UNAUTHORIZED, from_iso

SWEEP_SECONDS = 60.0
BATCH_MESSAGES = 200  # erased in one step of one room
BATCH_PAUSE_SECONDS = 0.25  # between the steps: who speaks meanwhile does not wait
DAY_SECONDS = 86_400.0
KIND = "expired"  # of the log's small records: by room, the last seq that was erased for its age

log = structlog.get_logger(__name__)


class Housekeeping:
    """`sweep` does a bounded part of what is due; `run` goes on for ever."""

    def __init__(self, hub: Hub, identity: Identity, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._hub, self._identity, self._sleep = hub, identity, sleep

    async def run(self) -> None:
        """Sweep, rest, and so on until cancelled; a log that refuses is tried again."""
        while True:
            more = False
            try:
                more = await self.sweep()
            except LogUnavailable as error:
                log.warning("housekeeping waits for the log", error=str(error))
            except Exception:
                log.exception("housekeeping failed")
            await self._sleep(BATCH_PAUSE_SECONDS if more else SWEEP_SECONDS)

    async def sweep(self) -> bool:
        """One step for each room, and for tokens; True if there is more to do at once."""
        for user in await self._identity.tokens.expire():
            self._hub.put_out(user, CLOSE_UNAUTHORIZED, "your token has expired: ask the host for a new one")
        more = [await self._expire(room) for room in self._hub.rooms() if room.info.keep_days is not None]
        return any(more)

    async def _expire(self, room: OpenRoom) -> bool:
        """Erase the oldest messages that are too old, at most a batch; True if there are more of them."""
        assert room.info.keep_days is not None
        name, store = room.info.room, self._hub.store
        done = int((await store.kept(KIND)).get(name, b"0"))
        before = self._hub.clock() - room.info.keep_days * DAY_SECONDS
        last = await self._last_before(name, done, room.head, before)
        if last <= done:
            return False
        to = min(last, done + BATCH_MESSAGES)
        erased = await self._hub.erase(name, range(done + 1, to + 1), by="")
        await store.keep(KIND, name, str(to).encode())
        log.info("old messages erased", room=name, messages=erased, to=to)
        return to < last

    async def _last_before(self, room: str, low: int, high: int, before: float) -> int:
        """The highest seq in low < seq <= high of a message older than `before`, else `low`: times never go back."""
        while low < high:
            middle = (low + high + 1) // 2
            (message,) = await self._hub.store.messages_at(room, [middle])
            if from_iso(message.at) < before:
                low = middle
            else:
                high = middle - 1
        return low
