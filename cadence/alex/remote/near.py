"""What a near end needs of the server that it is in, and of its line to a worker."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import msgspec

from cadence.alex.remote.peer import Frame
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.wire import Member

Tell = Callable[[str, str, msgspec.Struct], None]


class Connection(Protocol):
    """A line to a worker."""

    def send(self, frame: Frame) -> None: ...

    def close(self) -> None:
        """End it; the worker ends too."""
        ...

    async def wait_closed(self) -> None:
        """Wait until the worker has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """What the near end needs of the server it is in."""

    store: ReaderStore
    tell: Tell  # a frame, to all connections of a user in a room
    tell_here: Tell  # a message, which every node tells its own connections
    send_away: Callable[[AbstractSet[str]], None]  # asks users to come back in a moment
    may_read: Callable[[str, Member], bool]  # whether somebody could enter a room now
