"""The house in memory: what only a fake can do. What it must do like a real one is in `tests/rooms/test_shared.py`."""

from __future__ import annotations

import pytest

from cadence.rooms.log import LogUnavailable
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.shared import Renewed
from tests.rooms.log.places import draft


async def two() -> tuple[MemoryHouse, MemoryNode, MemoryNode]:
    house = MemoryHouse(lambda: 1000.0)
    nodes = [await MemoryNode.open(house, name) for name in ("one", "two")]
    for node in nodes:
        await node.open_room("room")
    return house, nodes[0], nodes[1]


async def test_what_a_house_forgets_is_gone_under_a_new_epoch_that_everybody_hears_of() -> None:
    house, one, other = await two()
    await one.append(draft("stays", "1"))
    before = await one.open_room("room")
    memory = house.remember()
    await one.append(draft("goes", "2"))
    house.forget(memory)
    after = await other.open_room("room")
    assert after.epoch != before.epoch and after.head == 1
    assert [(message.text, message.epoch) for message in await one.messages("room", limit=9)] == [
        ("stays", after.epoch)
    ]
    assert (await other.follow("room", "0"))[1][-1].event == Renewed(after.epoch)
    assert (await one.append(draft("goes", "2"))).message.seq == 2


async def test_what_is_remembered_is_not_changed_by_what_comes_after() -> None:
    house, one, _ = await two()
    memory = house.remember()
    await one.append(draft())
    assert memory.log._rooms["room"].messages == []


async def test_a_house_that_is_away_is_away_for_all_and_a_cut_node_only_for_itself() -> None:
    house, one, other = await two()
    one.connected = False
    with pytest.raises(LogUnavailable):
        await one.append(draft())
    await other.append(draft())
    house.available = False
    for call in (other.messages("room", limit=1), other.stand("room"), other.beat()):
        with pytest.raises(LogUnavailable, match="away"):
            await call
