from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from cadence.alex.background import STORE_RETRY_SECONDS, Background
from cadence.rooms.mediation import StoreUnavailable
from tests.alex.house import wait


async def test_a_failure_is_logged_and_ends_nobody_else() -> None:
    background, done = Background(), list[int]()

    async def fail() -> None:
        raise LookupError("nothing here")

    async def work() -> None:
        await wait(1.0)
        done.append(1)

    with capture_logs() as logged:
        background.spawn(fail())
        background.spawn(work())
        await background.finish(5.0)
    assert done == [1] and [entry["why"] for entry in logged] == ["nothing here"]


async def test_a_write_is_tried_until_the_log_takes_it() -> None:
    background, tries = Background(), list[float]()

    async def write(text: str) -> None:
        tries.append(asyncio.get_running_loop().time())
        if len(tries) < 3:
            raise StoreUnavailable(text)

    await background.durably(lambda: None, write, "full")
    assert [round(at - tries[0], 6) for at in tries] == [0.0, STORE_RETRY_SECONDS, 2 * STORE_RETRY_SECONDS]


async def test_in_the_end_one_refusal_is_enough_and_what_still_runs_is_cancelled() -> None:
    background = Background()

    async def write() -> None:
        raise StoreUnavailable("full")

    background.spawn(wait(1000.0))
    await background.finish(0.5)
    with pytest.raises(StoreUnavailable):
        await background.durably(lambda: None, write)
    background.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not background._tasks
