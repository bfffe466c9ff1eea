"""The durable log: what was said, what each reader was shown, who is who.

Two implementations pass one contract suite: `SqliteLog` (durable) and `MemoryLog` (for simulations and
tests). Every method is awaited by the hub or the mediator; none returns before what it promises is true:
`append` and `append_turn` return after the commit, never earlier.

    LogError
    ├── LogConflict      the same (user, id) was used for other content
    │   └── LogFenced    another node mediates this reader now (logs that several nodes share)
    ├── LogUnavailable   the store refused (disk full, read-only, locked); nothing was kept; try again
    └── LogNewer         the store was written by a newer Cadence; refuse to open
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cadence.rooms.mediation import ReaderRecord, StoredNode, StoreFenced, StoreUnavailable
from cadence.rooms.query import Term
from cadence.rooms.wire import Author, Kind, Message, Part, Role, Turn

__all__ = [
    "Appended",
    "Draft",
    "HostAction",
    "Log",
    "LogConflict",
    "LogError",
    "LogFenced",
    "LogNewer",
    "LogUnavailable",
    "ReaderRecord",
    "RoomState",
    "SessionRecord",
    "StoredNode",
    "Traces",
]


class LogError(Exception):
    """Base of what a log can raise; the text is one sentence for the operator."""


class LogConflict(LogError):
    """The same (user, id) was said before with other content."""


class LogFenced(LogConflict, StoreFenced):
    """Another node mediates this reader now: what this one still wanted to write is refused."""


class LogUnavailable(LogError, StoreUnavailable):
    """The store could not commit; nothing of the request was kept."""


class LogNewer(LogError):
    """The store's schema is newer than this program."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has a seq. `id` is the sender's own; (author.id, id) makes saying idempotent."""

    room: str
    author: Author
    id: str
    at: float  # seconds since the epoch
    text: str
    parts: tuple[Part, ...] = ()
    reply_to: int | None = None
    pod: str | None = None
    spoken: bool = False
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """A durable message; `duplicate` if the same draft had been said before (then it is that message)."""

    message: Message
    duplicate: bool


@dataclass(frozen=True, slots=True)
class RoomState:
    epoch: str
    head: int  # last seq, 0 when empty


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session as stored; the key is a sha256 of the secret the client holds."""

    key: str
    user: str
    name: str
    kind: Kind
    role: Role
    closed_at: float | None = None  # None while connected


@dataclass(frozen=True, slots=True)
class Traces:
    """Where somebody stands in a log: how many of each."""

    messages: int = 0  # that they said
    mentions: int = 0  # messages of others that the server marked as naming them
    turns: int = 0  # that were made for them
    cited: int = 0  # turns and views of others in which they stand
    readers: int = 0  # rooms that they read
    sessions: int = 0
    actions: int = 0  # lines of the audit log

    def __add__(self, other: Traces) -> Traces:
        return Traces(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


Deed = Literal["mute", "kick", "ban", "redact", "view", "room", "invite", "dismiss", "token", "revoke", "forget"]


@dataclass(frozen=True, slots=True)
class HostAction:
    """What a host did, to somebody or to a room: a line of the audit log. `room` is "" where it concerns the server.

    The last mute, kick or ban of a user in a room is also what holds. `until` is when it ends: seconds since the
    epoch, None for never. `note` is for people.
    """

    at: float
    by: str
    what: Deed
    room: str
    whom: str
    until: float | None = None
    note: str = ""


class Log(Protocol):
    """See the module's text. `room` must have been opened with `open_room` first."""

    async def open_room(self, room: str) -> RoomState:
        """Make or find the room's log; its epoch is random, made once and stored."""

    async def newest(self) -> float:
        """The newest time that is known here: no clock may go back behind it. 0.0 if there is none."""

    def append(self, draft: Draft) -> Awaitable[Appended]:
        """Commit `draft` under the room's next seq. Drafts get seqs in the order of the calls, awaited or not.

        Does not raise before it is awaited.
        """

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]:
        """Messages ascending: the first `limit` above `after`, or the last `limit` below `before` (or of all)."""

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]:
        """Those of `seqs` that exist, ascending."""

    async def redact(self, room: str, seq: int) -> bool:
        """Erase a message's text and parts, and every stored segment that cites it. False if it was erased before."""

    async def erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        """`redact` several messages in one step; returns those that were not erased before, ascending."""

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]:
        """Redacted seqs in after < seq <= to, ascending."""

    async def search(self, room: str, terms: Sequence[Term], *, user: str | None = None, limit: int) -> list[Message]:
        """The newest `limit` messages that hold all `terms`, in text or parts, by `user` if given; ascending."""

    def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> Awaitable[None]:
        """Commit a turn and move the reader's `turn` and, if it covers, `covered_to`; with it `carried`, if given."""

    async def turns(
        self, room: str, user: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Turn]:
        """Stored turns ascending, chosen as in `messages`."""

    async def turns_at(self, room: str, user: str, turns: Sequence[int]) -> list[Turn]:
        """Those of the numbered turns that exist, ascending."""

    async def reader(self, room: str, user: str) -> ReaderRecord | None:
        """What is stored of a reader, or None."""

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        """Replace what is stored of a reader."""

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        """Remember that first..last were sent raw (a closed range; empty ranges are not stored)."""

    async def raw_ranges(self, room: str, user: str, after: int) -> list[tuple[int, int]]:
        """Closed raw ranges that reach above `after`, ascending."""

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        """Remember human speech that joined this reader's digest instead of being sent at once."""

    async def postponed(self, room: str, user: str, after: int) -> list[int]:
        """The seqs given to `add_postponed` above `after`, ascending."""

    async def save_nodes(self, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None:
        """Insert or replace nodes and forget those named in `dropped`, in one step.

        A node that knows of fewer redactions than there are among its messages is not kept: its text is older.
        """

    async def nodes(self, room: str) -> list[StoredNode]:
        """All nodes of a room, by first seq. A redaction takes away every node whose messages it was among."""

    async def save_session(self, record: SessionRecord) -> None:
        """Insert or replace a session."""

    async def session(self, key: str) -> SessionRecord | None:
        """The session under this key, or None."""

    async def sessions_open_since(self, closed_after: float) -> list[SessionRecord]:
        """Sessions that are connected or were closed after this time: their names are still taken."""

    async def record(self, action: HostAction) -> None:
        """Add a line to the audit log."""

    async def host_actions(self, room: str, *, before: int | None = None, limit: int) -> list[tuple[int, HostAction]]:
        """Lines of a room's audit log ascending, with their numbers: the last `limit` below `before` (or of all)."""

    async def sanctions(self, room: str, now: float) -> list[HostAction]:
        """The mutes, kicks and bans that hold in `room` at `now`."""

    async def keep(self, kind: str, name: str, body: bytes | None) -> None:
        """Insert or replace a small record of the server's own; None drops it."""

    async def kept(self, kind: str) -> dict[str, bytes]:
        """All records of a kind by their names, in the order of the names."""

    async def said_by(self, user: str, limit: int) -> list[tuple[str, int]]:
        """(room, seq) of messages by `user` that are not erased, of all rooms there ever were; at most `limit`."""

    async def traces(self, user: str) -> Traces:
        """Where `user` stands in all that is kept, but in texts. Reads everything, a piece at a time."""

    async def forget(self, user: str, alias: str) -> Traces:
        """Let `alias` stand wherever `user` stands now, and drop what was kept for them alone: turns, views, sessions.

        Their messages must have been erased. Works a piece at a time: after an interruption call it again.
        """

    async def knows(self, room: str, user: str) -> bool:
        """Whether `user` ever spoke in `room` or read it."""

    async def close(self) -> None:
        """Commit what is pending and release the store."""
