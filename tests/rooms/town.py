"""Two whole servers over one log in memory, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from cadence.alex.driver import Driver
from cadence.rooms.forgetting import let_go
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.peers import Node
from cadence.rooms.placement import Placement
from cadence.rooms.wire import ViewPatch
from tests.rooms.house import House, clock


class At(House):
    """One node of several: a whole server over its way to what they share. With `alex` it mediates its readers."""

    node: Node
    driver: Driver
    placement: Placement

    @classmethod
    async def begin(cls, shared: MemoryHouse, name: str, alex: bool = False) -> At:
        log = await MemoryNode.open(shared, name)
        found = cls(log=log)
        source = itertools.count(1)
        found.identity._token = lambda: f"secret-{next(source)} of {name}"  # no two nodes make the same
        found.hub.peers = found.node = Node(found.hub, log)
        found.node.let_go = partial(let_go, found.hub, found.identity)
        found.driver = Driver(log, clock, found.hub.tell)
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
async def town(alex: bool = False) -> AsyncIterator[tuple[MemoryHouse, At, At]]:
    shared = MemoryHouse(clock, (f"epoch-{n}" for n in itertools.count(1)))
    one, two = await At.begin(shared, "one", alex), await At.begin(shared, "two", alex)
    yield shared, one, two
    await one.end()
    await two.end()
