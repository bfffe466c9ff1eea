from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.making import RoomBook, described
from cadence.rooms.wire import Focus, Member, ViewPatch, WireError
from cadence.rooms.wire.hosting import NewRoom, RoomPatch, RoomSettings
from tests.rooms.house import clock
from tests.rooms.log.places import draft

HOST = Member("host", "Host", "human", "host")


class Book:
    """A book, and the rooms it opened with what it last said of them."""

    def __init__(self, log: MemoryLog) -> None:
        self.log, self.open = log, dict[str, RoomSettings]()
        self.book = RoomBook(log, clock, self._open)

    @classmethod
    async def start(cls, *filed: str, log: MemoryLog | None = None) -> Book:
        made = cls(log or MemoryLog(clock))
        await made.book.load()
        await made.book.open_all(filed)
        return made

    async def _open(self, room: str, settings: RoomSettings) -> None:
        self.open[room] = settings

    async def make(self, room: str = "nook", **settings: Any) -> RoomSettings:
        return await self.book.make(HOST, NewRoom(**{"room": room, "title": "The nook", **settings}))

    async def refused(self, **asked: Any) -> tuple[str, str | None]:
        with pytest.raises(WireError) as caught:
            await self.make(**asked)
        return caught.value.code, caught.value.field


async def test_a_room_that_was_made_is_open_and_is_opened_again_at_the_next_start() -> None:
    there = await Book.start("lab")
    settings = await there.make(public=False, pods=("stove",), view=ViewPatch(cadence_s=9.0), keep_days=30)
    assert there.open == {"nook": settings}
    again = await Book.start("lab", log=there.log)
    assert again.open == {"nook": settings} and again.book.settings("nook") == settings
    assert described("nook", settings)["view"] == {"cadence_s": 9.0}
    actions = await there.log.host_actions("nook", limit=9)
    assert [(action.what, action.by, action.note) for _, action in actions] == [("room", "host", "made")]


async def test_a_change_holds_at_once_and_after_a_restart_and_leaves_the_rest() -> None:
    there = await Book.start()
    await there.make(pods=("stove",), keep_days=30)
    await there.book.change(HOST, "nook", RoomPatch(title="The  nook!", keep_days=None))
    assert there.open["nook"] == RoomSettings("The  nook!", pods=("stove",))
    assert (await Book.start(log=there.log)).open == there.open


async def test_a_file_wins_and_the_room_comes_back_without_it() -> None:
    there = await Book.start()
    await there.make()
    filed = await Book.start("nook", log=there.log)
    assert filed.open == {} and filed.book.settings("nook") is None
    with pytest.raises(WireError, match=r"rooms/nook.toml says how this room is: edit the file"):
        await filed.book.change(HOST, "nook", RoomPatch(title="Mine"))
    assert await filed.refused() == ("conflict", "room")
    await filed.book.open_all([])
    assert list(filed.open) == ["nook"]


async def test_an_id_that_is_taken_or_was_once_is_refused() -> None:
    there = await Book.start("lab")
    await there.make()
    assert await there.refused() == ("conflict", "room") == await there.refused(room="lab")
    await there.log.open_room("old")
    await there.log.append(draft(room="old"))
    assert await there.refused(room="old") == ("conflict", "room")
    assert list(there.open) == ["nook"] and list(await there.log.kept("room")) == ["nook"]


async def test_two_who_make_one_room_at_once_do_not_both_get_it() -> None:
    there = await Book.start()
    made = await asyncio.gather(there.make(), there.make(), return_exceptions=True)
    assert [type(one) for one in made] == [RoomSettings, WireError]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"title": "\x07"}, "title"),
        ({"pods": ("a", "a")}, "pods"),
        ({"scope": "/".join("a" * 9)}, "scope"),
        ({"view": ViewPatch(focus=Focus(pod="roof"))}, "view"),
    ],
)
async def test_what_the_types_cannot_say_is_refused_by_name(asked: dict[str, Any], field: str) -> None:
    there = await Book.start()
    assert await there.refused(**asked) == ("bad_field", field)
    await there.make()
    with pytest.raises(WireError):
        await there.book.change(HOST, "nook", RoomPatch(**asked))
    assert there.open["nook"] == RoomSettings("The nook")


async def test_a_log_that_refuses_makes_no_room() -> None:
    there = await Book.start()
    there.log.available = False
    with pytest.raises(Exception, match="try again"):
        await there.make()
    there.log.available = True
    await there.make()


async def test_only_rooms_that_were_made_here_are_changed_here() -> None:
    there = await Book.start()
    with pytest.raises(WireError) as caught:
        await there.book.change(HOST, "nowhere", RoomPatch(title="x"))
    assert caught.value.code == "no_such_room"


async def test_what_another_server_makes_or_changes_is_opened_here_unless_a_file_holds() -> None:
    one = await Book.start("lab")
    other = await Book.start("lab", "filed", log=one.log)
    settings = await one.make()
    await one.make("filed")
    await other.book.refresh()
    assert other.open == {"nook": settings}
    other.open.clear()
    await other.book.refresh()
    assert other.open == {}, "what did not change is left alone"
    changed = await one.book.change(HOST, "nook", RoomPatch(title="Another"))
    await other.book.refresh()
    assert other.open == {"nook": changed} and other.book.settings("nook") == changed
