import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cadence.rooms.outbox import Encoded, bundle, text_frame
from cadence.rooms.sink import WRITE_BYTES_MAX, AsgiSink, FrameSink, Path, Sink, wire_of
from tests.rooms.house import settle
from tests.wires import FakeTransport, FakeWire


def frame(text: str) -> Encoded:
    return Encoded(text_frame(text.encode()), len(text))


class Peer:
    """A socket whose buffer can be full, and a queue in front of it."""

    def __init__(self, path: Path = "transport") -> None:
        self.got: list[dict[str, Any]] = []
        self.transport = FakeTransport(self.take, lambda: bool(self.closes()) or self.aborted, self.abort)
        self.wire = FakeWire(self.send, self.transport)
        self.room = self.wire.writable
        self.aborted = self.ended = False
        self.queue: deque[Encoded] = deque()
        self.left = 0
        self.over = asyncio.Event()
        next_one = lambda: self.queue.popleft() if self.queue else None  # noqa: E731
        self.sink: Sink = (
            AsgiSink(self.wire.send, next_one, self.sent, self.end)
            if path == "asgi"
            else FrameSink(self.wire.send, self.wire, next_one, self.sent)
        )

    async def serve(self) -> None:
        """As a connection does: return when the sink has ended."""
        async with asyncio.TaskGroup() as group:
            self.sink.start(group)
            await self.over.wait()

    def close(self, code: int, reason: str, grace_s: float) -> None:
        self.sink.close(code, reason, grace_s)
        self.over.set()

    def abandon(self) -> None:
        self.sink.abandon()
        self.over.set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Sink]:
        async with asyncio.TaskGroup() as group:
            self.sink.start(group)
            yield self.sink
            self.sink.abandon()

    def take(self, text: str) -> None:
        self.got.append({"type": "websocket.send", "text": text})

    def abort(self) -> None:
        self.aborted = True

    def end(self) -> None:
        self.ended = True

    async def send(self, event: Any) -> None:
        await self.room.wait()
        self.got.append(event)

    def sent(self) -> None:
        self.left += 1

    def push(self, text: str) -> None:
        self.queue.append(frame(text))
        self.sink.wake()

    def texts(self) -> list[str]:
        return [event["text"] for event in self.got if event["type"] == "websocket.send"]

    def closes(self) -> list[int]:
        return [event["code"] for event in self.got if event["type"] == "websocket.close"]


def now() -> float:
    return asyncio.get_running_loop().time()


BOTH = pytest.mark.parametrize("path", ["transport", "asgi"])


@BOTH
async def test_what_is_queued_is_sent_in_order_and_then_the_close(path: Path) -> None:
    peer = Peer(path)
    peer.push("a")
    running = asyncio.create_task(peer.serve())
    await asyncio.sleep(0)
    peer.push("b")
    peer.push("c")
    peer.close(1012, "restart", 1.0)
    await running
    assert peer.texts() == ["a", "b", "c"]
    assert peer.closes() == [1012]
    assert peer.left == 3
    assert now() == 0.0


@BOTH
async def test_a_full_buffer_is_given_up_after_the_grace_and_one_second_for_the_close(path: Path) -> None:
    peer = Peer(path)
    running = asyncio.create_task(peer.serve())
    peer.push("a")
    await settle()
    peer.room.clear()
    peer.push("b")
    await settle()
    began = now()
    peer.close(4008, "too slow", 2.0)
    await running
    assert now() == began + 3.0
    assert (peer.texts(), peer.closes()) == (["a"], [])


@BOTH
async def test_a_buffer_that_empties_in_time_gets_the_close(path: Path) -> None:
    peer = Peer(path)
    peer.room.clear()
    peer.push("a")
    running = asyncio.create_task(peer.serve())
    await asyncio.sleep(0)
    peer.close(4008, "too slow", 0.0)
    asyncio.get_running_loop().call_later(0.5, peer.room.set)
    await running
    assert (peer.texts(), peer.closes()) == ([], [4008])


@BOTH
async def test_a_second_close_changes_nothing(path: Path) -> None:
    peer = Peer(path)
    peer.close(4000, "first", 1.0)
    peer.close(1012, "second", 1.0)
    await peer.serve()
    assert peer.closes() == [4000]


@BOTH
async def test_a_peer_that_is_gone_hears_nothing_more(path: Path) -> None:
    peer = Peer(path)
    peer.room.clear()
    peer.push("a")
    running = asyncio.create_task(peer.serve())
    await asyncio.sleep(0)
    peer.abandon()
    await running
    assert peer.got == []
    assert now() < 0.001


@BOTH
async def test_closing_before_it_runs_still_sends_what_is_queued(path: Path) -> None:
    peer = Peer(path)
    peer.push("a")
    peer.close(4003, "no", 1.0)
    await peer.serve()
    assert (peer.texts(), peer.closes()) == (["a"], [4003])


async def test_what_is_pending_is_joined_into_one_write() -> None:
    peer = Peer()
    async with peer.serving():
        for text in "abc":
            peer.push(text)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (peer.texts(), peer.transport.writes, peer.left) == (["a", "b", "c"], 1, 3)


async def test_a_write_is_bounded_and_a_full_transport_gets_no_more() -> None:
    peer = Peer()
    half = "x" * (WRITE_BYTES_MAX // 2)
    async with peer.serving():
        peer.room.clear()
        for _ in range(5):
            peer.push(half)
        await settle(1)
        assert peer.transport.writes == 0
        peer.room.set()
        await settle(1)
        assert (peer.transport.writes, peer.left) == (3, 5)


async def test_an_offer_is_written_at_once_or_refused_whole() -> None:
    peer = Peer()
    two = bundle([frame("a"), frame("b")])
    assert not peer.sink.offer(two), "it has not started"
    async with peer.serving() as sink:
        assert sink.offer(two)
        assert peer.texts() == ["a", "b"]
        peer.room.clear()
        assert not sink.offer(two)
        peer.room.set()
        sink.close(1012, "restart", 1.0)
        assert not sink.offer(two)
    assert peer.texts() == ["a", "b"]


async def test_a_peer_that_does_not_even_take_the_close_is_aborted() -> None:
    peer = Peer()
    peer.room.clear()
    peer.close(4008, "too slow", 0.0)
    await peer.serve()
    assert (peer.aborted, now()) == (True, 1.0)


async def test_what_is_left_unread_a_second_after_the_close_is_dropped() -> None:
    for unsent, aborted in ((0, False), (1, True)):
        peer = Peer()
        peer.transport.unsent = unsent
        peer.close(4008, "too slow", 0.0)
        await peer.serve()
        assert (peer.closes(), peer.aborted) == ([4008], False)
        await settle(1.1)
        assert peer.aborted is aborted


async def test_one_that_waits_for_a_full_transport_ends_when_it_is_closed_or_gone() -> None:
    for end in (lambda sink: sink.close(4008, "too slow", 0.0), lambda sink: sink.abandon()):
        peer = Peer()
        ending: Callable[[Sink], None] = end
        peer.room.clear()
        peer.push("a")
        async with asyncio.TaskGroup() as group:
            peer.sink.start(group)
            peer.sink.wake()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ending(peer.sink)
        assert peer.texts() == []


async def test_the_asgi_way_tells_when_it_has_ended_also_by_a_fault() -> None:
    peer = Peer("asgi")

    async def broken(event: Any) -> None:
        raise OSError("gone")

    peer.wire._send = broken
    peer.push("a")
    peer.over.set()
    await peer.serve()
    assert peer.ended


def test_only_a_known_transport_is_used() -> None:
    async def send(event: Any) -> None: ...

    assert wire_of(send) is None
    assert wire_of(Strange().send) is None


class Strange:
    """Has what we look for by name, but not of the kind."""

    writable = True
    transport = None

    async def send(self, event: Any) -> None: ...
