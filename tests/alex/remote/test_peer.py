"""Calls and casts between two ends: order, answers, refusals, and an end that is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from cadence.alex.remote.peer import CASTS_AT_ONCE, Gone, Peer
from cadence.rooms.mediation import StoreFenced, StoreUnavailable
from cadence.rooms.wire import WireError


class Ends:
    """Two peers; the far one serves what the tests name."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.may_go_on = asyncio.Event()
        casts = {"note": self.done.append, "trip": self._trip}
        self.near = Peer(lambda frame: self.far.received(frame), {}, {})
        self.far = Peer(lambda frame: self.near.received(frame), casts, {"work": self._work, "fail": self._fail})

    def _trip(self) -> None:
        raise ValueError("no")

    async def _work(self, name: str) -> str:
        self.done.append(f"{name} begun")
        await self.may_go_on.wait()
        self.done.append(f"{name} ended")
        return name.upper()

    async def _fail(self, error: Exception) -> None:
        raise error


async def test_what_is_sent_is_begun_in_its_order_and_answered_when_it_ends() -> None:
    ends = Ends()
    first = ends.near.call("work", "a")
    ends.near.cast("note", "n")
    second = ends.near.call("work", "b")
    ends.near.cast("note", "m")
    for _ in range(6):
        await asyncio.sleep(0)
    assert ends.done == ["a begun", "n", "b begun", "m"]
    ends.may_go_on.set()
    assert await asyncio.gather(first, second) == ["A", "B"]


async def test_many_casts_at_once_leave_the_loop_to_others_and_keep_their_order() -> None:
    ends, turns = Ends(), list[int]()
    for number in range(2 * CASTS_AT_ONCE + 1):
        ends.near.cast("note", number)
    work = ends.near.call("work", "a")
    ends.near.cast("note", "last")
    for _ in range(6):
        turns.append(len(ends.done))
        await asyncio.sleep(0)
    assert turns[:3] == [CASTS_AT_ONCE, 2 * CASTS_AT_ONCE, 2 * CASTS_AT_ONCE + 1]
    assert ends.done == [*range(2 * CASTS_AT_ONCE + 1), "a begun", "last"]
    ends.may_go_on.set()
    assert await work == "A"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreUnavailable("the disk is full"), StoreUnavailable),
        (StoreFenced("another node does"), StoreFenced),
        (KeyError("room"), RuntimeError),
        (WireError("forbidden", "no", field="mode", room="lab", retry_after_s=2.0), WireError),
    ],
)
async def test_an_error_arrives_as_what_it_was(error: Exception, kind: type[Exception]) -> None:
    with capture_logs(), pytest.raises(kind) as caught:
        await Ends().near.call("fail", error)
    if isinstance(caught.value, WireError) and isinstance(error, WireError):
        assert caught.value.frame() == error.frame()
    else:
        assert str(error.args[0]) in str(caught.value)


async def test_only_what_is_listed_is_done() -> None:
    ends = Ends()
    with capture_logs() as logged:
        with pytest.raises(RuntimeError, match="KeyError: 'lost'"):
            await ends.near.call("lost")
        ends.near.cast("_work")
    assert [entry["what"] for entry in logged] == ["lost", "_work"]


async def test_a_cast_that_fails_is_logged_and_the_next_is_done() -> None:
    ends = Ends()
    with capture_logs() as logged:
        ends.near.cast("trip")
        ends.near.cast("note", 1)
    assert ends.done == [1] and [entry["event"] for entry in logged] == ["a cast failed"]


async def test_when_the_line_breaks_nobody_waits_any_more() -> None:
    ends = Ends()
    waiting = ends.near.call("work", "a")
    await asyncio.sleep(0)
    ends.near.lost()
    ends.far.lost()
    with pytest.raises(Gone):
        await waiting
    with pytest.raises(Gone):
        await ends.near.call("work", "b")
    ends.near.cast("note", "too late")
    ends.may_go_on.set()
    await asyncio.sleep(0)
    assert ends.done == ["a begun"], "what ran for the other end was stopped"


async def test_an_answer_nobody_waits_for_is_dropped() -> None:
    ends = Ends()
    waiting = ends.near.call("work", "a")
    await asyncio.sleep(0)
    waiting.cancel()
    ends.may_go_on.set()
    for _ in range(4):
        await asyncio.sleep(0)
    assert ends.done == ["a begun", "a ended"] and not ends.near._pending


async def test_a_failure_nobody_waits_for_is_logged() -> None:
    ends = Ends()
    with capture_logs() as logged:
        ends.near.expect("fail", StoreUnavailable("the disk is full"))
        for _ in range(4):
            await asyncio.sleep(0)
        ends.near.expect("work", "a")
        ends.near.lost()
        await asyncio.sleep(0)
    assert [entry["why"] for entry in logged] == ["StoreUnavailable: the disk is full"], "not that nobody is there"
