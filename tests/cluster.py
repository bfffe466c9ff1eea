"""Several servers in the simulation: the product as `cadence.app` puts it together to share rooms, node by node.

Stands where `tests.mortal.Server` does, so that the same lives are lived and the same checks are put to them; only
that a kill takes one node, a log that refuses may do so to one node alone, and clients come in anywhere.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar, copy_context
from functools import partial
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

from cadence.alex.driver import Driver, EncoderFactory
from cadence.alex.neighbourhood import members_only
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.near import Server as NearEnd
from cadence.alex.remote.worker import MayRead, Tell
from cadence.lod.scopes import Floor
from cadence.process import WallClock
from cadence.rooms.gateway import Gateway
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.peers import Node
from cadence.rooms.placement import Placement
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import ViewPatch
from tests.actors import ROOM
from tests.alex.remote.nearby import Neighbours
from tests.mortal import HOST_TOKEN, REMOTE_WORKERS, Site
from tests.pipe import Pipe
from tests.stranger import Closed

NODES = 2
ANSWERS_LOST = 5

_whose: ContextVar[str] = ContextVar("whose", default="")


class One:
    """One life of one node."""

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name, self._cluster = name, cluster
        self.pipes: list[Pipe] = []
        self.up = False

    async def start(self) -> None:
        _whose.set(self.name)
        cluster = self._cluster
        clock = WallClock(cluster.jump, cluster.unset)
        self.log = log = await MemoryNode.open(cluster.house, self.name, clock)
        clock.reach(await log.newest())
        cluster.leap = max(cluster.leap, clock.offset)
        self.hub = Hub(log, clock)
        self.driver = await self._mediation(clock)
        self.hub.peers = self.node = Node(self.hub, log)
        self.node.reach = partial(self._reach, clock)
        self.placement = Placement(self.driver, log, self.hub, self.node.did)
        self.hub.mediation = self.node.mediating = self.placement
        identity = Identity(
            log,
            clock,
            host_token=HOST_TOKEN,
            open=True,
            barred=self.hub.barred,
            shared=True,
            token=lambda: f"secret-{next(cluster.tokens)}",
        )
        self.node.reaffirm = identity.reaffirm
        await identity.load()
        for site in cluster.rooms:
            await self.hub.open_room(RoomInfo(site.room, site.room.title(), pods=site.pods))
            state = await log.open_room(site.room)
            await self.driver.open_room(
                site.room,
                state.epoch,
                state.head,
                cluster.defaults,
                scope=site.scope,
                public=site.public,
                floor=Floor(site.pods),
            )
            await self.node.open(site.room)
        self.node.start()
        self.gateway = Gateway(self.hub, identity, clock, version="simulated")
        self.up = True

    async def _mediation(self, clock: WallClock) -> Driver | Mediators:
        cluster, theirs = self._cluster, WallClock(clock.offset, self._cluster.unset)
        self.neighbours: Neighbours | None = None
        if cluster.remote is None:
            return Driver(self.log, clock, self.hub.tell, cluster.encoder)

        def make(store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver:
            return Driver(store, theirs, tell, cluster.encoder, may_read=may_read)

        self.neighbours = Neighbours(make, cluster.remote, reach=theirs.reach)
        near = NearEnd(self.log, self.hub.tell, self.hub.tell_here, self.hub.send_away, members_only)
        mediators = Mediators(near, self.neighbours.start, REMOTE_WORKERS)
        await mediators.open()
        return mediators

    def _reach(self, clock: WallClock, at: float) -> float:
        leap = clock.reach(at)
        if isinstance(self.driver, Mediators):
            self.driver.reach(clock())
        return leap

    async def stop(self) -> None:
        """End with manners, as on SIGTERM."""
        self.up = False
        await self.hub.drain(1.0)
        await self.node.close()
        await self.placement.close()
        await self.driver.close()
        await self.hub.close()
        await self.log.close()

    async def kill(self) -> None:
        """End at once: every task of this node stops where it stands, and nothing of it reaches the log any more."""
        self.up = self.log.connected = False
        apps = [pipe.break_off() for pipe in self.pipes]
        while tasks := [task for task in asyncio.all_tasks() if task in apps or self._cluster.owner(task) == self.name]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for worker in self.neighbours.living.values() if self.neighbours is not None else ():
            worker.kill()
        await self.driver.close()


class Cluster:
    """Servers over one log that outlives them all.

    `clock` is never set. The system's own, which is that of what keeps the log and which a server reads when it starts,
    is `jump` seconds ahead of it; what the servers agree on is `leap` ahead.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        defaults: ViewPatch,
        encoder: EncoderFactory | None = None,
        rooms: Sequence[Site] = (Site(ROOM),),
        *,
        seed: object = 0,
        remote: Random | None = None,
    ) -> None:
        self.unset, self.defaults, self.encoder, self.rooms = clock, defaults, encoder, rooms
        self.remote = remote  # what lines to Alex' processes take, where he works in some
        self.jump = self.leap = 0.0
        self.house = MemoryHouse(lambda: clock() + self.jump, (f"epoch-{n}" for n in itertools.count(1)))
        self.tokens = itertools.count(1)
        self.log = self
        self.marks = {"node killed": 0, "node cut off": 0, "store away": 0, "answer lost": 0}
        self._chance = Random(f"{seed}/cluster")
        self._names = (f"node-{n}" for n in itertools.count(1))
        self._nodes: list[One] = []
        self._owners: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()

    # What the world does to a log.

    @property
    def available(self) -> bool:
        return self.house.available

    @available.setter
    def available(self, available: bool) -> None:
        """Taken away from all nodes or from one; given back to all."""
        if available:
            self.house.available = True
            for one in self._nodes:
                one.log.connected, one.log.answers_lost = True, 0
        elif self._chance.random() < 0.5:
            self.marks["store away"] += 1
            self.house.available = False
        else:
            self.marks["node cut off"] += 1
            log = self._chance.choice(self._nodes).log
            if self._chance.random() < 0.5:
                self.marks["answer lost"] += ANSWERS_LOST
                log.answers_lost = ANSWERS_LOST
            else:
                log.connected = False

    # What the world does to a server.

    async def start(self) -> None:
        """Let there be `NODES` nodes."""
        asyncio.get_running_loop().set_task_factory(self._task)  # type: ignore[arg-type]
        while len(self._nodes) < NODES:
            one = One(next(self._names), self)
            await asyncio.create_task(one.start())
            self._nodes.append(one)

    def connect(self) -> Pipe:
        up = [one for one in self._nodes if one.up]
        if not up:
            raise Closed(None)
        one = self._chance.choice(up)
        one.pipes = [pipe for pipe in one.pipes if pipe.open]

        def pipe() -> Pipe:
            _whose.set(one.name)
            return Pipe(one.gateway)

        one.pipes.append(copy_context().run(pipe))
        return one.pipes[-1]

    async def stop(self) -> None:
        """One node ends with manners; in the end, when `start` is not called again, the world ends with it."""
        await self._nodes.pop(self._chance.randrange(len(self._nodes))).stop()

    async def kill(self) -> None:
        """One node is killed."""
        self.marks["node killed"] += 1
        await self._nodes.pop(self._chance.randrange(len(self._nodes))).kill()

    def kill_mediator(self) -> None:
        """One of the mediators' processes of a node ends at once."""
        assert self.remote is not None
        neighbours = self.remote.choice(self._nodes).neighbours if self._nodes else None
        if neighbours is not None:
            neighbours.living[self.remote.randrange(REMOTE_WORKERS)].kill()

    async def close(self) -> None:
        """All nodes end."""
        while self._nodes:
            await self.stop()

    def owner(self, task: asyncio.Task[Any]) -> str:
        """The node whose task this is, "" if it is nobody's."""
        return self._owners.get(task, "")

    def _task(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> Any:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        if whose := _whose.get():
            self._owners[task] = whose
        return task
