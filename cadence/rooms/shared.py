"""What a log must do beyond `Log` when several server processes (nodes) share its rooms.

Every room has a feed: one order of all that each node must hear, messages among it, numbered without gaps. A node
follows the feed of each open room; whatever it misses shows as a gap, and then it looks at the room as a whole.
`RedisLog` does this between machines, `MemoryNode` in simulations; both pass one contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from cadence.rooms.log import HostAction, Log
from cadence.rooms.wire import Member, Message

FOLLOW_SECONDS = 2.0  # how long `follow` waits for something to happen
BEAT_SECONDS = 3.0  # between two signs of life of a node


class Erased(Struct, frozen=True):
    """The messages `seqs` were redacted, in one step."""

    seqs: tuple[int, ...]


class Own(Struct, frozen=True):
    """A message that this node said itself, and was told of when it was."""

    seq: int


class Renewed(Struct, frozen=True):
    """The room has a new epoch: what was acknowledged may be lost."""

    epoch: str


class Here(Struct, frozen=True):
    """Who came to `node` and who left it; `all` if nobody else is there."""

    node: str
    joined: tuple[Member, ...] = ()
    left: tuple[str, ...] = ()
    all: bool = False


class Typed(Struct, frozen=True):
    """A member at `node` is writing."""

    node: str
    user: str


class Told(Struct, frozen=True):
    """A frame, as JSON, for every connection of `user` that is not at `node`."""

    node: str
    user: str
    frame: str


class Leased(Struct, frozen=True):
    """`node` mediates `user` from now on; the higher `token` holds."""

    user: str
    node: str
    token: int


class Did(Struct, frozen=True):
    """A `read` frame, as JSON, that a connection of `user` sent to `node`, for whoever mediates that reader."""

    node: str
    user: str
    frame: str


class Parting(Struct, frozen=True):
    """`node` forgets `user`, who will be `alias`: every other node lets them go, says so, and lets them in no more."""

    node: str
    user: str
    alias: str


class Parted(Struct, frozen=True):
    """`user` is at `node` no more, and nothing of them is under way there."""

    node: str
    user: str


Event = Message | Own | HostAction | Erased | Renewed | Here | Typed | Told | Leased | Did | Parting | Parted
Published = Here | Typed | Told | Did | Parting | Parted  # by nodes, beside what is stored


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that every node hears. `n` counts the room's entries, `epoch` is the room's when it was fed."""

    n: int
    epoch: str
    event: Event


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a feed stands: what comes after `cursor` has a number above `n`."""

    cursor: str
    n: int
    epoch: str
    head: int


class Peers(Protocol):
    """How a hub lets the other nodes know. Nothing here waits; what is told to one room keeps its order."""

    def moved(self, room: str, user: str) -> None:
        """A connection of `user` entered `room` or left it."""

    def tell(self, room: str, user: str, frame: Struct) -> None:
        """Send `frame` to the connections `user` has in `room` at other nodes."""

    def typed(self, room: str, user: str) -> None:
        """`user` is writing."""

    async def part(self, user: str, alias: str) -> None:
        """Wait until no other node has anything of `user` under way, who is being forgotten. Raises `LogError`."""


class Shared(Log, Protocol):
    """A log that several nodes use at once; `node` is the name of the one that holds this object.

    `forgotten`: at the last `beat` the others had thought this node dead, and who is there gone.
    """

    node: str
    forgotten: bool

    async def stand(self, room: str) -> Stand:
        """Where the feed of `room` stands now."""

    async def follow(self, room: str, cursor: str) -> tuple[str, list[Entry]]:
        """What was fed after `cursor`, waiting `FOLLOW_SECONDS` for it, and the cursor from which to go on."""

    async def publish(self, room: str, event: Published) -> None:
        """Let every node hear `event`. `Here` is remembered too, until its node dies."""

    async def here(self, room: str) -> dict[str, list[Member]]:
        """Who is in `room` at each node that lives."""

    async def lease(self, room: str, user: str, *, take: bool = True) -> int:
        """Take the lease of a reader: from now on only this node can write for it. Returns its fencing token.

        With `take` false only from a node that is dead: 0 if it is not.
        """

    async def leases(self, room: str) -> Sequence[Leased]:
        """Every lease of `room` as it is now; "" is the node of one that was let go."""

    async def let_go(self, room: str, user: str, token: int) -> None:
        """Let a lease go that bears `token`, so that nobody holds it; does nothing if another was taken since."""

    def fence(self, room: str, user: str, token: int | None) -> None:
        """Write for this reader only while its lease bears `token`; None: without a lease."""

    async def erased(self, room: str, seqs: Sequence[int]) -> None:
        """Another node redacted messages: forget what this one keeps of them beside the log."""

    async def renamed(self, user: str, alias: str) -> None:
        """Another node forgets `user`: let `alias` stand in what this one keeps beside the log."""

    async def beat(self) -> Sequence[str]:
        """Say that this node lives, close what was open at nodes that are dead, and return all that live."""
