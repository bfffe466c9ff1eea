"""What only a log has that several nodes share: their order, names, fences, deaths, and redactions that cross."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("redis", reason="needs the extra `redis`")

from cadence.rooms.log import LogConflict, LogError, LogFenced, LogUnavailable, ReaderRecord, SessionRecord
from cadence.rooms.log.redis import RedisLog
from cadence.rooms.query import parse
from tests import redis_server
from tests.redis_server import RedisServer
from tests.rooms.log.places import draft, segment, turn

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def nodes(url: str, count: int = 2, *rooms: str) -> AsyncIterator[list[RedisLog]]:
    logs = [await RedisLog.open(url, lambda: 1000.0, node=f"node-{n}") for n in range(count)]
    try:
        for log, room in itertools.product(logs, rooms or ("room",)):
            await log.open_room(room)
        yield logs
    finally:
        for log in logs:
            await log.close()


async def test_nodes_that_speak_at_once_share_one_gapless_order(redis_url: str) -> None:
    async with nodes(redis_url, 3) as logs:
        said = await asyncio.gather(
            *(log.append(draft(f"{n}", f"{n}", user=log.node)) for n in range(100) for log in logs)
        )
        assert sorted(each.message.seq for each in said) == list(range(1, 301))
        pages = [await log.messages("room", limit=1000) for log in logs]
        assert pages[0] == pages[1] == pages[2] == sorted((each.message for each in said), key=lambda m: m.seq)
        for log in logs:
            own = [message.text for message in pages[0] if message.from_.id == log.node]
            assert own == [f"{n}" for n in range(100)]


async def test_a_turn_begun_under_one_lease_is_not_stored_under_the_next(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with nodes(redis_url) as (one, two):
        await one.lease("room", "rea")
        look = one._reader

        async def slow(room: str, user: str) -> tuple[bytes, ReaderRecord | None]:
            found = await look(room, user)
            await two.lease(room, user)
            await one.lease(room, user)
            return found

        monkeypatch.setattr(one, "_reader", slow)
        with pytest.raises(LogFenced):
            await one.append_turn("rea", turn(1, to=3))
        assert await two.turns("room", "rea", limit=9) == []


async def test_the_same_draft_at_two_nodes_is_one_message(redis_url: str) -> None:
    async with nodes(redis_url) as (one, two):
        both = await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(50) for log in (one, two)))
        assert sorted(each.duplicate for each in both) == [False] * 50 + [True] * 50
        assert len(await one.messages("room", limit=100)) == 50


async def test_a_page_longer_than_one_call_is_whole(redis_url: str) -> None:
    async with nodes(redis_url, 1) as [log]:
        await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(2100)))
        assert [m.seq for m in await log.messages("room", after=0, limit=2050)] == list(range(1, 2051))
        assert [m.seq for m in await log.messages("room", limit=2050)] == list(range(51, 2101))
        assert len(await log.messages_at("room", range(1, 2101))) == 2100


async def test_a_name_is_borne_by_one_user_of_all_nodes_and_free_when_it_may_not_be_resumed(redis_url: str) -> None:
    async with nodes(redis_url) as (one, two):
        await one.save_session(SessionRecord("a", "ana-1", "Ana", "human", "guest"))
        with pytest.raises(LogConflict, match="expected a name that is free"):
            await two.save_session(SessionRecord("b", "ana-2", "ANA", "human", "guest"))
        assert await two.session("b") is None
        await two.save_session(SessionRecord("c", "ana-1", "Ana", "human", "guest"))
        await one.save_session(SessionRecord("a", "ana-1", "Ana", "human", "guest", 870.0))
        await two.save_session(SessionRecord("b", "ana-2", "ANA", "human", "guest"))


async def test_a_dead_node_s_people_are_closed_and_their_names_come_free(redis_url: str) -> None:
    now = 1000.0
    dead = await RedisLog.open(redis_url, lambda: now, node="dead")
    await dead.open_room("room")
    await dead.save_session(SessionRecord("k", "ana", "Ana", "human", "guest"))
    await dead.save_reader("room", "ana", ReaderRecord(covered_to=3))
    await dead.close()  # as its silence for ten seconds would be
    alive = await RedisLog.open(redis_url, lambda: now, node="alive")
    await alive.open_room("room")
    assert await alive.beat() == ["alive"]
    then: Any = pytest.approx(1000.0, abs=5.0)  # the furthest clock goes on with the time of Redis
    assert await alive.session("k") == SessionRecord("k", "ana", "Ana", "human", "guest", then)
    assert await alive.reader("room", "ana") == ReaderRecord(covered_to=3, closed_at=then)
    with pytest.raises(LogConflict):
        await alive.save_session(SessionRecord("l", "other", "ana", "human", "guest"))
    now = 1125.0
    await alive.save_session(SessionRecord("l", "other", "ana", "human", "guest"))
    await alive.close()


async def test_who_has_lost_a_reader_s_lease_writes_nothing_of_it_any_more(redis_url: str) -> None:
    async with nodes(redis_url) as (one, two):
        one.fence("room", "rea", 1)
        for write in (
            one.append_turn("rea", turn(1)),
            one.save_reader("room", "rea", ReaderRecord(turn=5)),
            one.add_raw_range("room", "rea", 1, 2),
            one.add_postponed("room", "rea", [1]),
        ):
            with pytest.raises(LogFenced):
                await write
        assert await two.reader("room", "rea") is None
        one.fence("room", "rea", None)
        await one.append_turn("rea", turn(1))


async def test_a_turn_stored_by_a_call_whose_answer_was_lost_is_stored_once(redis_url: str) -> None:
    async with nodes(redis_url, 1) as [log]:
        call, lost = log._link.call, []

        async def lossy(name: str, *args: Any) -> Any:
            answer = await call(name, *args)
            if name == "turn" and not lost:
                lost.append(answer)
                return await call(name, *args)  # as the link does when the connection broke before the answer
            return answer

        log._link.call = lossy  # type: ignore[method-assign]
        await log.append_turn("rea", turn(1, segment("first", 1), to=4))
        assert lost == [[b"kept"]]
        assert await log.turns("room", "rea", limit=9) == [turn(1, segment("first", 1), to=4)]
        assert await log.reader("room", "rea") == ReaderRecord(turn=1, covered_to=4)


async def test_a_turn_that_was_stored_though_its_writer_was_told_it_was_not_may_be_stored_again(redis_url: str) -> None:
    """A Redis that hung does what it was asked before, when nobody waits for the answer any more."""
    async with nodes(redis_url, 1) as [log]:
        await log.append(draft("secret"))
        first = turn(1, segment("secret", 1), to=4)
        await log.append_turn("rea", first)
        await log.redact("room", 1)
        await log.append_turn("rea", first)
        assert await log.reader("room", "rea") == ReaderRecord(turn=1, covered_to=4)
        assert "secret" not in repr(await log.turns("room", "rea", limit=9))
        with pytest.raises(LogConflict):
            await log.append_turn("rea", turn(1, to=8))


async def test_a_redaction_reaches_a_turn_of_another_room_that_is_being_stored(redis_url: str) -> None:
    async with nodes(redis_url, 2, "room", "other") as (one, two):
        await one.append(draft("secret", room="other"))
        call = one._link.call

        async def interrupted(name: str, *args: Any) -> Any:
            answer = await call(name, *args)
            if name == "cite":
                one._link.call = call  # type: ignore[method-assign]
                await two.redact("other", 1)
            return answer

        one._link.call = interrupted  # type: ignore[method-assign]
        await one.append_turn("rea", turn(1, segment("secret", 1, room="other")))
        assert [piece.text for [stored] in [await two.turns("room", "rea", limit=1)] for piece in stored.segments] == [
            ""
        ]


async def test_a_redaction_that_was_begun_is_ended_by_whoever_opens_the_room(redis_url: str) -> None:
    async with nodes(redis_url) as (one, two):
        await one.append(draft("secret"))
        await one.append_turn("rea", turn(1, segment("secret", 1)))
        call = one._link.call

        async def dies(name: str, *args: Any) -> Any:
            if name == "turns_at":
                raise LogUnavailable("killed")
            return await call(name, *args)

        one._link.call = dies  # type: ignore[method-assign]
        with pytest.raises(LogUnavailable):
            await one.redact("room", 1)
        one._link.call = call  # type: ignore[method-assign]
        assert (await two.turns("room", "rea", limit=1))[0].segments[0].text == "secret"
        await two.open_room("room")
        assert (await two.turns("room", "rea", limit=1))[0].segments[0].text == ""


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[RedisServer]:
    if redis_server.find() is None:
        pytest.skip(redis_server.MISSING)
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


async def test_nothing_of_a_redacted_text_is_left_in_redis(lone: RedisServer) -> None:
    async with nodes(lone.url, 1) as [log]:
        for number in range(150):
            await log.append(draft("unmistakable" if number == 70 else "chatter", str(number)))
        await log.append_turn("rea", turn(1, segment("unmistakable", 71)))
        await log.redact("room", 71)
        lone.ask("SAVE")
        image = (lone.folder / "dump.rdb").read_bytes()
        assert b"unmistakable" not in image and b"chatter" in image


async def test_without_an_index_search_says_so(redis_url: str) -> None:
    async with nodes(redis_url, 1) as [log]:
        with pytest.raises(LogError, match="expected an index"):
            await log.search("room", parse("word"), limit=1)
