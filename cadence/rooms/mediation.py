"""The seam between the rooms and whoever paces their human readers.

`Mediation` is what a hub asks of it, `ReaderStore` what it may ask of the log. `rooms` never knows who it
is: the application passes an implementation in. Without one every human receives the raw stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from cadence.rooms.wire import After, Ask, Member, Message, Read, Turn, View, ViewPatch, ViewReply, ViewRequest


@dataclass(frozen=True, slots=True)
class Attached:
    """A reader's return: what `joined` says, and what follows it before the live frames.

    `backfill` yields batches of complete frames in the order of protocol rule 5; the gateway takes the next
    batch only when the socket has drained, and holds the live frames of the room until it ends.
    """

    view: View
    recovered: bool
    backfill: AsyncIterator[Sequence[msgspec.Struct]]


@dataclass(frozen=True, slots=True)
class Balance:
    """What a reader could still be shown at a moment, in words; the turns up to number `turn` are paid for."""

    words: float
    at: float  # seconds since the epoch
    turn: int


@dataclass(frozen=True, slots=True)
class ReaderRecord:
    """What survives of one reader of one room between connections and restarts.

    `covered_to` is the last seq that a turn or a closed raw range covers; `raw_from` is the first seq of the
    open raw range while the stored mode is raw. `closed_at` is when the last connection closed: seconds since
    the epoch, None while connected (a log opened after a crash sets it to the time of opening). `balance` is as of when
    the record was last saved: the view of `patch` has been in force since then.
    """

    patch: ViewPatch = field(default_factory=ViewPatch)  # what was set for this reader, over the room's defaults
    locked: tuple[str, ...] = ()
    set_by: str = ""
    turn: int = 0  # number of the last turn
    run_from: int = 0  # first seq of the present run, 0 before the first
    covered_to: int = 0
    raw_from: int | None = None
    closed_at: float | None = None
    read_to: int = 0  # the highest seq that the reader told to have read, or that a turn so told covers
    carried: bytes = b""  # the mediator's own, handed from one to the next; the log never looks into it
    balance: Balance | None = None


@dataclass(frozen=True, slots=True)
class StoredNode:
    """What a mediator keeps of the messages first..last of a room; the log never looks into `body`.

    `name` is the mediator's own; `gone` how many of the messages were redacted when it was made.
    """

    name: str
    first: int
    last: int
    gone: int
    body: bytes


class StoreUnavailable(Exception):
    """The log could not commit; nothing of the request was kept, and it may be tried again."""


class StoreFenced(Exception):
    """Another node mediates this reader now; nothing was kept, and nothing need be."""


class ReaderStore(Protocol):
    """The part of the log that a mediator reads and writes; `cadence.rooms.log.Log` tells what each does."""

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]: ...

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]: ...

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]: ...

    def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> Awaitable[None]: ...

    async def turns(
        self, room: str, user: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Turn]: ...

    async def reader(self, room: str, user: str) -> ReaderRecord | None: ...

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None: ...

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None: ...

    async def raw_ranges(self, room: str, user: str, after: int) -> list[tuple[int, int]]: ...

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None: ...

    async def postponed(self, room: str, user: str, after: int) -> list[int]: ...

    async def save_nodes(self, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None: ...

    async def nodes(self, room: str) -> list[StoredNode]: ...


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

    def allowed(self, user: str) -> None:
        """Which rooms `user` may read has changed."""

    async def forget_reader(self, user: str) -> None:
        """`user`, who has no connection any more, is forgotten: nothing of theirs is stored after this returns."""

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        """Answer a `view` frame; raises `WireError`. The hub pushes the answer to the reader's connections."""

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        """Answer an `ask` frame with one turn; raises `WireError`. `deliver` sends the turn, when it is durable."""

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        """Why a turn of `user` is as it is, as JSON for HTTP; raises `WireError`."""

    def read(self, user: str, request: Read) -> None:
        """The reader has read a turn or a message."""

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        """The reader unfolded these messages."""
