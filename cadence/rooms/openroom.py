"""A room with its connections: the pure state of `Room`, and the sending that follows from it.

What is told is gathered and leaves with the next turn of the loop, one write for each connection. Where that is so
much work that the loop would do little else (many connections, many messages), a burst waits up to `GATHER_SECONDS`
after the last one ended, so that more share a write; a room at rest is never made to wait.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from itertools import chain

from msgspec import UNSET, Struct, UnsetType

from cadence.counts import HubCounts
from cadence.rooms import Clock
from cadence.rooms.burst import Burst
from cadence.rooms.connection import Connection
from cadence.rooms.limiter import ROOM_MESSAGES_PER_S, ROOM_TYPING_PER_S, Bucket, admit
from cadence.rooms.outbox import Encoded, encoded
from cadence.rooms.room import Room, RoomInfo
from cadence.rooms.standing import Standing
from cadence.rooms.wire import Say, Typing, WireError

Ref = str | UnsetType

NOBODY: frozenset[str] = frozenset()
BUSY_SECONDS = 0.001  # of the loop for one burst: some hundred connections
GATHER_SECONDS = 0.002


class OpenRoom(Room[Connection]):
    """What the hub holds of each room. Nothing here awaits."""

    def __init__(self, info: RoomInfo, epoch: str, head: int, clock: Clock, counts: HubCounts) -> None:
        super().__init__(info, epoch, head)
        self.bucket = Bucket(ROOM_MESSAGES_PER_S)
        self.standing = Standing()
        self._typing = Bucket(ROOM_TYPING_PER_S)
        self.appending = 0  # messages handed to the log and not answered yet
        self.speaking: dict[tuple[str, str], tuple[Connection, Ref]] = {}  # by user and id: who is told `said` first
        self.erasing: dict[int, tuple[Connection | None, str]] = {}  # by seq: who has been told, and who did it
        self.renewing = False  # its epoch is gone, and nobody is let in until it is known what is left
        self._clock = clock
        self._counts = counts
        self._presence_timer: asyncio.TimerHandle | None = None
        self._burst: Burst[Connection] = Burst()
        self._flushing: asyncio.Handle | None = None
        self._free_at = 0.0  # on the loop's clock: a burst before that would be one of too many
        self.said_at: list[float] = []  # of the messages in the burst, by the room's clock

    def fan_out(self, frame: Struct, withheld: AbstractSet[str] = NOBODY, but: Collection[Connection] = ()) -> Encoded:
        """Encode `frame` once and tell it everybody but the users `withheld` and the connections `but`, soon."""
        once = encoded(frame)
        if self._burst.full:
            self.flush()
        for connection in but:
            self.settle(connection)
        self._burst.add(once, withheld)
        for connection in but:
            self._burst.skip(connection)
        self._flush_soon()
        return once

    def answer(self, connection: Connection, frame: Struct) -> None:
        """Tell `connection` alone, in the order of what the room tells it, and with the same write."""
        if connection in self and not connection.holds(self.info.room):
            self._burst.answer(connection, encoded(frame))
            self._flush_soon()
        else:
            connection.reply(frame)

    def _flush_soon(self) -> None:
        if self._flushing is None:
            loop = asyncio.get_running_loop()
            wait = self._free_at - loop.time()
            self._flushing = loop.call_later(wait, self.flush) if wait > 0 else loop.call_soon(self.flush)

    def settle(self, connection: Connection) -> None:
        """Hand over what is pending for `connection` alone, as something for it is about to follow."""
        if self._burst:
            frames = self._burst.take(connection, connection.member.id)
            if frames is not None:
                self._counts.deliveries += len(frames.frames)
                connection.deliver_all(frames, self.info.room)

    def flush(self) -> None:
        """Hand over all that is pending, now: to be called before anybody comes or goes."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        if not self._burst:
            return
        burst, self._burst = self._burst, Burst()
        loop = asyncio.get_running_loop()
        began, told, room = loop.time(), 0, self.info.room
        withheld = burst.withheld
        shared, apart = burst.shared()
        answered = ((one, one.member.id) for one in burst.answered if one.member.id in withheld)
        for connection, user in chain(self.receivers(withheld), answered):
            frames = burst.pending(connection, user) if shared is None or connection in apart else shared
            if frames is not None:
                connection.deliver_all(frames, room)
                told += len(frames.frames)
        self._counts.deliveries += told
        self._counts.bursts += 1
        now = self._clock()
        for said_at in self.said_at:
            self._counts.lag.add(now - said_at)
        self.said_at.clear()
        ended = loop.time()
        if ended - began >= BUSY_SECONDS:
            self._free_at = ended + GATHER_SECONDS

    def gather_presence(self) -> None:
        """Somebody came or went: tell it now, or with all that changes until a second has passed."""
        due = self.presence_due()
        if due is not None and self._presence_timer is None:
            delay = max(0.0, due - self._clock())
            self._presence_timer = asyncio.get_running_loop().call_later(delay, self._send_presence)

    def typing(self, connection: Connection) -> bool:
        """Tell the others that the user of `connection` is writing; too often, too many or muted: nobody, and False."""
        user, now = connection.member.id, self._clock()
        if self.standing.muted_s(user, now) > 0 or not self.types(user, now) or admit([self._typing], now) > 0:
            return False
        self.types_elsewhere(user)
        return True

    def types_elsewhere(self, user: str) -> None:
        """Tell everybody but `user` that `user` is writing."""
        self.fan_out(Typing(room=self.info.room, participant=user), but=self.connections(user))

    def check_out(self, user: str) -> None:
        """Raise `WireError` if `user` was told to leave and not to come back yet."""
        wait = self.standing.out_s(user, self._clock())
        if wait > 0:
            raise WireError("forbidden", f"a host has closed this room to you{_for(wait)}", room=self.info.room)

    def check_muted(self, user: str) -> None:
        """Raise `WireError` if `user` may not speak now."""
        wait = self.standing.muted_s(user, self._clock())
        if wait > 0:
            raise WireError("forbidden", f"a host has muted you here{_for(wait)}", room=self.info.room)

    def renew(self, epoch: str, head: int) -> None:
        super().renew(epoch, head)
        self.speaking.clear()
        self.erasing.clear()

    def close(self) -> None:
        """Hand over what is pending; send no presence any more."""
        self.flush()
        if self._presence_timer is not None:
            self._presence_timer.cancel()
            self._presence_timer = None

    def check(self, request: Say) -> None:
        """Raise `WireError` if this cannot be said here."""
        if not request.text and not request.parts:
            raise WireError("bad_field", "expected a text or parts, got neither", field="text")
        if request.reply_to is not UNSET and not 1 <= request.reply_to <= self.head:
            expected = f"the seq of a message, 1 to {self.head}" if self.head else "no reply, as nothing was said yet"
            raise WireError("not_found", f"expected {expected}; got {request.reply_to}", field="reply_to")
        if request.pod is not UNSET and request.pod not in self.info.pods:
            expected = f"one of {', '.join(self.info.pods)}" if self.info.pods else "no pod, as this room has none"
            raise WireError("not_found", f"expected {expected}; got `{request.pod}`", field="pod")

    def _send_presence(self) -> None:
        self._presence_timer = None
        now = self._clock()
        due = self.presence_due()
        if due is not None and now < due:  # timers may run a hair early
            self.gather_presence()
            return
        frame = self.presence(now)
        if frame is not None:
            self.presence_cost(self.fan_out(frame).size, now)


def _for(wait: float) -> str:
    return "" if math.isinf(wait) else f" for {math.ceil(wait)} s more"
