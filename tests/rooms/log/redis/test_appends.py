"""Appends: one call at a time, in order, and a failure fails only what it carried."""

from __future__ import annotations

import asyncio

import pytest

from cadence.rooms.log import LogUnavailable
from cadence.rooms.log.redis.appends import BATCH_BYTES_MAX, BATCH_DRAFTS_MAX, Appends, Packed


def packed(number: int, body: str = "x") -> Packed:
    return (f"id-{number}", "mark", 0, body, "ana")


class Sender:
    """Answers each draft with its id, when it is let; notes what came in one call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.gate = asyncio.Event()
        self.fail = 0

    async def __call__(self, batch: list[Packed]) -> list[bytes]:
        self.calls.append([each[0] for each in batch])
        await self.gate.wait()
        if self.fail:
            self.fail -= 1
            raise LogUnavailable("away")
        return [each[0].encode() for each in batch]


async def put(appends: Appends, *drafts: Packed) -> list[asyncio.Task[bytes]]:
    tasks = [asyncio.create_task(appends.put(draft)) for draft in drafts]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_while_a_call_is_under_way_shares_the_next() -> None:
    sender = Sender()
    appends = Appends(sender)
    first = await put(appends, packed(0))
    rest = await put(appends, *(packed(n) for n in range(1, 4)))
    sender.gate.set()
    assert await asyncio.gather(*first, *rest) == [b"id-0", b"id-1", b"id-2", b"id-3"]
    assert sender.calls == [["id-0"], ["id-1", "id-2", "id-3"]]


async def test_a_call_is_bounded_in_drafts_and_in_bytes() -> None:
    sender = Sender()
    appends = Appends(sender)
    sender.gate.set()
    await asyncio.gather(*(appends.put(packed(n)) for n in range(BATCH_DRAFTS_MAX + 1)))
    assert max(map(len, sender.calls)) == BATCH_DRAFTS_MAX
    sender.calls.clear()
    await asyncio.gather(*(appends.put(packed(n, "x" * BATCH_BYTES_MAX)) for n in range(3)))
    assert [len(call) for call in sender.calls] == [1, 1, 1]


async def test_a_failed_call_fails_all_it_carried_and_nothing_else() -> None:
    sender = Sender()
    appends = Appends(sender)
    sender.fail = 1
    tasks = await put(appends, packed(0))
    tasks += await put(appends, packed(1))
    sender.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], LogUnavailable) and outcomes[1] == b"id-1"


async def test_a_caller_who_gives_up_stops_nobody() -> None:
    sender = Sender()
    appends = Appends(sender)
    tasks = await put(appends, packed(0), packed(1))
    tasks[0].cancel()
    sender.gate.set()
    assert await tasks[1] == b"id-1"
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]


async def test_closing_waits_for_what_was_put() -> None:
    sender = Sender()
    appends = Appends(sender)
    tasks = await put(appends, packed(0), packed(1))
    asyncio.get_running_loop().call_soon(sender.gate.set)
    await appends.close()
    assert all(task.done() for task in tasks) or await asyncio.gather(*tasks)
    await Appends(sender).close()
