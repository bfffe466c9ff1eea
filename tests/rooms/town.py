"""Two whole servers over one log in memory, in virtual time; Alex works in each, or in processes of their own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from cadence.alex.driver import Driver
from cadence.alex.neighbourhood import members_only
from cadence.alex.reader import Reader
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.near import Server
from cadence.alex.remote.worker import MayRead, Tell
from cadence.rooms.forgetting import let_go
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.peers import Node
from cadence.rooms.placement import Placement
from cadence.rooms.wire import ViewPatch
from tests.alex.remote.nearby import Neighbours
from tests.rooms.house import House, clock

WORKERS = 2
LATENCY_S = 0.02  # each way, at most


class At(House):
    """One node of several: a whole server over its way to what they share.

    With `alex` it mediates its readers, in workers nearby if `remote`.
    """

    node: Node
    driver: Driver | Mediators
    placement: Placement
    neighbours: Neighbours | None = None

    @classmethod
    async def begin(cls, shared: MemoryHouse, name: str, alex: bool = False, remote: bool = False) -> At:
        log = await MemoryNode.open(shared, name)
        found = cls(log=log)
        source = itertools.count(1)
        found.identity._token = lambda: f"secret-{next(source)} of {name}"  # no two nodes make the same
        found.hub.peers = found.node = Node(found.hub, log)
        found.node.let_go = partial(let_go, found.hub, found.identity)
        found.driver = await found._workers() if remote else Driver(log, clock, found.hub.tell)
        found.placement = Placement(found.driver, log, found.hub, found.node.did)
        if alex:
            found.hub.mediation = found.node.mediating = found.placement
        await found.start()
        for room in ("lab", "attic"):
            state = await log.open_room(room)
            await found.driver.open_room(room, state.epoch, state.head, ViewPatch())
            await found.node.open(room)
        found.node.start()
        return found

    async def _workers(self) -> Mediators:
        def make(store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver:
            return Driver(store, clock, tell, may_read=may_read)

        self.neighbours = Neighbours(make, latency_s=LATENCY_S)
        near = Server(self.log, self.hub.tell, self.hub.tell_here, self.hub.send_away, members_only)
        mediators = Mediators(near, self.neighbours.start, WORKERS)
        await mediators.open()
        return mediators

    def reader(self, user: str) -> Reader:
        """What whoever mediates `user` in the lab knows of them."""
        drivers = [self.driver] if isinstance(self.driver, Driver) else self._drivers()
        (found,) = [driver._rooms["lab"].readers[user] for driver in drivers if user in driver._rooms["lab"].readers]
        return found

    def _drivers(self) -> list[Driver]:
        assert self.neighbours is not None
        return [nearby.worker._driver for nearby in self.neighbours.living.values()]

    async def end(self) -> None:
        await self.node.close()
        await self.placement.close()
        await self.driver.close()
        await self.hub.close()

    async def die(self) -> None:
        """As kill -9 does, as far as others can tell: it is not heard of any more, and hears nothing."""
        self.way.connected = False
        await self.end()

    @property
    def way(self) -> MemoryNode:
        assert isinstance(self.log, MemoryNode)
        return self.log


@asynccontextmanager
async def town(alex: bool = False, remote: bool = False) -> AsyncIterator[tuple[MemoryHouse, At, At]]:
    shared = MemoryHouse(clock, (f"epoch-{n}" for n in itertools.count(1)))
    one, two = [await At.begin(shared, name, alex, remote) for name in ("one", "two")]
    yield shared, one, two
    await one.end()
    await two.end()
