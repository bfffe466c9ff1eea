"""A room with its connections: the pure state of `Room`, and the sending that follows from it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Set as AbstractSet

from msgspec import UNSET, Struct, UnsetType

from cadence.counts import HubCounts
from cadence.rooms import Clock
from cadence.rooms.connection import Connection
from cadence.rooms.limiter import ROOM_MESSAGES_PER_S, ROOM_TYPING_PER_S, Bucket, admit
from cadence.rooms.outbox import encoded
from cadence.rooms.room import Room, RoomInfo
from cadence.rooms.standing import Standing
from cadence.rooms.wire import Say, Typing, WireError

Ref = str | UnsetType


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

    def fan_out(self, frame: Struct, withheld: AbstractSet[str] = frozenset(), but: Connection | None = None) -> None:
        """Encode `frame` once and offer it to everybody but the users `withheld` and the connection `but`."""
        once = encoded(frame)
        told = 0
        for connection in self.receivers(withheld):
            if connection is not but:
                connection.deliver(once, self.info.room)
                told += 1
        self._counts.deliveries += told

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
        self.fan_out(Typing(room=self.info.room, participant=user), withheld={user})

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
        """Send no presence any more."""
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
            self.fan_out(frame)


def _for(wait: float) -> str:
    return "" if math.isinf(wait) else f" for {math.ceil(wait)} s more"
