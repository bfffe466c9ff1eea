"""Several real servers over one real Redis, as strangers meet them; and a stage that only one of them plays."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("redis", reason="needs the extra `redis`")

from cadence.alex.driver import Driver
from cadence.rooms.invitations import Invitation
from cadence.rooms.log.memory_node import NODE_SECONDS, MemoryHouse, MemoryNode
from cadence.rooms.making import RoomBook
from cadence.rooms.room import RoomInfo
from cadence.rooms.shared import BEAT_SECONDS
from cadence.rooms.wire import CLOSE_KICKED, CLOSE_UNAUTHORIZED, Member, ViewPatch
from cadence.rooms.wire.hosting import NewRoom, NewToken, RoomSettings
from cadence.sharing import Sharing, take_over
from tests import redis_server
from tests.asgi import Closed
from tests.redis_server import RedisServer
from tests.rooms.house import Client, House, clock, settle
from tests.rooms.town import town
from tests.served import Served
from tests.stranger import Stranger

ROOM = "hall"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


def served(folder: Path, redis: RedisServer, name: str, *options: str) -> Served:
    rooms = folder / "place" / "rooms"
    rooms.mkdir(parents=True, exist_ok=True)
    (rooms / f"{ROOM}.toml").write_text('title = "The hall"\n')
    data = folder / name
    data.mkdir(exist_ok=True)
    (data / "host-token").write_text("the host's token everywhere\n")
    return Served(folder / "place", data, "--redis", redis.url, *options)


def heard(stranger: Stranger) -> list[tuple[int, str]]:
    return [(frame["seq"], frame["text"]) for frame in stranger.received("message")]


@pytest.mark.real_time
async def test_two_servers_are_one_house(tmp_path: Path, redis: RedisServer) -> None:
    async with served(tmp_path, redis, "one") as one, served(tmp_path, redis, "two") as two:
        ada, bob = await one.guest("Ada", "agent"), await two.guest("Bob", "agent")
        rae = await two.guest("Rae")
        host = await two.guest("Hana", token=one.host_token)
        assert host.you["role"] == "host"
        for stranger in (ada, bob, host):
            await stranger.join(ROOM, view=None if stranger is not host else {"mode": "raw"})
        await rae.join(ROOM, view={"cadence_s": 1.0})
        for number in range(10):
            await (ada, bob)[number % 2].say(ROOM, f"The ledger lacks entry {number} of Tuesday.")
        for stranger in (ada, bob, host):
            await stranger.until(lambda frame: frame["type"] == "message" and frame["seq"] == 10, within=20.0)
        assert heard(ada) == heard(bob) == heard(host)
        turn = await rae.until(lambda frame: frame["type"] == "turn", within=20.0)
        assert turn["covers"]["from"] == 1
        for stranger in (ada, bob, rae, host):
            await stranger.cut()


def post(url: str, token: str, **fields: object) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps(fields).encode(), headers), timeout=20.0) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.real_time
async def test_who_is_forgotten_at_one_server_is_so_at_all_and_in_redis(tmp_path: Path, redis: RedisServer) -> None:
    async with served(tmp_path, redis, "one") as one, served(tmp_path, redis, "two") as two:
        zed, ann = await two.guest("Zed", "agent"), await two.guest("Ann", "agent")
        for stranger in (zed, ann):
            await stranger.join(ROOM)
        await zed.say(ROOM, "An unmistakable xylophonist.")
        forget = partial(post, f"http://{one.host}/api/forget", one.host_token, user=zed.you["id"])
        found = await asyncio.to_thread(forget, dry_run=True)
        assert (found["alias"], found["erased"], found["messages"], found["sessions"]) == (None, 1, 1, 1)
        done = await asyncio.to_thread(forget, dry_run=False)
        assert done["alias"].startswith("forgotten-")
        await ann.until(lambda frame: frame["type"] == "redacted" and frame["seq"] == 1, within=20.0)
        await ann.cut()


@pytest.mark.real_time
async def test_who_was_at_a_killed_server_goes_on_at_another(tmp_path: Path, redis: RedisServer) -> None:
    async with served(tmp_path, redis, "one") as one, served(tmp_path, redis, "two") as two:
        ada, bob = await one.guest("Ada", "agent"), await two.guest("Bob", "agent")
        await ada.join(ROOM)
        await bob.join(ROOM)
        for number in range(3):
            await ada.say(ROOM, f"before {number}")
        await bob.until(lambda frame: frame["type"] == "message" and frame["seq"] == 3, within=20.0)
        await two.kill()
        await ada.say(ROOM, "meanwhile")
        await bob.open(await one.dial())
        await bob.join(ROOM)
        await bob.until(lambda frame: frame["type"] == "message" and frame["seq"] == 4, within=20.0)
        assert [seq for seq, _ in heard(bob)] == [1, 2, 3, 4]
        assert bob.received("welcome")[-1]["resumed"] is True
        await ada.cut()
        await bob.cut()


@pytest.mark.real_time
@pytest.mark.parametrize("mediators", ["0", "1"])
async def test_a_reader_of_a_killed_server_is_shown_everything_once_by_the_other(
    tmp_path: Path, redis: RedisServer, mediators: str
) -> None:
    alex = ("--mediators", mediators)
    async with served(tmp_path, redis, "one", *alex) as one, served(tmp_path, redis, "two", *alex) as two:
        ada, rae = await one.guest("Ada", "agent"), await two.guest("Rae")
        await ada.join(ROOM)
        await rae.join(ROOM, view={"cadence_s": 1.0, "pace_wpm": 1000})
        for number in range(6):
            await ada.say(ROOM, f"The ledger lacks entry {number} of Tuesday.")
        await rae.until(lambda frame: covers(frame) >= 1, within=20.0)
        for number in range(6, 12):
            await ada.say(ROOM, f"The ledger lacks entry {number} of Tuesday.")
        await two.kill()
        await ada.say(ROOM, "The ledger is closed.")
        await rae.open(await one.dial())
        await rae.join(ROOM)
        await rae.until(lambda frame: covers(frame) >= 13, within=40.0)
        last = await ada.say(ROOM, "The ledger is open again.")
        await rae.until(lambda frame: covers(frame) >= last["seq"], within=20.0)
        turns = [frame for frame in rae.received("turn") if frame["covers"]]
        assert [frame["turn"] for frame in turns] == list(range(1, len(turns) + 1))
        ranges = [(frame["covers"]["from"], frame["covers"]["to"]) for frame in turns]
        assert [seq for first, to in ranges for seq in range(first, to + 1)] == list(range(1, last["seq"] + 1))
        assert rae.received("message") == []
        await ada.cut()
        await rae.cut()


def covers(frame: dict[str, Any]) -> int:
    """The last message that a frame covers, 0 if it is no turn that does."""
    return int(frame["covers"]["to"]) if frame["type"] == "turn" and frame["covers"] else 0


@pytest.mark.real_time
async def test_a_redis_that_is_not_there_is_a_sentence_and_not_a_trace(tmp_path: Path) -> None:
    nowhere = RedisServer(tmp_path / "redis")
    server = served(tmp_path, nowhere, "one")
    await server.launch()
    assert await server.ended() == 1
    [line] = [line for line in server.lines if line.startswith("cadence:")]
    assert "redis (CADENCE_REDIS): expected a Redis that answers" in line
    assert "Traceback" not in "\n".join(server.lines)


async def test_only_one_node_plays_and_another_begins_when_it_is_dead() -> None:
    shared = MemoryHouse(clock, map(str, itertools.count(1)))
    playing: list[str] = []

    async def node(name: str) -> tuple[MemoryNode, Sharing, asyncio.Task[None]]:
        store = await MemoryNode.open(shared, name)
        house = await House(log=store).start()
        sharing = Sharing(store, house.hub, Driver(store, clock, house.hub.tell))
        sharing.start()

        async def play() -> None:
            playing.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                playing.remove(name)

        return store, sharing, asyncio.create_task(sharing.alone("lab", play))

    one, two = await node("one"), await node("two")
    await settle(BEAT_SECONDS * 3)
    assert playing == ["one"]
    one[0].connected = False
    await settle(NODE_SECONDS + BEAT_SECONDS * 2)
    assert "two" in playing
    one[0].connected = True
    await settle(BEAT_SECONDS * 2)
    assert playing == ["two"], "who comes back finds that another plays"
    for _, sharing, task in (one, two):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sharing.close()
    assert playing == []


async def test_what_a_host_does_at_one_server_holds_at_the_others() -> None:
    async with town(alex=True) as (_, one, two):
        host = Member("host", "Host", "human", "host")
        opened: list[str] = []

        async def open(room: str, settings: RoomSettings) -> None:
            opened.append(room)
            await two.hub.open_room(RoomInfo(room, settings.title, settings.public))
            state = await two.log.open_room(room)
            await two.driver.open_room(room, state.epoch, state.head, ViewPatch(), public=settings.public)
            await two.node.open(room)

        book = RoomBook(two.log, clock, open)
        two.node.refresh = partial(take_over, two.hub, two.identity, book)
        here = RoomBook(one.log, clock, lambda room, settings: one.hub.open_room(RoomInfo(room, "N", settings.public)))
        await here.make(host, NewRoom(room="nook", title="The nook", public=False))
        made = await one.identity.tokens.make("host", NewToken(name="Bea", role="member"))
        await one.hub.invitations.add(Invitation("nook", "bea", "Bea", "host", clock()))
        await settle(BEAT_SECONDS + 0.1)
        assert opened == ["nook"]
        bea = await two.client(token=made.secret, kind="human")
        assert (await bea.ask("join", room="nook"))["type"] == "joined"
        await one.hub.invitations.drop("nook", "bea")
        await settle(BEAT_SECONDS + 0.1)
        assert await closed(bea) == CLOSE_KICKED
        again = await two.client(token=made.secret, kind="human")
        await one.identity.tokens.revoke("host", made.token.id)
        await settle(BEAT_SECONDS + 0.1)
        assert await closed(again) == CLOSE_UNAUTHORIZED


async def closed(client: Client) -> int:
    with pytest.raises(Closed) as caught:
        while True:
            await client.receive()
    return caught.value.code
