"""Turns over a line of which both ends are here: together, once, each with its own fate."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from cadence.alex.remote import turns as turns_module
from cadence.alex.remote.peer import Frame, Gone, Peer
from cadence.alex.remote.turns import TurnDesk, TurnsAway
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.mediation import StoreFenced, StoreUnavailable
from cadence.rooms.wire import Message, Segment, Turn
from tests.alex.talk import message
from tests.rooms.log.places import turn as numbered


def turn(number: int, text: str = "The lease is out.", room: str = "lab") -> Turn:
    return numbered(number, Segment("quote", ("vera",), text, (1,), 0.5), to=number, room=room)


class Ends:
    """A far end and a near one before a log in memory; `sent` is what crossed the line towards it."""

    def __init__(self) -> None:
        self.store = MemoryLog(lambda: 0.0)
        self.desk = TurnDesk(self.store)
        self.sent: list[Frame] = []
        self.far = Peer(self._cross, {}, {})
        self.near = Peer(self.far.received, {}, {"append_turns": self.desk.append})
        self.away = TurnsAway(self.far)

    def _cross(self, frame: Frame) -> None:
        self.sent.append(frame)
        self.near.received(frame)

    async def open(self) -> Ends:
        await self.store.open_room("lab")
        return self

    async def append(self, *shown: tuple[str, Turn]) -> list[Any]:
        return await asyncio.gather(*(self.away.append(user, one, b"") for user, one in shown), return_exceptions=True)

    def tell(self, user: str, frame: msgspec.Struct) -> tuple[Any, msgspec.Struct]:
        """What crosses the line, and what comes out."""
        told = self.away.told(user, frame)
        return told, self.desk.told("lab", user, told)


async def test_turns_of_one_moment_are_one_call_and_cross_once() -> None:
    ends = await Ends().open()
    shown = {f"r{n}": turn(1, f"text {n}") for n in range(5)}
    assert await ends.append(*shown.items()) == [None] * 5
    assert len(ends.sent) == 1
    for user, one in shown.items():
        assert await ends.store.turns("lab", user, limit=9) == [one]
        told, arrived = ends.tell(user, one)
        assert (told, arrived) == (1, one)
    assert not ends.away._stored and not ends.desk._stored


async def test_a_frame_that_is_not_the_turn_that_was_stored_crosses_whole() -> None:
    ends = await Ends().open()
    one = turn(1)
    await ends.append(("ada", one))
    said: Message = message(1)
    assert ends.tell("ada", said) == (said, said)
    erased = one.without([("lab", 1)])
    assert ends.tell("ada", erased) == (erased, erased)
    assert not ends.away._stored and not ends.desk._stored, "it is told, and not told twice"
    assert ends.tell("ada", one) == (one, one)


async def test_an_answer_crosses_whole_and_leaves_the_turn_beside_it_alone() -> None:
    ends = await Ends().open()
    shown, answer = turn(1), msgspec.structs.replace(turn(2, "You asked."), mode="answer")
    await ends.append(("ada", shown))
    await ends.append(("ada", answer))  # the first is not told yet
    assert ends.tell("ada", answer) == (answer, answer)
    assert ends.tell("ada", shown) == (1, shown)


async def test_a_turn_of_whom_another_node_mediates_is_refused_and_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = await Ends().open()

    async def fenced(*_: Any) -> None:
        raise StoreFenced("another node does")

    monkeypatch.setattr(ends.store, "append_turn", fenced)
    with capture_logs() as logged:
        (refused,) = await ends.append(("ada", turn(1)))
    assert isinstance(refused, StoreFenced) and not logged


async def test_each_turn_has_its_own_fate() -> None:
    ends = await Ends().open()
    with capture_logs() as logged:
        done = await ends.append(("ada", turn(1)), ("bob", turn(2)), ("cid", turn(1, room="cellar")), ("dan", turn(1)))
    assert [type(one) for one in done] == [type(None), RuntimeError, RuntimeError, type(None)]
    assert "expected turn 1 of `bob`" in str(done[1])
    assert len(logged) == 2
    assert ends.tell("bob", two := turn(2)) == (two, two), "what is not stored is not there to be named"


async def test_a_log_that_refuses_may_be_asked_again() -> None:
    ends = await Ends().open()
    ends.store.available = False
    (refused,) = await ends.append(("ada", turn(1)))
    assert isinstance(refused, StoreUnavailable)
    ends.store.available = True
    assert await ends.append(("ada", turn(1))) == [None]


async def test_more_than_one_frame_may_hold_are_several() -> None:
    ends = await Ends().open()
    crowd = turns_module.TURNS_AT_ONCE_MAX + 1
    assert await ends.append(*((f"r{n}", turn(1)) for n in range(crowd))) == [None] * crowd
    assert [len(args[0]) for _, _, _, args in ends.sent] == [turns_module.TURNS_AT_ONCE_MAX, 1]


async def test_when_the_other_end_is_gone_every_caller_learns_it() -> None:
    ends = await Ends().open()
    waiting = [ends.away.append(user, turn(1), None) for user in ("ada", "bob", "cid")]
    waiting[1].cancel()
    ends.far.lost()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in done] == [Gone, asyncio.CancelledError, Gone] and done[0] is not done[2]
    ends.desk.clear()
    with pytest.raises(KeyError):
        ends.desk.told("lab", "ada", 1)
