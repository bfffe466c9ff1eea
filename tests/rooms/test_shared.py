"""The contract of a log that nodes share, held against the one in Redis and the one in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadence.rooms.log import HostAction, LogFenced, ReaderRecord
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.shared import Did, Entry, Erased, Event, Here, Leased, Own, Shared, Told, Typed
from cadence.rooms.wire import Member, Message
from tests import redis_server
from tests.redis_server import RedisServer
from tests.rooms.log.places import draft, turn

pytestmark = pytest.mark.real_time

ANA, BO = Member("ana", "Ana", "human", "guest"), Member("bo", "Bo", "agent", "member")


NOTED_BY_ANOTHER_CLOCK = """
local time, nodes = 'cadence:{house}:time', 'cadence:{house}:nodes'
redis.call('HINCRBYFLOAT', time, 'at', ARGV[1])
redis.call('HINCRBYFLOAT', time, 'lead', -ARGV[1])
for _, node in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do redis.call('ZINCRBY', nodes, ARGV[1], node) end
"""


class Town:
    """Where nodes open their logs."""

    def __init__(self, server: RedisServer | None) -> None:
        self._server = server
        self._at = 1000.0
        self._house = MemoryHouse(lambda: self._at)
        self._open: list[Any] = []

    def set_clock(self, by: float) -> None:
        """Set the clock of what keeps the log. In Redis: let all that it noted have been noted by another clock."""
        self._at += by
        if self._server is not None:
            self._server.ask("EVAL", NOTED_BY_ANOTHER_CLOCK, "0", str(-by))

    async def node(self, name: str, clock: float = 1000.0) -> Shared:
        if self._server is None:
            log: Any = await MemoryNode.open(self._house, name, lambda: clock)
        else:
            from cadence.rooms.log.redis import RedisLog

            log = await RedisLog.open(self._server.url, lambda: clock, node=name)
        self._open.append(log)
        await log.open_room("room")
        return log  # type: ignore[no-any-return]

    async def close(self) -> None:
        for log in self._open:
            await log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    pytest.importorskip("redis", reason="needs the extra `redis`")
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendfsync="everysec", cluster=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "redis"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    if request.param == "memory":
        return Town(None)
    server: RedisServer = request.getfixturevalue("server")
    server.ask("FLUSHALL")
    return Town(server)


async def hear(log: Shared, cursor: str = "0", count: int = 1) -> list[Entry]:
    entries: list[Entry] = []
    while len(entries) < count:
        cursor, more = await log.follow("room", cursor)
        entries += more
    return entries


async def events(log: Shared, count: int) -> list[Event]:
    return [entry.event for entry in await hear(log, count=count)]


async def test_every_node_hears_all_that_is_kept_in_one_order_without_gaps(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    said = await asyncio.gather(*(log.append(draft(log.node, str(n))) for n in range(0, 20) for log in (one,)))
    action = HostAction(5.0, "host", "mute", "room", "eve", None, "note")
    await two.record(action)
    heard = await hear(two, count=21)
    assert [entry.n for entry in heard] == list(range(1, 22))
    assert [entry.event for entry in heard] == [*(each.message for each in said), action]
    ours = await hear(one, count=21)
    assert [entry.n for entry in ours] == list(range(1, 22))
    assert [entry.event for entry in ours] == [*(Own(each.message.seq) for each in said), action], (
        "known since `append`"
    )
    assert {entry.epoch for entry in heard} == {(await one.open_room("room")).epoch}
    await town.close()


async def test_a_redaction_is_heard_and_its_text_no_more(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    await one.append(draft("secret"))
    await two.redact("room", 1)
    heard = [entry.event for entry in (await two.follow("room", "0"))[1]]
    assert heard[-1] == Erased((1,))
    assert not any(isinstance(event, Message) for event in heard), "gone from the feed as well"
    await town.close()


async def test_who_follows_hears_what_comes_while_it_waits(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    stand = await two.stand("room")
    assert stand.head == 0
    waiting = asyncio.ensure_future(two.follow("room", stand.cursor))
    await asyncio.sleep(0)
    await one.append(draft("hello"))
    cursor, [entry] = await waiting
    assert isinstance(entry.event, Message) and entry.event.text == "hello" and entry.n == stand.n + 1
    after = await two.stand("room")
    assert (after.cursor, after.n, after.head) == (cursor, stand.n + 1, 1)
    await town.close()


async def test_nothing_to_hear_is_an_empty_answer_and_the_same_cursor(town: Town) -> None:
    one = await town.node("one")
    stand = await one.stand("room")
    assert await one.follow("room", stand.cursor) == (stand.cursor, [])
    await town.close()


@pytest.mark.parametrize(
    "event", [Typed("one", "ana"), Told("one", "ana", '{"type":"pong"}'), Did("one", "ana", "{}"), Here("one", (ANA,))]
)
async def test_what_is_published_is_heard_as_it_was(town: Town, event: Any) -> None:
    one, two = await town.node("one"), await town.node("two")
    await one.publish("room", event)
    assert await events(two, 1) == [event]
    await town.close()


async def test_who_is_here_is_kept_by_node(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    await one.publish("room", Here("one", (ANA, BO)))
    await two.publish("room", Here("two", (ANA,)))
    await one.publish("room", Here("one", left=("bo",)))
    await two.beat()
    await one.beat()
    assert await one.here("room") == {"one": [ANA], "two": [ANA]}
    await two.publish("room", Here("two", (BO,), all=True))
    assert await one.here("room") == {"one": [ANA], "two": [BO]}
    await town.close()


async def test_who_was_here_at_a_dead_node_is_not(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    await one.publish("room", Here("one", (ANA,)))
    await two.publish("room", Here("two", (BO,)))
    await one.close()
    assert list(await two.beat()) == ["two"]
    assert await two.here("room") == {"two": [BO]}
    await town.close()


async def test_the_last_to_take_a_lease_holds_it_and_all_others_are_fenced(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    assert (await one.lease("room", "rea"), await two.lease("room", "rea")) == (1, 2)
    await two.append_turn("rea", turn(1, to=3))
    with pytest.raises(LogFenced):
        await one.append_turn("rea", turn(2, to=4))
    assert await one.lease("room", "rea") == 3
    assert list(await two.leases("room")) == [Leased("rea", "one", 3)]
    with pytest.raises(LogFenced):
        await two.save_reader("room", "rea", ReaderRecord())
    await one.append_turn("rea", turn(2, to=4))
    leases = [event for event in await events(one, 3) if isinstance(event, Leased)]
    assert leases == [Leased("rea", "one", 1), Leased("rea", "two", 2), Leased("rea", "one", 3)]
    await town.close()


async def test_a_lease_that_was_let_go_is_nobody_s_unless_it_was_taken_meanwhile(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    await one.let_go("room", "rea", await one.lease("room", "rea"))
    with pytest.raises(LogFenced):
        await one.append_turn("rea", turn(1))
    old = await one.lease("room", "rea")
    await two.lease("room", "rea")
    await one.let_go("room", "rea", old)
    await two.append_turn("rea", turn(1))
    leases = [event for event in await events(one, 4) if isinstance(event, Leased)]
    assert [(lease.node, lease.token) for lease in leases] == [("one", 1), ("", 2), ("one", 3), ("two", 4)]
    await town.close()


@pytest.mark.parametrize("by", [3_600.0, -3_600.0, 86_400.0])
async def test_nobody_dies_and_no_time_passes_when_the_clock_of_the_store_is_set(town: Town, by: float) -> None:
    one, two = await town.node("one"), await town.node("two")
    before = await one.newest()
    town.set_clock(by)
    assert sorted(await two.beat()) == ["one", "two"]
    assert sorted(await one.beat()) == ["one", "two"]
    assert not one.forgotten and not two.forgotten
    assert await one.newest() == pytest.approx(before, abs=5.0)
    await two.close()
    assert list(await one.beat()) == ["one"]
    await town.close()


async def test_a_node_that_the_others_thought_dead_learns_of_it(town: Town) -> None:
    one = await town.node("one")
    town.set_clock(3_600.0)
    three = await town.node("three")  # whoever begins knows nothing of the clock: it buries the others
    assert list(await three.beat()) == ["three"]
    assert sorted(await one.beat()) == ["one", "three"] and one.forgotten
    await one.beat()
    assert not one.forgotten and not three.forgotten
    await town.close()


async def test_the_furthest_clock_of_all_nodes_is_told(town: Town) -> None:
    one, ahead = await town.node("one"), await town.node("ahead", 5_000.0)
    await one.beat()
    assert await one.newest() == pytest.approx(await ahead.newest(), abs=5.0)
    assert await ahead.newest() >= 5_000.0
    await town.close()


async def test_a_lease_that_is_not_to_be_taken_from_the_living_is_had_from_the_dead(town: Town) -> None:
    one, two = await town.node("one"), await town.node("two")
    assert await one.lease("room", "stage", take=False) == 1
    await two.beat()
    assert await two.lease("room", "stage", take=False) == 0
    assert await one.lease("room", "stage", take=False) == 2, "who has it may have it again"
    await one.close()
    await two.beat()
    assert await two.lease("room", "stage", take=False) == 3
    await town.close()
