"""The server in the simulation: the product as `cadence.app` puts it together, over a log that outlives it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from cadence.alex.driver import Driver, EncoderFactory, UnitKey
from cadence.alex.neighbourhood import members_only
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.near import Server as NearEnd
from cadence.alex.remote.worker import MayRead, Tell
from cadence.lod.scopes import Floor
from cadence.models.async_encoder import Encoding, EncodingCount
from cadence.models.encoder import Vectors
from cadence.models.fake_encoder import FakeEncoder, InlineEncoder
from cadence.rooms.gateway import Gateway
from cadence.rooms.hosting import Office
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import LogUnavailable
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.making import RoomBook
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import ViewPatch
from cadence.rooms.wire.hosting import RoomSettings
from tests.actors import ROOM
from tests.alex.remote.nearby import Neighbours
from tests.pipe import Pipe
from tests.stranger import Closed

HOST_TOKEN = "host-token"
REMOTE_WORKERS = 2


class Mute:
    """An encoder that takes everything and never answers."""

    def __init__(self, deliver: object) -> None:
        self.asked = 0

    def submit(self, key: object, texts: Sequence[str], worth: float = 0.0) -> None:
        self.asked += 1

    def count(self) -> EncodingCount:
        return EncodingCount(encoded=0, dropped=0, queue=self.asked)

    async def close(self) -> None:
        """Nothing to end."""


def vectors(deliver: Callable[[UnitKey, Vectors | None], None]) -> Encoding[UnitKey]:
    """An encoder that answers at once, and now and then not at all."""
    return InlineEncoder(FakeEncoder(), deliver, refuse_every=7)


class Mortal:
    """The log as one life of the server sees it: after that life nothing reaches the log any more."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.alive = True

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._log, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if not self.alive:
                raise LogUnavailable("this server was killed")
            return await method(*args, **kwargs)

        return call


@dataclass(frozen=True, slots=True)
class Site:
    """One room as its file would have it."""

    room: str
    scope: str = ""
    pods: tuple[str, ...] = ()
    public: bool = True


class Server:
    """The product as `cadence.app` puts it together, over one log that outlives it."""

    def __init__(
        self,
        clock: Callable[[], float],
        defaults: ViewPatch,
        encoder: EncoderFactory | None = None,
        rooms: Sequence[Site] = (Site(ROOM),),
        remote: Random | None = None,
    ) -> None:
        self.clock = clock
        self.rooms = rooms
        self._encoder, self._remote = encoder, remote
        self.log = MemoryLog(clock, epochs=(f"epoch-{n}" for n in itertools.count(1)))
        self.up = False
        self._defaults = defaults
        self._tokens = itertools.count(1)
        self._pipes: list[Pipe] = []

    async def start(self) -> None:
        """Open the log as after a crash and begin to serve."""
        self.log.recover()
        self._store: Any = Mortal(self.log)
        self.hub = Hub(self._store, self.clock)
        self.driver = await self._mediation()
        self.hub.mediation = self.driver
        self.identity = identity = Identity(
            self._store,
            self.clock,
            host_token=HOST_TOKEN,
            open=True,
            barred=self.hub.barred,
            token=lambda: f"secret-{next(self._tokens)}",
        )
        await identity.load()
        for site in self.rooms:
            # The agents of the simulation are guests and must get in; whom Alex lets listen is what is in question.
            await self.hub.open_room(RoomInfo(site.room, site.room.title(), pods=site.pods))
            state = await self.log.open_room(site.room)
            await self.driver.open_room(
                site.room,
                state.epoch,
                state.head,
                self._defaults,
                scope=site.scope,
                public=site.public,
                floor=Floor(site.pods),
            )
        self.gateway = Gateway(self.hub, identity, self.clock, version="simulated")
        self.up = True

    async def _mediation(self) -> Driver | Mediators:
        def make(store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver:
            return Driver(store, self.clock, tell, self._encoder, may_read=may_read)

        if self._remote is None:
            return make(self._store, self.hub.tell, members_only)
        self.neighbours = Neighbours(make, self._remote)
        near = NearEnd(self._store, self.hub.tell, self.hub.tell_here, self.hub.send_away, members_only)
        mediators = Mediators(near, self.neighbours.start, REMOTE_WORKERS)
        await mediators.open()
        return mediators

    def office(self) -> Office:
        """What hosts need to make rooms in this life."""

        async def open(room: str, settings: RoomSettings) -> None:
            await self.hub.open_room(RoomInfo(room, settings.title, settings.public, settings.pods))
            state = await self.log.open_room(room)
            await self.driver.open_room(room, state.epoch, state.head, settings.view, public=settings.public)

        return Office(RoomBook(self._store, self.clock, open))

    def connect(self) -> Pipe:
        if not self.up:
            raise Closed(None)
        self._pipes = [pipe for pipe in self._pipes if pipe.open]
        self._pipes.append(Pipe(self.gateway))
        return self._pipes[-1]

    async def stop(self) -> None:
        """End with manners, as on SIGTERM."""
        self.up = False
        await self.hub.drain(1.0)
        await self.driver.close()
        await self.hub.close()
        self._store.alive = False

    def kill_mediator(self) -> None:
        """One of the mediators' processes ends at once."""
        assert self._remote is not None
        self.neighbours.living[self._remote.randrange(REMOTE_WORKERS)].kill()

    async def kill(self) -> None:
        """End at once, as kill -9 does: every task of the server stops where it stands."""
        self.up = self._store.alive = False
        apps = [pipe.break_off() for pipe in self._pipes]
        while tasks := [task for task in asyncio.all_tasks() if task in apps or _of_product(task)]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if isinstance(self.driver, Mediators):
            for worker in self.neighbours.living.values():
                worker.kill()
        await self.driver.close()


def _of_product(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    if code is None or "/cadence/conform/" in code.co_filename:  # the strangers' own tasks
        return False
    return "/cadence/" in code.co_filename
