"""One connection after `welcome`: its rooms, its outbox, its way out.

Fan-out calls `deliver` and `deliver_all` and never waits. Everything that may wait for this peer runs in its own
tasks: the sink's, the reader, and one feed per room that is catching up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import structlog
from msgspec import Struct

from cadence.rooms import Clock
from cadence.rooms.limiter import REQUESTS_PER_S, Bucket, messages_per_s
from cadence.rooms.mediation import StoreUnavailable
from cadence.rooms.outbox import Bundle, Encoded, Outbox, encoded
from cadence.rooms.sink import CLOSE_GRACE_S, AsgiSink, FrameSink, Path, Send, Sink, wire_of
from cadence.rooms.wire import CLOSE_RESTART, CLOSE_TOO_SLOW, Member

REPLAY_BYTES_MAX = 256 * 1024  # replayed bytes queued at once, beyond which the log is not read on
SAYING_MAX = 64  # messages of one connection that wait for the log at once, beyond which it is not read on

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Batches = AsyncIterator[Sequence[Struct]]

log = structlog.get_logger(__name__)


class Entered(Protocol):
    """A room, as a connection sees it."""

    def settle(self, connection: Connection) -> None:
        """Hand over what is pending for `connection`, as something is about to follow it."""


class Connection:
    """A peer that has said hello. `whole_presence` is asked when presence frames had to be shed.

    `path` is how frames leave if the transport can be reached; it never can be where there is no socket.
    """

    __slots__ = (
        "_calm", "_clock", "_drained", "_feeds", "_group", "_listener", "_outbox", "_saying", "_sink", "_slow_timer",
        "_whole_presence", "closing", "member", "messages", "requests", "rooms", "too_slow",
    )  # fmt: skip

    def __init__(
        self,
        member: Member,
        clock: Clock,
        send: Send,
        whole_presence: Callable[[str], Struct | None],
        path: Path = "transport",
    ) -> None:
        self.member = member
        self.rooms: dict[str, Entered] = {}
        self.closing = False
        self.too_slow = False
        self.messages = Bucket(messages_per_s(member.kind))
        self.requests = Bucket(REQUESTS_PER_S)
        self._clock = clock
        self._whole_presence = whole_presence
        self._outbox = Outbox()
        wire = wire_of(send) if path == "transport" else None
        self._sink: Sink = (
            AsgiSink(send, self._outbox.take, self._sent, self._stop)
            if wire is None
            else FrameSink(send, wire, self._outbox.take, self._sent)
        )
        self._group: asyncio.TaskGroup | None = None
        self._feeds: dict[str, asyncio.Task[None]] = {}
        self._listener: asyncio.Task[Any] | None = None
        self._drained: asyncio.Event | None = None  # while a feed waits for it
        self._slow_timer: asyncio.TimerHandle | None = None
        self._saying = 0  # messages of the peer that the log has not answered yet
        self._calm: tuple[int, asyncio.Future[None]] | None = None  # who waits until so few are left

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to send. All tasks of this connection live in `group`."""
        self._group = group
        self._sink.start(group)

    async def listen(self, receive: Receive) -> MutableMapping[str, Any] | None:
        """The next ASGI event, or None once this connection is closing."""
        if self.closing:
            return None
        self._listener = asyncio.current_task()
        try:
            return await receive()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self.closing and task is not None and task.uncancel() == 0:
                return None
            raise
        finally:
            self._listener = None

    def begin_saying(self) -> None:
        """The peer has said something that the log has not answered yet."""
        self._saying += 1

    def end_saying(self) -> None:
        """The log has answered."""
        self._saying -= 1
        if self._calm is not None and self._saying <= self._calm[0] and not self._calm[1].done():
            self._calm[1].set_result(None)

    async def calm(self, saying: int = 0) -> None:
        """Wait until no more than `saying` of what the peer said is unanswered. For its reader alone."""
        if self._saying > saying:
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._calm = (saying, answered)
            try:
                await answered
            finally:
                self._calm = None

    async def pace(self) -> None:
        """Let the peer say no more for now if too much of it is unanswered."""
        if self._saying >= SAYING_MAX:
            await self.calm(SAYING_MAX // 2)

    def deliver(self, frame: Encoded, room: str) -> None:
        """Queue a frame of a room's live stream; never waits. Too slow a connection closes itself."""
        if not self.closing:
            self._settle()
            self._push((frame,), room)

    def deliver_all(self, frames: Bundle, room: str) -> None:
        """Queue frames of a room's live stream, or send them at once if nothing waits before them."""
        if not (self._outbox.calm() and self._sink.offer(frames)) and not self.closing:
            self._push(frames.frames, room)

    def reply(self, frame: Struct) -> None:
        """Queue an answer to this connection alone; what its rooms told before stays before it."""
        self.deliver(encoded(frame), "")

    def replay(self, frame: Struct) -> None:
        """Queue what was read from the log; wait for `drained` before reading more."""
        if not self.closing:
            self._outbox.push_replay(encoded(frame))
            self._sink.wake()

    @property
    def unsent_bytes(self) -> int:
        """Of live and replayed frames that were queued and have not left."""
        return self._outbox.live_bytes + self._outbox.replay_bytes

    async def drained(self) -> None:
        """Wait until all that was replayed has left, or this connection is closing."""
        if self._outbox.replay_bytes > 0 and not self.closing:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    def hold(self, room: str) -> None:
        """Let live frames of `room` wait until a feed has ended, or `release`."""
        self._outbox.hold(room)

    def holds(self, room: str) -> bool:
        """Whether live frames of `room` wait."""
        return self._outbox.holds(room)

    def release(self, room: str) -> None:
        """Let live frames of `room` flow."""
        self._outbox.release(room)
        self._sink.wake()

    def feed(self, room: str, batches: Batches) -> None:
        """Replay `batches` as the socket drains, then release `room`. Replaces a feed still running."""
        assert self._group is not None
        self._stop_feed(room)
        if not self.closing:
            self._feeds[room] = self._group.create_task(self._run_feed(room, batches))

    def forget(self, room: str) -> None:
        """The connection left `room`: nothing more of it is sent."""
        self.rooms.pop(room, None)
        self._stop_feed(room)
        self._outbox.forget(room, self._clock())

    def close(self, code: int, reason: str, grace_s: float = CLOSE_GRACE_S) -> None:
        """Send what is queued for at most `grace_s`, then close. Returns at once; later calls do nothing."""
        if not self.closing:
            self._settle()
        if not self.closing:
            self._stop()
            self._sink.close(code, reason, grace_s)

    def abandon(self) -> None:
        """The peer is gone."""
        self._stop()
        self._sink.abandon()

    def _settle(self) -> None:
        for room in self.rooms.values():
            room.settle(self)

    def _push(self, frames: Iterable[Encoded], room: str) -> None:
        now = self._clock()
        for frame in frames:
            self._outbox.push(frame, now, room)
        self._sink.wake()
        self._watch(now)

    async def _run_feed(self, room: str, batches: Batches) -> None:
        try:
            async with aclosing(batches) as iterator:  # type: ignore[type-var]
                async for batch in iterator:
                    for frame in batch:
                        if self._outbox.replay_bytes > REPLAY_BYTES_MAX:
                            await self.drained()
                        self.replay(frame)
                    await self.drained()
        except StoreUnavailable as error:
            log.warning("backfill failed", room=room, user=self.member.id, error=str(error))
            self.close(CLOSE_RESTART, "the log could not be read: reconnect and resume")
        except Exception:
            # The client was promised what it missed; live frames now would leave a hole it cannot see.
            log.exception("backfill failed", room=room, user=self.member.id)
            self.close(CLOSE_RESTART, "the log could not be read: reconnect and resume")
        else:
            del self._feeds[room]
            self.release(room)

    def _sent(self) -> None:
        now = self._clock()
        self._outbox.sent(now)
        if self._outbox.replay_bytes == 0:
            self._tell_drained()
        owed = self._outbox.owed()
        if owed is None:
            return
        for room in owed.presence:
            whole = self._whole_presence(room)
            if whole is not None:
                self._outbox.push(encoded(whole), now, room)
        for room, frame in owed.alex:
            self._outbox.push(frame, now, room)

    def _watch(self, now: float) -> None:
        if self._outbox.too_slow(now):
            self.too_slow = True
            self.close(CLOSE_TOO_SLOW, "too slow: resume", grace_s=0.0)
            return
        due = self._outbox.deadline()
        if due is not None and self._slow_timer is None:
            self._slow_timer = asyncio.get_running_loop().call_later(max(0.0, due - now), self._look)

    def _look(self) -> None:
        self._slow_timer = None
        if not self.closing:
            self._watch(self._clock())

    def _stop(self) -> None:
        self.closing = True
        self._tell_drained()
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None
        for room in list(self._feeds):
            self._stop_feed(room)
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None

    def _tell_drained(self) -> None:
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    def _stop_feed(self, room: str) -> None:
        feed = self._feeds.pop(room, None)
        if feed is not None:
            feed.cancel()
