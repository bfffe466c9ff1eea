"""All mediators' processes of a server: who mediates whom, and a new one for each that dies.

A reader belongs to one worker by name, so that what they hear of several rooms is one worker's business. All
workers hear all rooms.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import structlog

from cadence.alex.paraphrase import Narrator
from cadence.alex.remote.near import Connection, Server
from cadence.alex.remote.peer import Frame
from cadence.alex.remote.proxy import Proxy
from cadence.counts import MediationCounts, WorkerCounts
from cadence.lod.scopes import Floor
from cadence.models.async_encoder import EncodingCount
from cadence.rooms.mediation import Attached
from cadence.rooms.wire import After, Ask, Member, Message, Read, Segment, Turn, ViewPatch, ViewReply, ViewRequest

RESTART_SECONDS, RESTART_SECONDS_MAX = 0.5, 30.0  # doubled each time a worker does not come to life
ALIVE_SECONDS = 60.0  # one that lived so long was well, and the next is started at once

Start = Callable[[int, Callable[[Frame], None], Callable[[], None]], Awaitable[Connection]]
"""Starts worker `number`; then tells of each frame from it and, once, that it is gone. Raises `OSError`."""

log = structlog.get_logger(__name__)


class Mediators:
    """Implements `Mediation` with `number` workers; call `open` first and `close` in the end."""

    def __init__(self, server: Server, start: Start, number: int) -> None:
        self._start = start
        self._proxies = [Proxy(server) for _ in range(number)]
        self._keeping: list[asyncio.Task[None]] = []
        self.deaths = 0  # of workers, since the start
        self._elsewhere: Callable[[str], AbstractSet[str]] = lambda room: frozenset()

    async def open(self) -> None:
        """Start all workers. Raises `OSError` if one cannot be started."""
        for number, proxy in enumerate(self._proxies):
            gone = await self._connect(number, proxy)
            self._keeping.append(asyncio.create_task(self._keep(number, proxy, gone)))

    async def close(self) -> None:
        """End all workers, each when it has stored what it decided."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*(proxy.close() for proxy in self._proxies))

    # What the driver counts.

    @property
    def counts(self) -> MediationCounts:
        """Since the start, of all workers."""
        counts = MediationCounts()
        for proxy in self._proxies:
            counts.include(proxy.counts)
        return counts

    def readers(self) -> int:
        """How many readers are connected, counted once per room."""
        return sum(proxy.readers for proxy in self._proxies)

    def workers(self) -> list[WorkerCounts]:
        """How each of them is."""
        return [proxy.worker for proxy in self._proxies]

    def encoding(self) -> EncodingCount | None:
        """What the encoders have done."""
        counts = [proxy.encoding for proxy in self._proxies]
        return EncodingCount(
            sum(count.encoded for count in counts),
            sum(count.dropped for count in counts),
            sum(count.queue for count in counts),
        )

    # Among several nodes: see `cadence.rooms.placement`.

    @property
    def elsewhere(self) -> Callable[[str], AbstractSet[str]]:
        """Who of a room has pages at other nodes too."""
        return self._elsewhere

    @elsewhere.setter
    def elsewhere(self, elsewhere: Callable[[str], AbstractSet[str]]) -> None:
        self._elsewhere = elsewhere
        for proxy in self._proxies:
            proxy.elsewhere = elsewhere

    async def settle(self, room: str, user: str) -> None:
        """See `Driver.settle`."""
        await self._of(user).settle(room, user)

    def drop(self, room: str, user: str) -> int | None:
        """See `Proxy.drop`."""
        return self._of(user).drop(room, user)

    async def renew(self, room: str, epoch: str, head: int) -> None:
        """See `Driver.renew`."""
        await asyncio.gather(*(proxy.renew(room, epoch, head) for proxy in self._proxies))

    def reach(self, at: float) -> None:
        """It is `at` or later, in seconds since the epoch: let the workers' clocks go on from there."""
        for proxy in self._proxies:
            proxy.reach(at)

    # Mediation.

    async def open_room(
        self,
        room: str,
        epoch: str,
        head: int,
        defaults: ViewPatch,
        *,
        title: str = "",
        scope: str = "",
        public: bool = True,
        floor: Floor | None = None,
    ) -> None:
        """See `Driver.open_room`."""
        told = (epoch, defaults, title, scope, public, floor or Floor())
        await asyncio.gather(*(proxy.open_room(room, head, told) for proxy in self._proxies))

    def forget(self, room: str) -> None:
        """See `Driver.forget`."""
        for proxy in self._proxies:
            proxy.forget(room)

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        return await self._of(member.id).attach(room, member, after, patch, head)

    def detach(self, room: str, user: str) -> None:
        self._of(user).detach(room, user)

    def posted(self, message: Message) -> AbstractSet[str]:
        return _union([proxy.posted(message) for proxy in self._proxies])

    def redacted(self, room: str, seq: int) -> None:
        for proxy in self._proxies:
            proxy.redacted(room, seq)

    def allowed(self, user: str) -> None:
        self._of(user).allowed(user)

    async def forget_reader(self, user: str) -> None:
        await asyncio.gather(*(proxy.forget_reader(user) for proxy in self._proxies))

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        return await self._of(request.participant or by.id).set_view(by, request)

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        await self._of(by.id).ask(by, request, deliver)

    async def answer(self, request: Ask) -> Sequence[Segment]:
        """See `Driver.answer`."""
        return await self._proxies[0].answer(request)

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        return await self._of(user).why(by, room, user, turn)

    def narrate(self, narrator: Narrator | None) -> None:
        """See `Driver.narrate`."""
        for proxy in self._proxies:
            proxy.narrate(narrator)

    def read(self, user: str, request: Read) -> None:
        self._of(user).read(user, request)

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._of(user).opened(room, user, seqs)

    def _of(self, user: str) -> Proxy:
        return self._proxies[zlib.crc32(user.encode()) % len(self._proxies)]

    # Life and death.

    async def _connect(self, number: int, proxy: Proxy) -> asyncio.Event:
        """Start a worker; returns the event that is set when it is gone."""
        gone = asyncio.Event()

        def lost() -> None:
            proxy.lost()
            gone.set()

        await proxy.connected(await self._start(number, proxy.received, lost))
        return gone

    async def _keep(self, number: int, proxy: Proxy, gone: asyncio.Event) -> None:
        """Start a new worker whenever the last one is gone."""
        loop, pause_s = asyncio.get_running_loop(), RESTART_SECONDS
        while True:
            started = loop.time()
            await gone.wait()
            pause_s = RESTART_SECONDS if loop.time() - started >= ALIVE_SECONDS else pause_s
            self.deaths += 1
            log.error("a mediator died; its readers are asked to come back to the next", mediator=number)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, RESTART_SECONDS_MAX)
            try:
                gone = await self._connect(number, proxy)
            except OSError as error:
                log.error("a mediator cannot be started", mediator=number, why=str(error))
            else:
                log.info("a mediator is there again", mediator=number)


def _union(sets: Iterable[AbstractSet[str]]) -> AbstractSet[str]:
    first, *rest = sets
    return frozenset(first).union(*rest) if rest else first
