"""Erasing many messages, small records, and forgetting somebody: a part of the contract of every log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cadence.rooms.log import (
    HostAction,
    Log,
    ReaderRecord,
    SessionRecord,
    StoredNode,
    Traces,
    erasing,
)
from cadence.rooms.query import parse
from cadence.rooms.wire import Focus, Segment, ViewPatch
from tests.rooms.log.places import Place, draft, everything_in, segment, sqlite_log, turn

pytestmark = pytest.mark.real_time  # SqliteLog has threads

ALIAS = "forgotten-1"


def place_of(kind: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    return Place(kind, folder, request.getfixturevalue("redis_url") if kind == "redis" else None)


@pytest.fixture(params=["memory", "sqlite", "node", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_of(request.param, request, tmp_path)


async def fill(log: Log) -> None:
    """Eve speaks, is mentioned, quoted, followed, reads, has a session and was muted; Ana does what is hers."""
    await log.append(draft("I am Eve", "1", user="eve"))
    await log.append(draft("hello @eve, says ana", "2", mentions=("eve", "bo")))
    await log.append(draft("evening", "3", user="evelyn"))
    await log.append_turn("rea", turn(1, Segment("quote", ("eve", "ana"), "I am Eve", (1, 2), 0.5), to=2))
    await log.append_turn("eve", turn(1, segment("hello", 2), to=2))
    followed = ViewPatch(focus=Focus(follow=("eve", "ana")))
    await log.save_reader("room", "rea", ReaderRecord(patch=followed, set_by="eve", turn=1))
    await log.add_postponed("room", "eve", [2])
    await log.add_raw_range("room", "eve", 1, 2)
    await log.save_session(SessionRecord("key", "eve", "Eve", "human", "guest"))
    await log.record(HostAction(1.0, "host", "mute", "room", "eve"))
    await log.record(HostAction(2.0, "eve", "redact", "room", "ana"))


async def test_several_messages_are_erased_in_one_step_and_each_is_told_once(place: Place) -> None:
    async with place.opened() as log:
        for number in range(1, 6):
            await log.append(draft(f"secret {number}", str(number)))
        await log.redact("room", 2)
        assert await log.erase("room", [4, 2, 3, 9, 4]) == [3, 4]
        assert [message.text for message in await log.messages("room", limit=9)] == ["secret 1", "", "", "", "secret 5"]
        assert [message.seq for message in await log.search("room", parse("secret"), limit=9)] == [1, 5]
        assert await log.erase("room", [3, 4]) == [] and await log.erase("nowhere", [1]) == []


async def test_turns_and_nodes_lose_what_of_them_was_erased_among_others(place: Place) -> None:
    async with place.opened() as log:
        for number in range(1, 7):
            await log.append(draft(f"secret {number}", str(number)))
        both, last = segment("both", 2, 4), segment("last", 6)
        await log.append_turn("rea", turn(1, both, last, to=6))
        await log.save_nodes("room", [StoredNode(f"{n}-{n + 1}", n, n + 1, 0, b"") for n in (1, 3, 5)], [])
        assert await log.erase("room", [2, 4]) == [2, 4]
        assert (await log.turns_at("room", "rea", [1]))[0] == turn(1, both.without({2, 4}), last, to=6)
        assert [node.name for node in await log.nodes("room")] == ["5-6"]
        assert await log.redacted_seqs("room", 0, 6) == [2, 4]


async def test_more_are_erased_than_fit_into_one_step(place: Place) -> None:
    async with place.opened() as log:
        for number in range(1, 252):
            await log.append(draft("x", str(number)))
        assert await log.erase("room", range(1, 251)) == list(range(1, 251))
        assert await log.redacted_seqs("room", 0, 251) == list(range(1, 251))


async def test_small_records_are_kept_by_kind_and_name(place: Place) -> None:
    async with place.opened() as log:
        await log.keep("token", "b", b"1")
        await log.keep("token", "a", b"2")
        await log.keep("token", "b", b"\x00'3")
        await log.keep("room", "b", b"4")
        await log.keep("token", "absent", None)
        await log.keep("empty", "e", b"")
    async with place.opened() as log:
        assert list((await log.kept("token")).items()) == [("a", b"2"), ("b", b"\x00'3")]
        assert await log.kept("empty") == {"e": b""}
        await log.keep("token", "a", None)
        assert await log.kept("token") == {"b": b"\x00'3"} and await log.kept("nothing") == {}


async def test_what_somebody_said_is_found_in_every_room(place: Place) -> None:
    async with place.opened("two", "one") as log:
        for number, room in enumerate(("two", "one", "two"), 1):
            await log.append(draft("x", str(number), user="eve", room=room))
        await log.redact("two", 1)
        assert await log.said_by("eve", 9) == [("one", 1), ("two", 2)]
        assert await log.said_by("eve", 1) == [("one", 1)] and await log.said_by("ev", 9) == []


async def test_somebody_forgotten_stands_nowhere_any_more(place: Place) -> None:
    async with place.opened() as log:
        await fill(log)
        there = Traces(messages=1, mentions=1, turns=1, cited=2, readers=1, sessions=1, actions=2)
        assert await log.traces("eve") == there
        await log.erase("room", [1])
        assert await log.forget("eve", ALIAS) == there
        assert await log.traces("eve") == Traces() == await log.forget("eve", ALIAS)
    async with place.opened() as log:
        mine, anas, evelyns = await log.messages("room", limit=9)
        assert (mine.from_.id, mine.from_.name, mine.id, mine.redacted) == (ALIAS, "Forgotten", "forgotten-1", True)
        assert (anas.mentions, anas.text) == ((ALIAS, "bo"), "hello @eve, says ana")
        assert (evelyns.from_.id, evelyns.text, evelyns.id) == ("evelyn", "evening", "3")
        (shown,) = await log.turns("room", "rea", limit=9)
        assert shown.covers is not None and (shown.covers.to, shown.segments[0].speakers) == (2, (ALIAS, "ana"))
        assert shown.segments[0].redacted is True and await log.turns("room", "eve", limit=9) == []
        rea = await log.reader("room", "rea")
        assert rea is not None and rea.patch == ViewPatch(focus=Focus(follow=("ana",))) and rea.set_by == ALIAS
        assert await log.reader("room", "eve") is None and await log.session("key") is None
        assert await log.postponed("room", "eve", 0) == [] == await log.raw_ranges("room", "eve", 0)
        by = [(action.by, action.whom) for _, action in await log.host_actions("room", limit=9)]
        assert by == [("host", ALIAS), (ALIAS, "ana")]
        assert not await log.knows("room", "eve") and await log.knows("room", ALIAS)


async def test_who_is_forgotten_may_be_cited_and_erased_again_without_harm(place: Place) -> None:
    async with place.opened() as log:
        await fill(log)
        await log.forget("eve", ALIAS)
        assert await log.erase("room", [1, 2]) == [1, 2]  # both were cited by the turn that went
        assert (await log.turns_at("room", "rea", [1]))[0].segments[0].text == ""
        assert (await log.append(draft("again", "1", user="eve"))).message.seq == 4


async def test_nothing_of_them_is_left_in_the_files(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path) as log:
        await log.append(draft("xylophonist", "id-of-a-client", user="eve-1f2e3d"))
        await log.append(draft("hello", "2", mentions=("eve-1f2e3d",)))
        await log.save_session(SessionRecord("key", "eve-1f2e3d", "Evangeline", "human", "guest"))
        assert len(await log.search("room", parse("xylophonist"), user="eve-1f2e3d", limit=9)) == 1
        await log.erase("room", [1])
        await log.forget("eve-1f2e3d", ALIAS)
    async with sqlite_log(tmp_path) as log:  # opening the index rewrites its pages, if there was no time for it
        assert await log.search("room", parse("hello"), user="eve-1f2e3d", limit=9) == []
    left = everything_in(tmp_path)
    for trace in (b"eve-1f2e3d", b"xylophonist", b"Evangeline", b"id-of-a-client"):
        assert trace not in left


async def test_the_work_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "PIECE_ROWS", 2)
    async with sqlite_log(tmp_path) as log:
        for number in range(5):
            await log.append(draft("x", str(number), user="eve"))
        assert len(await log._reads.call(lambda reading: erasing.pieces(reading, "eve"))) == 5
        assert await log.forget("eve", ALIAS) == replace(Traces(), messages=5)
        assert await log.traces("eve") == Traces()
