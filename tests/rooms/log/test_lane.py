from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cadence.rooms.log import LogUnavailable
from cadence.rooms.log.lane import REQUESTS_MAX, Lane, Outcome, answer_each

pytestmark = pytest.mark.real_time

Works = Sequence[Callable[[sqlite3.Connection], Any]]


class Batches:
    """A `run` that notes how many pieces of work each batch had."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, connection: sqlite3.Connection, works: Works) -> list[Outcome]:
        self.sizes.append(len(works))
        return answer_each(connection, works)


def lane(run: Callable[[sqlite3.Connection, Works], list[Outcome]] = answer_each, batch_max: int = 8) -> Lane[Any]:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    return Lane("test", connection, run, batch_max)


def give(value: int) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: value


def noting(done: list[int], value: int) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: done.append(value)


async def shut(under: Lane[Any]) -> tuple[threading.Event, asyncio.Future[Any]]:
    """Keep the thread busy until the event is set."""
    busy, gate = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        busy.set()
        gate.wait()

    call = asyncio.ensure_future(under.call(hold))
    await asyncio.sleep(0)
    await asyncio.to_thread(busy.wait)  # else what follows might share the first batch
    return gate, call


async def test_work_runs_in_the_thread_and_its_value_comes_back() -> None:
    under = lane()
    assert await under.call(lambda connection: threading.current_thread().name) == "test"
    assert await under.call(lambda connection: connection.execute("SELECT 6 * 7").fetchone()) == (42,)
    await under.close()


async def test_what_work_raises_is_raised_to_its_caller_alone() -> None:
    under = lane()

    def fail(connection: sqlite3.Connection) -> None:
        raise KeyError("mine")

    results = await asyncio.gather(under.call(fail), under.call(lambda connection: 1), return_exceptions=True)
    assert isinstance(results[0], KeyError) and results[1] == 1
    await under.close()


async def test_an_error_of_the_store_is_told_as_unavailable() -> None:
    under = lane()
    with pytest.raises(LogUnavailable, match="no such table: absent"):
        await under.call(lambda connection: connection.execute("SELECT * FROM absent"))
    await under.close()


async def test_what_waits_is_taken_together_up_to_the_bound_and_answered_in_order() -> None:
    batches = Batches()
    under = lane(batches, batch_max=8)
    gate, first = await shut(under)
    order: list[int] = []
    calls = []
    for number in range(20):
        call = asyncio.ensure_future(under.call(give(number)))
        call.add_done_callback(lambda done: order.append(done.result()))
        calls.append(call)
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *calls)
    assert batches.sizes == [1, 8, 8, 4]
    assert order == list(range(20))
    await under.close()


async def test_callers_beyond_the_places_wait_their_turn_and_the_queue_stays_bounded() -> None:
    done: list[int] = []
    under = lane(batch_max=64)
    gate, first = await shut(under)
    calls = [asyncio.ensure_future(under.call(noting(done, number))) for number in range(REQUESTS_MAX + 100)]
    await asyncio.sleep(0)
    assert under._queue.qsize() == REQUESTS_MAX - 1  # the place of the first is not free until it is answered
    gate.set()
    late = asyncio.ensure_future(under.call(noting(done, -1)))
    await asyncio.gather(first, *calls, late)
    assert done == [*range(REQUESTS_MAX + 100), -1]
    await under.close()


async def test_a_caller_cancelled_in_the_crowd_gives_its_place_to_the_next() -> None:
    done: list[int] = []
    under = lane()
    gate, first = await shut(under)
    calls = [asyncio.ensure_future(under.call(noting(done, number))) for number in range(REQUESTS_MAX + 2)]
    await asyncio.sleep(0)
    calls[3].cancel()  # handed over: it will be done, and nobody told
    calls[REQUESTS_MAX].cancel()  # still waiting for a place: it must never be done
    gate.set()
    await asyncio.wait([first, *calls])
    assert calls[3].cancelled() and 3 in done
    assert REQUESTS_MAX not in done and REQUESTS_MAX + 1 in done
    await under.close()


async def test_closing_answers_everyone_who_came_before_and_refuses_the_rest() -> None:
    under = lane()
    gate, first = await shut(under)
    calls = [asyncio.ensure_future(under.call(give(number))) for number in range(REQUESTS_MAX + 50)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(under.close())
    await asyncio.sleep(0)
    with pytest.raises(LogUnavailable, match="closed"):
        await under.call(lambda connection: None)
    gate.set()
    assert await asyncio.gather(*calls) == list(range(REQUESTS_MAX + 50))
    await asyncio.gather(closing, first, under.close())
    assert not under._thread.is_alive()


async def test_a_cancelled_close_can_be_awaited_again() -> None:
    under = lane()
    gate, first = await shut(under)
    closing = asyncio.ensure_future(under.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    gate.set()
    await under.close()
    assert first.done() and not under._thread.is_alive()


async def test_a_fault_in_running_a_batch_is_told_to_all_and_the_thread_lives_on() -> None:
    faults = [RuntimeError("ours")]

    def run(connection: sqlite3.Connection, works: Works) -> list[Outcome]:
        if faults:
            raise faults.pop()
        return answer_each(connection, works)

    under = lane(run)
    with pytest.raises(RuntimeError, match="ours"):
        await under.call(lambda connection: 1)
    assert await under.call(lambda connection: 2) == 2
    await under.close()


def test_a_loop_that_is_gone_does_not_hurt_the_thread() -> None:
    async def leave() -> tuple[Lane[Any], threading.Event]:
        under = lane()
        gate, _ = await shut(under)
        return under, gate

    under, gate = asyncio.run(leave())
    gate.set()  # now the thread has an answer for a loop that was closed
    under._queue.put(None)
    under._thread.join()
    assert not under._thread.is_alive()
