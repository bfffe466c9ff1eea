"""What a hub asks of whoever paces human readers.

`rooms` never knows who that is: the application passes an implementation in. Without one every human
receives the raw stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

import msgspec

from cadence.rooms.wire import After, Member, Message, Read, View, ViewPatch, ViewReply, ViewRequest


@dataclass(frozen=True, slots=True)
class Attached:
    """A reader's return: what `joined` says, and what follows it before the live frames.

    `backfill` yields batches of complete frames in the order of protocol rule 5; the gateway takes the next
    batch only when the socket has drained, and holds the live frames of the room until it ends.
    """

    view: View
    recovered: bool
    backfill: AsyncIterator[Sequence[msgspec.Struct]]


class Mediation(Protocol):
    """One method per thing that happens in a room; `user` is a member's id."""

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        """A connection of a human joined; `head` is the last seq before its live frames. One `detach` each."""

    def detach(self, room: str, user: str) -> None:
        """A connection of a human left or was cut."""

    def posted(self, message: Message) -> AbstractSet[str]:
        """A durable message; returns the humans who must not receive it as `message` now."""

    def redacted(self, room: str, seq: int) -> None:
        """A message is gone: forget its text."""

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        """Answer a `view` frame; raises `WireError`. Pushes the change to the reader's connections itself."""

    def read(self, user: str, request: Read) -> None:
        """The reader has read a turn or a message."""

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        """The reader unfolded these messages."""
