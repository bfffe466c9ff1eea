"""What one connection has still to be sent, and when it is too slow to be kept.

Pure: `now` is an argument. Bytes are the account, as receivers differ in messages but not in memory:

    live <= 256 KiB            everything is kept
    live >  256 KiB            typing, presence and alex frames are shed; afterwards a whole presence and the
                               latest alex frame are owed
    live >  256 KiB for 10 s   too slow
    live >  1 MiB              too slow

While what a client missed is read from the log, the live frames of that room are held behind it: held frames
count, replayed ones do not (they are read only as fast as the socket drains).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from struct import Struct as Packing
from typing import Literal

from msgspec import Struct

from cadence.rooms.wire import Alex, Presence, Typing, encode

SOFT_BYTES_MAX = 256 * 1024
HARD_BYTES_MAX = 1024 * 1024
SOFT_SECONDS_MAX = 10.0

_FINAL_TEXT = 0x81
_SHORT, _MIDDLE, _LONG = Packing("!BB"), Packing("!BBH"), Packing("!BBQ")

Shed = Literal["", "typing", "presence", "alex"]
_SHED: dict[type[Struct], Shed] = {Typing: "typing", Presence: "presence", Alex: "alex"}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame as it leaves, made once for all who receive it. `shed` names what may be dropped."""

    frame: bytes  # a whole unmasked WebSocket text frame, RFC 6455 section 5.2
    size: int  # bytes of its payload
    shed: Shed = ""

    @property
    def text(self) -> str:
        """The payload."""
        return self.frame[-self.size :].decode() if self.size else ""


@dataclass(frozen=True, slots=True)
class Owed:
    """What to send now that there is room again: whole presences of these rooms, and these frames."""

    presence: tuple[str, ...] = ()
    alex: tuple[tuple[str, Encoded], ...] = ()


@dataclass(slots=True)
class _Debt:
    presence: dict[str, None] = field(default_factory=dict)
    alex: dict[str, Encoded] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Frames of one room that leave together, joined once for all who receive the same."""

    frames: tuple[Encoded, ...]
    joined: bytes


def encoded(frame: Struct) -> Encoded:
    """`frame`, encoded once."""
    data = encode(frame)
    return Encoded(text_frame(data), len(data), _SHED.get(type(frame), ""))


def bundle(frames: Iterable[Encoded]) -> Bundle:
    """`frames`, joined."""
    chosen = tuple(frames)
    return Bundle(chosen, chosen[0].frame if len(chosen) == 1 else b"".join([each.frame for each in chosen]))


def text_frame(payload: bytes) -> bytes:
    """A final, unmasked, uncompressed text frame; uncompressed ones are legal under any extension."""
    size = len(payload)
    if size < 126:
        return _SHORT.pack(_FINAL_TEXT, size) + payload
    if size < 1 << 16:
        return _MIDDLE.pack(_FINAL_TEXT, 126, size) + payload
    return _LONG.pack(_FINAL_TEXT, 127, size) + payload


class Outbox:
    """First in, first out, with a byte account. `push` never refuses: ask `too_slow` afterwards."""

    __slots__ = ("_debt", "_held", "_over_since", "_queue", "_sending", "live_bytes", "replay_bytes")

    def __init__(self) -> None:
        self.live_bytes = 0
        self.replay_bytes = 0
        self._queue: deque[tuple[Encoded, bool]] | None = None  # (frame, live); an empty deque takes 0.6 KiB
        self._sending: tuple[Encoded, bool] | None = None
        self._held: dict[str, deque[Encoded]] | None = None
        self._over_since: float | None = None
        self._debt: _Debt | None = None

    def push(self, frame: Encoded, now: float, room: str = "") -> None:
        """Queue a live frame; one of a room that is held waits there."""
        if frame.shed and self.live_bytes > SOFT_BYTES_MAX:
            self._owe(frame, room)
            return
        if frame.shed == "alex" and self._debt is not None:
            self._debt.alex.pop(room, None)
        held = None if self._held is None else self._held.get(room)
        if held is None:
            self._append(frame, True)
        else:
            held.append(frame)
        self.live_bytes += frame.size
        self._account(now)

    def push_replay(self, frame: Encoded) -> None:
        """Queue a frame that was read from the log because the socket had drained."""
        self._append(frame, False)
        self.replay_bytes += frame.size

    def calm(self) -> bool:
        """Whether a live frame may leave without being queued: nothing waits, is held or owed."""
        return self._queue is None and self._held is None and self._debt is None and self._sending is None

    def take(self) -> Encoded | None:
        """The next frame to send; it counts as unsent until `sent`."""
        assert self._sending is None
        if self._queue is None:
            return None
        self._sending = self._queue.popleft()
        if not self._queue:
            self._queue = None
        return self._sending[0]

    def sent(self, now: float) -> None:
        """The frame taken last has left."""
        assert self._sending is not None
        frame, live = self._sending
        self._sending = None
        if live:
            self.live_bytes -= frame.size
            self._account(now)
        else:
            self.replay_bytes -= frame.size

    def hold(self, room: str) -> None:
        """From now on live frames of `room` wait until `release`."""
        self._held = self._held or {}
        self._held.setdefault(room, deque())

    def holds(self, room: str) -> bool:
        """Whether live frames of `room` wait for `release`."""
        return self._held is not None and room in self._held

    def release(self, room: str) -> None:
        """What `room` missed is queued: its live frames follow."""
        for frame in self._let_go(room):
            self._append(frame, True)

    def forget(self, room: str, now: float) -> None:
        """The connection left `room`: nothing held or owed of it is sent."""
        self.live_bytes -= sum(frame.size for frame in self._let_go(room))
        if self._debt is not None:
            self._debt.presence.pop(room, None)
            self._debt.alex.pop(room, None)
        self._account(now)

    def owed(self) -> Owed | None:
        """What was shed, once there is room for it again (asking clears it); None if nothing."""
        debt = self._debt
        if debt is None or self.live_bytes > SOFT_BYTES_MAX:
            return None
        self._debt = None
        return Owed(tuple(debt.presence), tuple(debt.alex.items())) if debt.presence or debt.alex else None

    def too_slow(self, now: float) -> bool:
        """Whether the connection must be closed."""
        return self.live_bytes > HARD_BYTES_MAX or (
            self._over_since is not None and now >= self._over_since + SOFT_SECONDS_MAX
        )

    def deadline(self) -> float | None:
        """When `too_slow` becomes true if nothing leaves."""
        return None if self._over_since is None else self._over_since + SOFT_SECONDS_MAX

    def _let_go(self, room: str) -> Iterable[Encoded]:
        held = () if self._held is None else self._held.pop(room, ())
        self._held = self._held or None
        return held

    def _append(self, frame: Encoded, live: bool) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append((frame, live))

    def _owe(self, frame: Encoded, room: str) -> None:
        if frame.shed == "typing":
            return
        debt = self._debt = self._debt or _Debt()
        if frame.shed == "presence":
            debt.presence[room] = None
        else:
            debt.alex[room] = frame

    def _account(self, now: float) -> None:
        if self.live_bytes <= SOFT_BYTES_MAX:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now
