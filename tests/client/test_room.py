"""One room, without a connection: what `Client` hands it, and what it hands on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import Struct

from cadence.client.inbox import Inbox
from cadence.client.link import Progress, Refused
from cadence.client.room import Cut, Room, wire_error
from cadence.client.saying import Saying
from cadence.rooms.wire import Error, Joined, Member, Page, Presence, Said, WireError
from tests.rooms.house import settle

ANN, BOB = Member("ann", "Ann", "human"), Member("bob", "Bob", "agent")


class Wires:
    """Answers every request with `answer`, and remembers it."""

    def __init__(self, answer: Any = None) -> None:
        self.asked: list[Struct] = []
        self.stirred = 0
        self.forgotten: list[str] = []
        self._answer = answer

    async def request(self, frame: Struct) -> Any:
        self.asked.append(frame)
        return self._answer

    def stir(self) -> None:
        self.stirred += 1

    def forget(self, room: str) -> None:
        self.forgotten.append(room)


def room(wires: Wires | None = None) -> Room:
    progress = Progress("e", 0, inside=True)
    return Room("hall", wires or Wires(), progress, Inbox(progress, whole=True), Saying())


def said(id: str) -> Said:
    return Said(room="hall", id=id, seq=1, epoch="e", at="2026-01-01T00:00:00.000Z", ref=id)


def joined(*members: Member) -> Joined:
    return Joined(
        room="hall", title="The hall", epoch="e", head=0, recovered=True, members=members, member_count=1, view=None
    )


async def test_members_are_those_the_server_told_of() -> None:
    here = room()
    here.joined(joined(ANN))
    await here.entered
    here.presence(Presence(room="hall", joined=(BOB,), left=("ann", "nobody")))
    assert (here.title, here.members) == ("The hall", {"bob": BOB})
    here.presence(Presence(room="hall", members=(ANN,), member_count=1))
    assert here.members == {"ann": ANN}


async def test_say_returns_when_it_is_durable() -> None:
    wires = Wires()
    here = room(wires)
    saying = asyncio.create_task(here.say("x", id="1"))
    await settle()
    say = here.saying.next(0.0)
    assert say is not None and (say.id, say.ref, wires.stirred) == ("1", "1", 1)
    with pytest.raises(WireError, match="is being said"):
        await here.say("y", id="1")
    here.said(said("1"))
    assert (await saying).seq == 1


async def test_an_error_of_something_else_is_not_ours() -> None:
    here = room()
    assert here.refused(Error(code="too_large", message="no", ref="r1"), 0.0) is False


async def test_the_end_is_told_to_all_who_wait() -> None:
    here = room()
    saying = asyncio.create_task(here.say("x"))
    hearing = asyncio.create_task(anext(here.events()))
    await settle()
    here.end(Refused("you were asked to leave"))
    for task in (saying, hearing, asyncio.ensure_future(here.entered)):
        with pytest.raises(Refused, match="you were asked to leave"):
            await task


async def test_an_ordinary_end_is_no_error_for_who_listens() -> None:
    here = room()
    here.joined(joined())
    here.end(None)
    assert [message async for message in here] == []
    with pytest.raises(Cut):
        await here.say("x")


async def test_history_asks_for_what_was_given_only() -> None:
    wires = Wires(Page(room="hall", stream="raw", items=(), more=False))
    here = room(wires)
    await here.history(after=3, limit=7)
    await here.leave()
    assert [str(frame).replace("UNSET", "-") for frame in wires.asked] == [
        "History(ref=-, room='hall', stream='raw', before=-, after=3, seqs=-, limit=7, participant=-)",
        "Leave(ref=-, room='hall')",
    ]
    assert wires.forgotten == ["hall"]


def test_an_error_frame_keeps_all_it_says() -> None:
    error = wire_error(
        Error(code="rate_limited", message="wait", ref="1", field="text", room="hall", retry_after_s=2.0)
    )
    assert (error.code, error.message, error.ref, error.field, error.room, error.retry_after_s) == (
        "rate_limited", "wait", "1", "text", "hall", 2.0,
    )  # fmt: skip
