"""Appends: one write at a time, in order, and a failure fails only what it carried."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from cadence.rooms.log import Appended, LogConflict, LogUnavailable
from cadence.rooms.log.redis.appends import BATCH_BYTES_MAX, BATCH_DRAFTS_MAX, BATCH_ROOMS_MAX, Appends, Packed, Sent
from cadence.rooms.wire import Author, Message


def read(answer: bytes) -> Appended:
    """What stands in an answer: the id of the draft; `no` is refused."""
    if answer == b"no":
        raise LogConflict("no")
    return Appended(Message("lab", "e", 1, answer.decode(), Author("ana", "Ana", "agent"), "", ""), duplicate=False)


class Sender:
    """Answers each draft with its id, when it is let; notes what came in one write, by room."""

    def __init__(self) -> None:
        self.writes: list[dict[str, list[str]]] = []
        self.gate = asyncio.Event()
        self.fail = 0
        self.bad: set[str] = set()

    async def __call__(self, batches: Mapping[str, list[Packed]]) -> Sent:
        self.writes.append({room: [each[0] for each in batch] for room, batch in batches.items()})
        await self.gate.wait()
        if self.fail:
            self.fail -= 1
            raise LogUnavailable("away")
        return {
            room: LogUnavailable("this room") if room in self.bad else [each[0].encode() for each in batch]
            for room, batch in batches.items()
        }


def put(appends: Appends, *ids: str, room: str = "lab", body: str = "x") -> list[asyncio.Future[Appended]]:
    return [appends.put(room, (id, "mark", 0, body, "ana", ()), read) for id in ids]


async def outcomes(*futures: asyncio.Future[Appended]) -> list[str]:
    found = await asyncio.gather(*futures, return_exceptions=True)
    return [one.message.id if isinstance(one, Appended) else type(one).__name__ for one in found]


async def begun() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_comes_while_a_write_is_under_way_shares_the_next() -> None:
    sender = Sender()
    appends = Appends(sender)
    first = put(appends, "0")
    await begun()
    rest = [*put(appends, "1", "2"), *put(appends, "a", room="other"), *put(appends, "3")]
    sender.gate.set()
    assert await outcomes(*first, *rest) == ["0", "1", "2", "a", "3"]
    assert sender.writes == [{"lab": ["0"]}, {"lab": ["1", "2", "3"], "other": ["a"]}]


async def test_a_call_is_bounded_in_drafts_and_in_bytes_and_a_write_in_rooms() -> None:
    sender = Sender()
    appends = Appends(sender)
    sender.gate.set()
    ids = [f"{number}" for number in range(BATCH_DRAFTS_MAX + 1)]
    assert await outcomes(*put(appends, *ids)) == ids
    assert [len(write["lab"]) for write in sender.writes] == [BATCH_DRAFTS_MAX, 1]
    sender.writes.clear()
    await outcomes(*put(appends, "a", "b", "c", body="x" * BATCH_BYTES_MAX))
    assert [write["lab"] for write in sender.writes] == [["a"], ["b"], ["c"]]
    sender.writes.clear()
    rooms = [f"room {number}" for number in range(BATCH_ROOMS_MAX + 1)]
    await asyncio.gather(*(put(appends, "x", room=room)[0] for room in rooms))
    assert [list(write) for write in sender.writes] == [rooms[:-1], rooms[-1:]]


async def test_a_loud_room_lets_the_others_in_between() -> None:
    sender = Sender()
    appends = Appends(sender)
    sender.gate.set()
    loud = put(appends, *(f"{number}" for number in range(3 * BATCH_DRAFTS_MAX)))
    quiet = [put(appends, "x", room=f"room {number}")[0] for number in range(BATCH_ROOMS_MAX + 5)]
    await asyncio.gather(*loud, *quiet)
    assert ["lab" in write for write in sender.writes] == [True, True, True]
    assert sum(len(write) - 1 for write in sender.writes) == len(quiet)
    assert len(sender.writes[1]) > 1


async def test_a_failed_write_fails_all_it_carried_and_nothing_else() -> None:
    sender = Sender()
    appends = Appends(sender)
    sender.fail = 1
    first = put(appends, "0")
    await begun()
    rest = put(appends, "1")
    sender.gate.set()
    assert await outcomes(*first, *rest) == ["LogUnavailable", "1"]


async def test_a_failed_room_fails_alone_and_a_refused_draft_too() -> None:
    sender = Sender()
    sender.bad = {"broken"}
    sender.gate.set()
    appends = Appends(sender)
    drafts = [*put(appends, "a", "b", room="broken"), *put(appends, "1", "no", "2")]
    assert await outcomes(*drafts) == ["LogUnavailable", "LogUnavailable", "1", "LogConflict", "2"]


async def test_a_caller_who_gives_up_stops_nobody() -> None:
    sender = Sender()
    appends = Appends(sender)
    first, second = put(appends, "0", "1")
    await begun()
    first.cancel()
    sender.gate.set()
    assert (await second).message.id == "1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_closing_waits_for_what_was_put() -> None:
    sender = Sender()
    appends = Appends(sender)
    drafts = put(appends, "0", "1")
    asyncio.get_running_loop().call_soon(sender.gate.set)
    await appends.close()
    assert all(draft.done() for draft in drafts)
    await Appends(sender).close()
