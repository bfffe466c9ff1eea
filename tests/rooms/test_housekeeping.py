from __future__ import annotations

import asyncio

import pytest

from cadence.rooms.housekeeping import BATCH_MESSAGES, DAY_SECONDS, KIND, SWEEP_SECONDS, Housekeeping
from cadence.rooms.log import Draft
from cadence.rooms.query import parse
from cadence.rooms.room import RoomInfo
from cadence.rooms.wire import Author
from cadence.rooms.wire.hosting import NewToken
from tests.asgi import Closed
from tests.rooms.house import EPOCH_S, House, settle
from tests.rooms.log.places import segment, turn

VERA = Author("vera", "Vera", "agent")


async def house(keep_days: float | None = 10.0, said: tuple[tuple[float, int], ...] = ()) -> House:
    """A room that keeps messages so long, in which `count` were said `days` ago, for each (days, count)."""
    there = House()
    await there.log.open_room("lab")
    number = 0
    for days, count in said:
        for _ in range(count):
            number += 1
            await there.log.append(Draft("lab", VERA, str(number), EPOCH_S - days * DAY_SECONDS, f"word {number}"))
    await there.start()
    await there.hub.open_room(RoomInfo("lab", "The lab", keep_days=keep_days))
    return there


async def left(there: House) -> list[int]:
    return [message.seq for message in await there.log.search("lab", parse("word"), limit=10_000)]


async def test_what_is_too_old_is_erased_and_its_place_stays() -> None:
    there = await house(said=((30, 2), (10.1, 1), (9.9, 2)))
    await there.log.append_turn("rea", turn(1, segment("word 2", 2), segment("word 4", 4), to=5, room="lab"))
    assert not await Housekeeping(there.hub, there.identity).sweep()
    assert await left(there) == [4, 5]
    messages = await there.log.messages("lab", limit=9)
    assert [(message.seq, message.redacted is True) for message in messages] == [
        (1, True), (2, True), (3, True), (4, False), (5, False),
    ]  # fmt: skip
    (shown,) = await there.log.turns("lab", "rea", limit=9)
    assert shown.covers is not None and (shown.covers.from_, shown.covers.to) == (1, 5)  # as true as it was
    assert [one.text for one in shown.segments] == ["", "word 4"]


async def test_a_room_without_a_term_keeps_everything() -> None:
    there = await house(keep_days=None, said=((3000, 3),))
    await Housekeeping(there.hub, there.identity).sweep()
    assert await left(there) == [1, 2, 3]


async def test_the_work_is_done_in_batches_and_goes_on_where_it_was() -> None:
    there = await house(said=((30, 2 * BATCH_MESSAGES + 1), (1, 1)))
    sweeps = [await Housekeeping(there.hub, there.identity).sweep() for _ in range(4)]
    assert sweeps == [True, True, False, False]
    assert await there.log.kept(KIND) == {"lab": str(2 * BATCH_MESSAGES + 1).encode()}
    assert await left(there) == [2 * BATCH_MESSAGES + 2]


async def test_who_is_here_is_told_of_each() -> None:
    there = await house(said=((30, 2), (1, 1)))
    zed = await there.member("Zed")
    await Housekeeping(there.hub, there.identity).sweep()
    told = [frame for frame in await zed.drain() if frame["type"] == "redacted"]
    assert told == [{"type": "redacted", "room": "lab", "seq": seq, "by": ""} for seq in (1, 2)]


async def test_it_grows_old_while_the_server_runs() -> None:
    there = await house(keep_days=1.0, said=((0.5, 1),))
    task = asyncio.create_task(Housekeeping(there.hub, there.identity).run())
    await settle(0.4 * DAY_SECONDS)
    assert await left(there) == [1]
    await settle(0.1 * DAY_SECONDS + 2 * SWEEP_SECONDS)
    assert await left(there) == []
    task.cancel()


async def test_a_log_that_refuses_is_tried_again() -> None:
    there = await house(said=((30, 1),))
    there.log.available = False
    task = asyncio.create_task(Housekeeping(there.hub, there.identity).run())
    await settle(1.0)
    there.log.available = True
    await settle(SWEEP_SECONDS)
    assert await left(there) == []
    task.cancel()


async def test_who_came_by_a_token_that_expires_is_put_out() -> None:
    there = await house()
    made = await there.identity.tokens.make("host", NewToken(name="Ona", expires_in_s=100))
    ona = await there.client(kind="human", token=made.secret)
    await ona.join()
    await settle(99)
    await Housekeeping(there.hub, there.identity).sweep()
    assert (await ona.say("Still here."))["type"] == "said"
    await settle(2)
    await Housekeeping(there.hub, there.identity).sweep()
    with pytest.raises(Closed) as closed:
        while True:
            await ona.receive()
    assert closed.value.code == 4003
