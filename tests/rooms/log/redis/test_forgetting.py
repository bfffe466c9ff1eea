"""Forgetting in Redis itself: nothing of who is forgotten is left in any key, also when the work was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("redis", reason="needs the extra `redis`")

from cadence.rooms.log import HostAction, LogUnavailable, ReaderRecord, SessionRecord, Traces
from cadence.rooms.log.redis import RedisLog
from cadence.rooms.log.redis.forgetting import STEP_MESSAGES_MAX
from cadence.rooms.query import parse
from cadence.rooms.wire import Segment
from tests.redis_server import RedisServer
from tests.rooms.log.places import draft, segment, turn

pytestmark = pytest.mark.real_time

ZED = "zed-1f2e3d"


async def dump(log: RedisLog) -> bytes:
    """Every key and all that is in it."""
    client, found = log._link._client, list[object]()
    for key in sorted(await client.keys("*")):
        kind = (await client.type(key)).decode()
        reads = {
            "hash": ("HGETALL", key), "set": ("SMEMBERS", key), "list": ("LRANGE", key, 0, -1),
            "zset": ("ZRANGE", key, 0, -1), "stream": ("XRANGE", key, "-", "+"), "string": ("GET", key),
        }  # fmt: skip
        found.append((key, await client.execute_command(*reads[kind])))
    return repr(found).encode()


async def fill(log: RedisLog) -> None:
    for room in ("one", "two"):
        await log.open_room(room)
        await log.append(draft("I am here", "id-of-a-client", user=ZED, room=room))
        await log.append(draft("hello", "2", room=room, mentions=(ZED,)))
    nearby = Segment("ambient", (ZED,), "I am here", (1,), 0.5, room="two")
    await log.append_turn("rea", turn(1, nearby, to=2, room="one"))
    await log.append_turn(ZED, turn(1, segment("hello", 2), to=2, room="two"))
    await log.save_reader("two", ZED, ReaderRecord(turn=1))
    await log.add_raw_range("two", ZED, 1, 2)
    await log.save_session(SessionRecord("key", ZED, "Zed", "human", "guest"))
    await log.record(HostAction(1.0, "host", "mute", "one", ZED))
    await log.lease("one", ZED)


async def forget(log: RedisLog) -> Traces:
    for room, seq in await log.said_by(ZED, 9):
        await log.erase(room, [seq])
    return await log.forget(ZED, "forgotten-1")


async def test_no_key_holds_anything_of_them(redis_url: str, tmp_path: Path) -> None:
    log = await RedisLog.open(redis_url, lambda: 1000.0, index=tmp_path / "index")
    await fill(log)
    assert len(await log.search("one", parse("here"), user=ZED, limit=9)) == 1
    assert ZED.encode() in await dump(log)
    found = await forget(log)
    assert found == Traces(messages=2, mentions=2, turns=1, cited=1, readers=1, sessions=1, actions=1)
    left = await dump(log)
    for trace in (ZED.encode(), b"I am here", b"id-of-a-client", b"Zed"):
        assert trace not in left
    assert [(one.what, one.whom) for one in await log.sanctions("one", 5.0)] == [("mute", "forgotten-1")]
    (shown,) = await log.turns("one", "rea", limit=9)
    assert (shown.segments[0].speakers, shown.segments[0].text) == (("forgotten-1",), "")
    await log.close()


async def test_what_was_interrupted_is_done_when_it_is_asked_again(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await RedisLog.open(redis_url, lambda: 1000.0)
    await fill(log)
    call, left = log._link.call, 20

    async def some_calls(name: str, prefix: str, *args: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            raise LogUnavailable("cut")
        return await call(name, prefix, *args)

    monkeypatch.setattr(log._link, "call", some_calls)
    tries = 0
    while True:
        left, tries = 20 + 2 * tries, tries + 1  # a little further each time
        try:
            await forget(log)
            left = 1000
            assert await log.traces(ZED) == Traces()
            break
        except LogUnavailable:
            continue
    assert tries > 3
    assert ZED.encode() not in await dump(log)
    await log.close()


async def test_more_than_a_step_of_messages_is_renamed(redis_url: str, shared_redis: RedisServer) -> None:
    log = await RedisLog.open(redis_url, lambda: 1000.0)
    await log.open_room("room")
    for number in range(STEP_MESSAGES_MAX + 3):
        await log.append(draft("x", str(number), user=ZED if number % 2 else "zed-1f2e3d9"))
    found = await log.forget(ZED, "forgotten-1")
    assert found.messages == (STEP_MESSAGES_MAX + 3) // 2
    users = [message.from_.id for message in await log.messages("room", limit=999)]
    assert users == ["forgotten-1" if number % 2 else "zed-1f2e3d9" for number in range(STEP_MESSAGES_MAX + 3)]
    await log.close()
