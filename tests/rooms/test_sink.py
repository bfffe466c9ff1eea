import asyncio
from collections import deque
from typing import Any

from cadence.rooms.outbox import Encoded
from cadence.rooms.sink import AsgiSink


class Peer:
    """A socket whose buffer can be full, and a queue in front of it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.room = asyncio.Event()
        self.room.set()
        self.queue: deque[Encoded] = deque()
        self.left = 0
        self.sink = AsgiSink(self.send, lambda: self.queue.popleft() if self.queue else None, self.sent)

    async def send(self, event: Any) -> None:
        await self.room.wait()
        self.got.append(event)

    def sent(self) -> None:
        self.left += 1

    def push(self, text: str) -> None:
        self.queue.append(Encoded(text, len(text)))
        self.sink.wake()

    def texts(self) -> list[str]:
        return [event["text"] for event in self.got if event["type"] == "websocket.send"]

    def closes(self) -> list[int]:
        return [event["code"] for event in self.got if event["type"] == "websocket.close"]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_queued_is_sent_in_order_and_then_the_close() -> None:
    peer = Peer()
    peer.push("a")
    running = asyncio.create_task(peer.sink.run())
    await asyncio.sleep(0)
    peer.push("b")
    peer.push("c")
    peer.sink.close(1012, "restart", 1.0)
    await running
    assert peer.texts() == ["a", "b", "c"]
    assert peer.closes() == [1012]
    assert peer.left == 3
    assert now() == 0.0


async def test_a_full_buffer_is_given_up_after_the_grace_and_one_second_for_the_close() -> None:
    peer = Peer()
    running = asyncio.create_task(peer.sink.run())
    peer.push("a")
    await asyncio.sleep(0)
    peer.room.clear()
    peer.push("b")
    await asyncio.sleep(0)
    peer.sink.close(4008, "too slow", 2.0)
    await running
    assert now() == 3.0
    assert (peer.texts(), peer.closes()) == (["a"], [])


async def test_a_buffer_that_empties_in_time_gets_the_close() -> None:
    peer = Peer()
    peer.room.clear()
    peer.push("a")
    running = asyncio.create_task(peer.sink.run())
    await asyncio.sleep(0)
    peer.sink.close(4008, "too slow", 0.0)
    asyncio.get_running_loop().call_later(0.5, peer.room.set)
    await running
    assert (peer.texts(), peer.closes()) == ([], [4008])


async def test_a_second_close_changes_nothing() -> None:
    peer = Peer()
    peer.sink.close(4000, "first", 1.0)
    peer.sink.close(1012, "second", 1.0)
    await peer.sink.run()
    assert peer.closes() == [4000]


async def test_a_peer_that_is_gone_hears_nothing_more() -> None:
    peer = Peer()
    peer.room.clear()
    peer.push("a")
    running = asyncio.create_task(peer.sink.run())
    await asyncio.sleep(0)
    peer.sink.abandon()
    await running
    assert peer.got == []
    assert now() < 0.001


async def test_closing_before_it_runs_still_sends_what_is_queued() -> None:
    peer = Peer()
    peer.push("a")
    peer.sink.close(4003, "no", 1.0)
    await peer.sink.run()
    assert (peer.texts(), peer.closes()) == (["a"], [4003])
