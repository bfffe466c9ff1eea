"""Epochs: unchanged while it can be proven that nothing acknowledged was lost, and new the moment it cannot.

Each test kills a Redis of its own with kill -9; what a crash of the machine would lose is cut off its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("redis", reason="needs the extra `redis`")

from cadence.rooms.log.redis import RedisLog
from tests import redis_server
from tests.redis_server import RedisServer
from tests.rooms.log.places import draft

pytestmark = pytest.mark.real_time


def make(folder: Path, appendfsync: str, append: bool = True) -> RedisServer:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    return RedisServer(folder, appendfsync=appendfsync, append=append)


@pytest.fixture(params=["always", "everysec"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    server = make(tmp_path / "redis", request.param)
    server.start()
    yield server
    server.kill()


async def open_log(server: RedisServer, node: str = "one") -> RedisLog:
    log = await RedisLog.open(server.url, lambda: 1000.0, node=node)
    await log.open_room("room")
    return log


def lose_the_end(server: RedisServer, needle: str) -> None:
    """Cut the file where `needle` was written: a second that the disk never saw."""
    [file] = list((server.folder / "appendonlydir").glob("*.incr.aof")) or [server.folder / "appendonly.aof"]
    data = file.read_bytes()
    if needle.encode() not in data:
        return  # not even kill -9 was needed: it was still waiting for the second to end
    begin = data.rindex(b"*1\r\n$5\r\nMULTI", 0, data.index(needle.encode()))
    file.write_bytes(data[:begin])


async def test_a_restart_that_lost_nothing_keeps_the_epoch_only_if_every_write_was_on_disk(
    server: RedisServer,
) -> None:
    log = await open_log(server)
    before = await log.open_room("room")
    await log.append(draft("kept"))
    server.kill()
    server.start()
    said = await log.append(draft("next", "2"))
    after = await log.open_room("room")
    assert log.durable == (server.appendfsync == "always")
    assert (after.epoch == before.epoch) == log.durable
    assert said.message.seq == after.head and said.message.epoch == after.epoch
    assert not log.durable or after.head == 2
    assert [message.epoch for message in await log.messages("room", limit=9)] == [after.epoch] * after.head
    await log.close()


async def test_a_restart_while_no_server_runs_is_judged_by_the_next(server: RedisServer) -> None:
    log = await open_log(server)
    before = await log.open_room("room")
    await log.append(draft("kept"))
    await log.close()
    server.kill()
    server.start()
    log = await open_log(server, "two")
    assert ((await log.open_room("room")).epoch == before.epoch) == (server.appendfsync == "always")
    await log.close()


async def test_whatever_redis_promised_a_lost_message_that_somebody_remembers_makes_a_new_epoch(
    server: RedisServer,
) -> None:
    log = await open_log(server)
    before = await log.open_room("room")
    await log.append(draft("stays", "1"))
    await log.append(draft("vanishes", "2"))
    server.kill()
    lose_the_end(server, "vanishes")
    server.start()
    again = await log.append(draft("another", "3"))
    assert again.message.epoch != before.epoch
    assert again.message.seq == 2 or not log.durable
    assert not (await log.append(draft("vanishes", "2"))).duplicate, "its sender may say it again"
    await log.close()


async def test_a_witness_who_comes_late_still_makes_a_new_epoch(tmp_path: Path) -> None:
    server = make(tmp_path / "redis", "always")
    server.start()
    one, two = await open_log(server, "one"), await open_log(server, "two")
    await one.append(draft("stays", "1"))
    await two.append(draft("vanishes", "2"))
    server.kill()
    lose_the_end(server, "vanishes")
    server.start()
    before = await one.open_room("room")  # knows only of the first message, and finds nothing amiss
    await one.append(draft("in its place", "3"))
    after = await two.open_room("room")
    assert after.epoch != before.epoch
    assert (await one.append(draft("on", "4"))).message.epoch == after.epoch
    await one.close()
    await two.close()
    server.kill()


async def test_a_redis_without_a_file_forgets_and_says_so(tmp_path: Path) -> None:
    server = make(tmp_path / "redis", "always", append=False)
    server.start()
    log = await open_log(server)
    before = await log.open_room("room")
    await log.append(draft("gone"))
    server.kill()
    server.start()
    after = await log.append(draft("new", "2"))
    assert (after.message.seq, after.message.epoch != before.epoch, log.durable) == (1, True, False)
    await log.close()
    server.kill()
