"""The link: what it refuses to work with, and that no call reaches a Redis that was not examined."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("redis", reason="needs the extra `redis`")

from cadence.rooms.log import LogError, LogUnavailable
from cadence.rooms.log.redis.link import RETRY_SECONDS_MAX, Incarnation, Link, UnknownRoom
from tests import redis_server
from tests.redis_server import RedisServer

pytestmark = pytest.mark.real_time


def make(folder: Path) -> RedisServer:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    return RedisServer(folder)


class Judge:
    """Notes every examination, and what was called before it ended."""

    def __init__(self, url: str) -> None:
        self.seen: list[Incarnation] = []
        self.link = Link(url, self._prove)

    async def _prove(self, incarnation: Incarnation) -> None:
        self.seen.append(incarnation)

    async def stand(self) -> Any:
        return await self.link.call("stand", "cadence:{rroom}:")


async def test_a_restarted_redis_is_examined_once_before_any_call_is_answered(tmp_path: Path) -> None:
    server = make(tmp_path / "redis")
    server.start()
    judge = Judge(server.url)
    await judge.link.open()
    await judge.stand()
    server.kill()
    server.start()
    await asyncio.gather(*(judge.stand() for _ in range(20)))
    assert len(judge.seen) == 2 and judge.seen[0].run != judge.seen[1].run
    assert all(life.durable for life in judge.seen)
    await judge.link.close()
    server.kill()


async def test_scripts_that_were_flushed_are_loaded_again(redis_url: str, shared_redis: RedisServer) -> None:
    judge = Judge(redis_url)
    await judge.link.open()
    shared_redis.ask("SCRIPT", "FLUSH")
    assert await judge.stand() == [b"0-0", b"0", b"", b"0"]
    assert [life.run for life in judge.seen] == [judge.seen[0].run] * 2
    await judge.link.close()


async def test_calls_that_share_a_write_are_answered_each_and_fail_alone(
    redis_url: str, shared_redis: RedisServer
) -> None:
    judge = Judge(redis_url)
    await judge.link.open()
    await judge.link.call("enter", "cadence:{rknown}:", "run", 1, "epoch", "salt", "", 0, "")
    shared_redis.ask("SCRIPT", "FLUSH")
    drafts = (msgspec.msgpack.encode([("3:anaid", "m" * 64, 5, "body", "ana", ())]),)
    rooms = ["cadence:{rknown}:", "cadence:{runknown}:", "cadence:{rknown}:"]
    first, second, third = await judge.link.call_each("append", [(room, drafts) for room in rooms])
    assert (first, third) == ([b"epoch", b"+1:5:"], [b"epoch", b"=1:5:body"])
    assert isinstance(second, UnknownRoom)
    assert len(judge.seen) == 2, "what was examined for one is examined for all"
    await judge.link.close()
    refused = await judge.link.call_each("stand", [(room, ()) for room in rooms])
    assert [type(one) for one in refused] == [LogUnavailable] * 3


async def test_a_redis_that_stays_away_is_told_in_time(tmp_path: Path) -> None:
    server = make(tmp_path / "redis")
    server.start()
    judge = Judge(server.url)
    await judge.link.open()
    server.kill()
    async with asyncio.timeout(RETRY_SECONDS_MAX * 4):
        with pytest.raises(LogUnavailable, match="expected an answer of Redis"):
            await judge.stand()
    server.start()
    await judge.stand()
    await judge.link.close()
    server.kill()


async def test_a_redis_that_throws_things_away_is_refused(redis_url: str, shared_redis: RedisServer) -> None:
    shared_redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    judge = Judge(redis_url)
    try:
        with pytest.raises(LogError, match="noeviction"):
            await judge.link.open()
    finally:
        shared_redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await judge.link.close()


@pytest.mark.parametrize("url", ["http://somewhere", "localhost:6379", ""])
async def test_what_is_no_address_of_a_redis_is_said(url: str) -> None:
    with pytest.raises(LogError, match="redis://"):
        Judge(url)


async def test_nobody_at_the_address_is_said() -> None:
    judge = Judge(f"redis://127.0.0.1:{redis_server.free_port()}")
    with pytest.raises(LogUnavailable, match="expected a Redis that answers"):
        await judge.link.open()
    await judge.link.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await judge.stand()
