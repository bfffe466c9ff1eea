"""The load generator finds what goes wrong: losses, repeats, disorder, refusals, those who are cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cadence.duplex import Closed, Duplex
from cadence.load import Latency, LoadError, Plan, Report, load
from cadence.personas.inprocess import InProcessDuplex
from tests.rooms.house import House, settle

PLAN = Plan("lab", receivers=3, senders=2, rate=10.0, size=40, seconds=2.0)


async def put(house: House, plan: Plan = PLAN, change: Callable[[Duplex], Duplex] = lambda duplex: duplex) -> Report:
    async def dial() -> Duplex:
        return change(await InProcessDuplex.open(house.gateway))

    return await load(plan, dial, run="r1")


async def test_a_sound_server_loses_nothing_and_the_rate_is_kept() -> None:
    house = await House().start()
    report = await put(house)
    assert (report.said, report.acknowledged, report.deliveries) == (20, 20, 60)
    assert report.clean and 1.8 <= report.seconds <= 2.0
    assert report.delivery.max < 50
    kept = await house.log.messages("lab", limit=100)
    assert {len(message.text) for message in kept} == {40}
    assert len({message.from_.id for message in kept}) == 2
    assert house.hub.connections() == []
    assert json.loads(json.dumps(report.as_dict()))["lost"] == 0
    assert "60 deliveries, " in str(report) and "refused: none" in str(report)


class Between:
    """A connection with a fault: `alter` turns each frame that comes into those that are seen."""

    def __init__(self, inner: Duplex, alter: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
        self._inner, self._alter = inner, alter
        self._ready: list[dict[str, Any]] = []

    async def send(self, text: str) -> None:
        await self._inner.send(text)

    async def receive(self) -> str:
        while not self._ready:
            self._ready = self._alter(json.loads(await self._inner.receive()))
        return json.dumps(self._ready.pop(0))

    async def close(self) -> None:
        await self._inner.close()


def fault(alter: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> Callable[[Duplex], Duplex]:
    return lambda duplex: Between(duplex, lambda frame: alter(frame) if frame["type"] == "message" else [frame])


async def test_a_message_that_does_not_come_is_lost() -> None:
    report = await put(await House().start(), change=fault(lambda frame: [] if frame["seq"] == 7 else [frame]))
    assert (report.lost, report.clean) == (3, False)


async def test_a_message_that_comes_twice_is_told() -> None:
    report = await put(await House().start(), change=fault(lambda frame: [frame] * (2 if frame["seq"] == 7 else 1)))
    assert (report.twice, report.lost, report.clean) == (3, 0, False)


async def test_messages_in_another_order_are_told() -> None:
    held: list[dict[str, Any]] = []

    def swap(frame: dict[str, Any]) -> list[dict[str, Any]]:
        if frame["seq"] == 7:
            held.append(frame)
            return []
        return [frame, held.pop()] if held and frame["seq"] == 8 else [frame]

    report = await put(await House().start(), change=fault(swap))
    assert report.disordered == 3 and not report.clean


async def test_a_refusal_is_counted_by_its_code() -> None:
    house = await House().start()
    house.log.available = False
    report = await put(house)
    assert (report.refused, report.acknowledged, report.deliveries) == ({"unavailable": 20}, 0, 0)


async def test_a_receiver_that_is_cut_off_is_not_called_a_loss() -> None:
    def cut(frame: dict[str, Any]) -> list[dict[str, Any]]:
        raise Closed(4008, "too slow")

    report = await put(await House().start(), change=fault(cut))
    assert (report.cut, report.lost, report.clean) == (3, 0, False)


async def test_who_cannot_enter_says_why_and_leaves_nobody_behind() -> None:
    house = await House().start()
    with pytest.raises(LoadError, match="no_such_room"):
        await put(house, Plan("cellar", 2, 1, 1.0, 10, 1.0))
    await settle()
    assert house.hub.connections() == []

    async def nobody() -> Duplex:
        raise OSError("expected a Cadence there")

    with pytest.raises(LoadError, match="expected a Cadence there"):
        await load(PLAN, nobody, run="r1")


def test_a_report_is_written_for_people() -> None:
    latency = Latency(1.0, 2.0, 3.0)
    report = Report(9, 8, {"rate_limited": 1}, 16, 1, 0, 0, 2, 2.0, latency, latency)
    assert str(report).splitlines() == [
        "9 messages in 2.0 s, 8 acknowledged, refused: 1 rate_limited",
        "acknowledged after  p50 1.0 ms, p99 2.0 ms, max 3.0 ms",
        "delivered after     p50 1.0 ms, p99 2.0 ms, max 3.0 ms",
        "16 deliveries, 8 a second",
        "lost 1, twice 0, out of order 0, receivers cut off 2",
    ]
