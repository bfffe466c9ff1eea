"""What can happen to a terminal, and what it can ask for.

Pure: data only.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from cadence.rooms.wire import ServerFrame
from cadence.terminal.text import Line


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection that was asked for is there."""


@dataclass(frozen=True, slots=True)
class Received:
    """A frame came."""

    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended, or could not be opened."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A line was entered."""

    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event = Opened | Received | Lost | Typed | Tick


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a connection in so many seconds."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Send:
    frame: Struct


@dataclass(frozen=True, slots=True)
class Show:
    line: Line


@dataclass(frozen=True, slots=True)
class Status:
    """What stands below from now on; `state` is the part of it that is news where nothing can stand below."""

    text: str
    state: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """Close the connection; `Lost` follows."""


@dataclass(frozen=True, slots=True)
class Quit:
    """It is over, with this exit code."""

    code: int


Action = Dial | Send | Show | Status | Hangup | Quit
