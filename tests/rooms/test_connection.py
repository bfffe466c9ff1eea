import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from cadence.rooms.connection import SAYING_MAX, Connection
from cadence.rooms.outbox import HARD_BYTES_MAX, SOFT_BYTES_MAX, encoded
from cadence.rooms.sink import WRITE_BYTES_MAX
from cadence.rooms.wire import Error, Member, Pong, Presence, Typing
from tests.rooms.house import clock, settle
from tests.rooms.mediation import alex
from tests.wires import FakeTransport, FakeWire


class Peer:
    """The socket of a connection; `flowing` is cleared while its buffer is full."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self.one_at_a_time = False
        wire = FakeWire(self.send, FakeTransport(self.frame, lambda: self.code is not None, lambda: None))
        self.flowing = wire.writable
        whole = Presence(room="lab", members=(), member_count=0)
        self.connection = Connection(Member("ann", "Ann", "agent"), clock, wire.shown, lambda room: whole)

    async def send(self, event: Any) -> None:
        await self.flowing.wait()
        if event["type"] == "websocket.close":
            self.code = event["code"]
        else:
            self.frame(event["text"])

    def frame(self, text: str) -> None:
        self.frames.append(json.loads(text))
        if self.one_at_a_time:
            self.flowing.clear()

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Connection]:
        async with asyncio.TaskGroup() as group:
            self.connection.start(group)
            yield self.connection
            self.connection.abandon()


class Quiet:
    """A room with nothing pending."""

    def settle(self, connection: Connection) -> None:
        """Nothing to hand over."""


def text(size: int, ref: str = "") -> Struct:
    return Error(ref=ref, code="unavailable", message="x" * size)


async def test_frames_go_out_without_being_awaited() -> None:
    peer = Peer()
    async with peer.running() as connection:
        connection.reply(Pong(ref="1"))
        connection.deliver(encoded(Pong(ref="2")), "lab")
        await settle()
        assert [frame["ref"] for frame in peer.frames] == ["1", "2"]


async def test_a_megabyte_unsent_closes_with_4008_within_a_second() -> None:
    peer = Peer()
    async with peer.running() as connection:
        await settle()
        peer.flowing.clear()
        for _ in range(20):
            connection.reply(text(HARD_BYTES_MAX // 16))
        assert connection.closing
        await settle(0.5)
        peer.flowing.set()
        await settle()
        assert peer.code == 4008


async def test_ten_seconds_above_the_soft_limit_close_with_4008() -> None:
    peer = Peer()
    async with peer.running() as connection:
        peer.flowing.clear()
        connection.reply(text(SOFT_BYTES_MAX))
        await settle(9.99)
        assert not connection.closing
        await settle(0.02)
        assert connection.closing


async def test_a_reader_that_catches_up_in_time_is_kept() -> None:
    peer = Peer()
    async with peer.running() as connection:
        peer.flowing.clear()
        connection.reply(text(SOFT_BYTES_MAX))
        await settle(9)
        peer.flowing.set()
        await settle()
        peer.flowing.clear()
        connection.reply(text(SOFT_BYTES_MAX))
        await settle(9.9)
        assert not connection.closing
        peer.flowing.set()
        await settle(20)
        assert not connection.closing


async def test_after_shedding_a_whole_presence_and_the_latest_alex_follow() -> None:
    peer = Peer()
    async with peer.running() as connection:
        peer.flowing.clear()
        connection.deliver(encoded(text(SOFT_BYTES_MAX)), "lab")
        for frame in (Presence(room="lab"), Typing(room="lab", participant="u"), alex("lab", 1), alex("lab", 2)):
            connection.deliver(encoded(frame), "lab")
        connection.deliver(encoded(Pong()), "lab")
        peer.flowing.set()
        await settle()
        assert peer.types() == ["error", "pong", "presence", "alex"]
        assert peer.frames[2]["member_count"] == 0
        assert peer.frames[3]["behind"]["messages"] == 2


async def batches(peer: Peer, read: list[int], count: int, size: int) -> AsyncIterator[Sequence[Struct]]:
    for number in range(count):
        read.append(number)
        yield [text(size, ref=f"missed {number}")]


async def test_live_frames_of_a_room_wait_behind_its_feed() -> None:
    peer, read = Peer(), list[int]()
    async with peer.running() as connection:
        connection.hold("lab")
        connection.deliver(encoded(Pong(ref="live")), "lab")
        connection.feed("lab", batches(peer, read, 2, 10))
        connection.deliver(encoded(Pong(ref="other room")), "attic")
        await settle()
        connection.deliver(encoded(Pong(ref="later")), "lab")
        await settle()
        refs = [frame["ref"] for frame in peer.frames]
        assert refs == ["other room", "missed 0", "missed 1", "live", "later"]


async def test_the_log_is_read_only_as_the_socket_drains() -> None:
    peer, read = Peer(), list[int]()
    async with peer.running() as connection:
        peer.flowing.clear()
        connection.hold("lab")
        connection.feed("lab", batches(peer, read, 5, SOFT_BYTES_MAX))
        await settle(30)
        assert read == [0]
        assert not connection.closing
        peer.flowing.set()
        await settle()
        assert read == [0, 1, 2, 3, 4]


async def test_the_next_batch_waits_for_all_of_the_last() -> None:
    peer, read = Peer(), list[int]()

    async def pairs() -> AsyncIterator[Sequence[Struct]]:
        for number in range(3):
            read.append(number)
            yield [text(WRITE_BYTES_MAX), text(WRITE_BYTES_MAX)]

    async with peer.running() as connection:
        peer.flowing.clear()
        connection.feed("lab", pairs())
        await settle()
        peer.one_at_a_time = True
        peer.flowing.set()
        await settle()
        assert (len(peer.frames), read) == (1, [0])
        peer.flowing.set()
        await settle()
        assert (len(peer.frames), read) == (2, [0, 1])


async def test_a_large_batch_is_sent_in_pieces() -> None:
    peer = Peer()

    async def one_batch() -> AsyncIterator[Sequence[Struct]]:
        yield [text(SOFT_BYTES_MAX, ref=str(number)) for number in range(8)]

    async with peer.running() as connection:
        peer.flowing.clear()
        connection.feed("lab", one_batch())
        await settle()
        assert connection._outbox.replay_bytes < 3 * SOFT_BYTES_MAX
        peer.flowing.set()
        await settle()
        assert [frame["ref"] for frame in peer.frames] == [str(number) for number in range(8)]


async def test_a_feed_that_fails_closes_rather_than_leave_a_hole() -> None:
    peer = Peer()

    async def broken() -> AsyncIterator[Sequence[Struct]]:
        yield [Pong(ref="missed")]
        raise OSError("disk")

    async with peer.running() as connection:
        connection.hold("lab")
        connection.deliver(encoded(Pong(ref="live")), "lab")
        connection.feed("lab", broken())
        await settle()
        assert [frame["ref"] for frame in peer.frames] == ["missed"]
        assert peer.code == 1012


async def test_a_connection_that_closes_reads_no_further() -> None:
    peer, read = Peer(), list[int]()
    async with peer.running() as connection:
        peer.flowing.clear()
        connection.feed("lab", batches(peer, read, 5, 10))
        await settle()
        connection.close(1012, "restart")
        await settle(3)
        assert read == [0]


async def test_a_new_feed_replaces_the_old_and_the_room_stays_held() -> None:
    peer, read = Peer(), list[int]()
    async with peer.running() as connection:
        connection.hold("lab")
        peer.flowing.clear()
        connection.feed("lab", batches(peer, read, 3, 10))
        await settle()
        connection.deliver(encoded(Pong(ref="live")), "lab")
        connection.feed("lab", batches(peer, read, 1, 10))
        peer.flowing.set()
        await settle()
        assert [frame["ref"] for frame in peer.frames] == ["missed 0", "missed 0", "live"]


async def test_a_room_that_is_left_is_forgotten_in_the_middle_of_its_feed() -> None:
    peer, read = Peer(), list[int]()
    async with peer.running() as connection:
        connection.rooms["lab"] = Quiet()
        connection.hold("lab")
        connection.deliver(encoded(Pong(ref="live")), "lab")
        peer.flowing.clear()
        connection.feed("lab", batches(peer, read, 3, 10))
        await settle()
        connection.forget("lab")
        peer.flowing.set()
        await settle()
        assert [frame["ref"] for frame in peer.frames] == ["missed 0"]
        assert connection.rooms == {}


async def test_listening_ends_when_the_connection_closes() -> None:
    peer = Peer()
    heard: list[object] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async with peer.running() as connection:
        listener = asyncio.create_task(connection.listen(never))
        listener.add_done_callback(lambda task: heard.append(task.result()))
        await settle()
        connection.close(4000, "enough")
        await settle()
        assert heard == [None]
        assert peer.code == 4000
        assert await connection.listen(never) is None


async def test_a_listener_cancelled_from_outside_stays_cancelled() -> None:
    peer = Peer()
    listener = asyncio.create_task(peer.connection.listen(asyncio.Event().wait))  # type: ignore[arg-type]
    await settle()
    listener.cancel()
    await asyncio.wait([listener])
    assert listener.cancelled()


async def test_a_socket_that_breaks_ends_the_connection_quietly() -> None:
    peer = Peer()

    async def broken(event: Any) -> None:
        raise RuntimeError("socket gone")

    peer.connection = Connection(Member("ann", "Ann", "agent"), clock, broken, lambda room: None)
    async with peer.running() as connection:
        connection.reply(Pong())
        await settle()
        assert connection.closing
        connection.reply(Pong())
        connection.replay(Pong())
        await connection.drained()


async def test_a_speaker_is_paced_by_what_the_log_owes_and_starts_again_at_half() -> None:
    connection = Peer().connection
    for _ in range(SAYING_MAX - 1):
        connection.begin_saying()
    await connection.pace()
    connection.begin_saying()
    pacing = asyncio.ensure_future(connection.pace())
    await settle()
    for _ in range(SAYING_MAX // 2 - 1):
        connection.end_saying()
    await settle()
    assert not pacing.done()
    connection.end_saying()
    await settle()
    assert pacing.done()


async def test_a_reader_that_stops_waiting_for_the_log_is_not_woken_by_it() -> None:
    connection = Peer().connection
    connection.begin_saying()
    waiting = asyncio.ensure_future(connection.calm())
    await settle()
    waiting.cancel()
    connection.end_saying()  # before the one that waited has ended
    await settle()
    assert waiting.cancelled()
    await connection.calm()
