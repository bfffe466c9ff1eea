"""Mediators as real processes beside a real server: they mediate, they may be killed, they never outlive it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import redis_server
from tests.redis_server import RedisServer
from tests.served import Served
from tests.stranger import Stranger

pytestmark = pytest.mark.real_time

ROOM = "lab"
WITHIN_S = 30.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place" / "rooms").mkdir(parents=True)
    (tmp_path / "place" / "rooms" / f"{ROOM}.toml").write_text('title = "The lab"\n')
    return tmp_path / "place"


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The options of a server for its log."""
    if request.param == "sqlite":
        yield []
        return
    pytest.importorskip("redis", reason="needs the extra `redis`")
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield ["--redis", server.url]
    server.kill()


class Watch:
    """Knows when a process that is no child of ours has ended."""

    def __init__(self, pid: int) -> None:
        self._handle = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._handle, self._ended.set)

    async def ended(self) -> None:
        await asyncio.wait_for(self._ended.wait(), WITHIN_S)
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)


async def covered(reader: Stranger, seq: int) -> None:
    await reader.until(lambda frame: frame["type"] == "turn" and bool(frame["covers"]) and frame["covers"]["to"] >= seq)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="expected Linux's /proc, to find the mediators")
async def test_a_mediator_that_is_killed_costs_its_readers_a_moment_and_nobody_else_anything(
    place: Path, tmp_path: Path, store: list[str]
) -> None:
    async with Served(place, tmp_path / "data", "--mediators", "1", *store) as server:
        ada, rae, ron = await server.guest("Ada", "agent"), await server.guest("Rae"), await server.guest("Ron")
        await ada.join(ROOM)
        await rae.join(ROOM, view={"cadence_s": 1.0})
        await ron.join(ROOM, view={"mode": "raw"})
        first = await ada.say(ROOM, "The ledger is open.")
        await covered(rae, first["seq"])
        (mediator,) = server.children
        os.kill(mediator, signal.SIGKILL)
        second = await ada.say(ROOM, "The ledger is closed.")
        for reader in (rae, ron):
            assert (await reader.until(lambda frame: frame["type"] == "reconnect"))["after_s"] >= 1
            assert await reader.over() == 1012
        await server.said("a mediator is there again")
        for reader in (rae, ron):
            await reader.open(await server.dial())
            await reader.join(ROOM)
        await covered(rae, second["seq"])
        await ron.until(lambda frame: frame["type"] == "message" and frame["seq"] == second["seq"])
        third = await ada.say(ROOM, "And that was all.")
        await covered(rae, third["seq"])
        assert "Traceback" not in "\n".join(server.lines)
        for stranger in (ada, rae, ron):
            await stranger.cut()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="expected Linux's /proc, to find the mediators")
@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_no_mediator_outlives_its_server(place: Path, tmp_path: Path, how: str) -> None:
    async with Served(place, tmp_path / "data", "--mediators", "2") as server:
        mediators = [Watch(pid) for pid in server.children]
        assert len(mediators) == 2
        ada = await server.guest("Ada")  # by now it serves, and hears signals
        if how == "stopped":
            assert await server.stop() == 0
        else:
            await server.kill()
        for mediator in mediators:
            await mediator.ended()
        await ada.cut()
