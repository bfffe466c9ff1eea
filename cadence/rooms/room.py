"""One room: who is in it, who must be told, and in which order.

Pure. The hub tells a room what happened; the room answers what follows. Connections are opaque: a room only
counts them, so that a user with three tabs is one member.

Other nodes may serve the same room: their members are members here, and `elsewhere` to this node's connections.

Messages become durable in the log's order, but the tasks that wait for them may wake in any; `committed`
releases them in order of seq. Presence is gathered: one frame tells of all changes since the last, at most
one a second, and in a crowd so seldom that presence takes no more than `PRESENCE_BYTES_PER_S` of all sockets.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Generic, TypeVar

from msgspec import UNSET

from cadence.rooms.wire import Member, Message, Presence

PRESENCE_INTERVAL_S = 1.0
PRESENCE_BYTES_PER_S = 4 * 1024 * 1024  # of one room, to all its connections together
TYPING_INTERVAL_S = 3.0
MEMBERS_SHOWN_MAX = 500
PRESENCE_CHANGES_MAX = 500  # beyond, the whole list is shorter than the changes

C = TypeVar("C")
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """What a host decides about a room.

    A room that is not `public` is for hosts, for `members` (the personas of its file) and for who is invited.
    What was said more than `keep_days` ago is erased; None keeps it for ever.
    """

    room: str
    title: str
    public: bool = True
    pods: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    keep_days: float | None = None


class Room(Generic[C]):
    """The state of one open room; `C` is a connection."""

    def __init__(self, info: RoomInfo, epoch: str, head: int) -> None:
        self.info = info
        self.epoch = epoch
        self.head = head  # the last seq that was fanned out
        self.invited: Container[str] = ()
        self._user: dict[C, str] = {}
        self._connections: dict[str, dict[C, None]] = {}
        self._members: dict[str, Member] = {}
        self._elsewhere: dict[str, dict[str, Member]] = {}  # by user, then by node
        self._announced: dict[str, Member] = {}
        self._changed: dict[str, None] = {}
        self._presence_due = float("-inf")
        self._waiting: dict[int, Message] = {}
        self._typed_at: dict[str, float] = {}
        self._all: tuple[Member, ...] | None = None  # of `_members`, made when asked for
        self._audience: tuple[AbstractSet[str], list[tuple[C, str]]] | None = None  # who was told last

    def admits(self, member: Member | None) -> bool:
        """Whether `member` (None: a stranger) may know of this room."""
        if self.info.public or member is None:
            return self.info.public
        return member.role == "host" or member.id in self.info.members or member.id in self.invited

    def join(self, connection: C, member: Member) -> bool:
        """`connection` of `member` is here now; False if it was here before."""
        if connection in self._user:
            return False
        self._user[connection] = member.id
        self._audience = None
        self._connections.setdefault(member.id, {})[connection] = None
        if self._members.get(member.id) != member:
            self._members[member.id] = member
            self._changed[member.id] = None
            self._all = None
        return True

    def leave(self, connection: C) -> bool:
        """`connection` is gone; False if it was not here."""
        user = self._user.pop(connection, None)
        if user is None:
            return False
        self._audience = None
        connections = self._connections[user]
        del connections[connection]
        if not connections:
            self._all = None
            del self._connections[user], self._members[user]
            self._changed[user] = None
            self._typed_at.pop(user, None)
        return True

    def hear(self, node: str, joined: Iterable[Member], left: Iterable[str]) -> None:
        """Another node tells who came to it and who left it."""
        self._all = None
        for member in joined:
            self._elsewhere.setdefault(member.id, {})[node] = member
            self._changed[member.id] = None
        for user in left:
            at = self._elsewhere.get(user, {})
            if at.pop(node, None) is not None:
                self._changed[user] = None
            if not at:
                self._elsewhere.pop(user, None)

    def hear_all(self, here: Mapping[str, Iterable[Member]]) -> None:
        """All who are at other nodes now, by node; whoever was and is not named has left."""
        told = {node: tuple(members) for node, members in here.items()}
        kept = {(member.id, node) for node, members in told.items() for member in members}
        gone = [(user, node) for user, at in self._elsewhere.items() for node in at if (user, node) not in kept]
        for user, node in gone:
            self.hear(node, (), (user,))
        for node, members in told.items():
            self.hear(node, members, ())

    def nodes(self, user: str) -> tuple[str, ...]:
        """The other nodes at which `user` is here."""
        return tuple(self._elsewhere.get(user, ()))

    def elsewhere(self) -> AbstractSet[str]:
        """The users who are here at other nodes; it changes with them."""
        return self._elsewhere.keys()

    def here(self) -> tuple[Member, ...]:
        """The members this node has connections of."""
        return tuple(self._members.values())

    def __contains__(self, connection: C) -> bool:
        return connection in self._user

    def is_member(self, user: str) -> bool:
        """Whether any connection of `user` is here, at whatever node."""
        return user in self._members or user in self._elsewhere

    def connections(self, user: str) -> list[C]:
        """The connections of one member."""
        return list(self._connections.get(user, ()))

    def receivers(self, withheld: AbstractSet[str] = _NOBODY) -> list[tuple[C, str]]:
        """Every connection, with its user, but those of the users `withheld`, in the order they came.

        Remembered while nobody comes or goes and the very same set is asked for: of a crowd, few may be left.
        """
        withheld = withheld or _NOBODY
        if self._audience is None or self._audience[0] is not withheld:
            found = [(connection, user) for connection, user in self._user.items() if user not in withheld]
            self._audience = (withheld, found)
        return self._audience[1]

    def member(self, user: str) -> Member | None:
        """Who `user` is, if they are here, at whatever node."""
        return self._members.get(user) or next(iter(self._elsewhere.get(user, {}).values()), None)

    def types(self, user: str, now: float) -> bool:
        """`user` is writing; True if the others should be told, which is at most once in `TYPING_INTERVAL_S`."""
        if now < self._typed_at.get(user, float("-inf")) + TYPING_INTERVAL_S:
            return False
        self._typed_at[user] = now
        return True

    def members(self) -> tuple[Member, ...]:
        """Everybody here, in the order they came; those of other nodes last."""
        if self._all is None:
            others = (next(iter(at.values())) for user, at in self._elsewhere.items() if user not in self._members)
            self._all = (*self._members.values(), *others)
        return self._all

    @property
    def member_count(self) -> int:
        return len(self._members.keys() | self._elsewhere.keys())

    def committed(self, message: Message) -> list[Message]:
        """A message is durable: returns those to be fanned out now, ascending, without a gap."""
        if message.seq > self.head:
            self._waiting[message.seq] = message
        ready = []
        while (following := self._waiting.pop(self.head + 1, None)) is not None:
            self.head += 1
            ready.append(following)
        return ready

    def renew(self, epoch: str, head: int) -> None:
        """Begin anew: the log has another epoch, and ends at `head`."""
        self.epoch, self.head = epoch, head
        self._waiting.clear()

    def scrub(self, seq: int) -> None:
        """A message is gone: if it still waits for others, it will be told without its text."""
        if (waiting := self._waiting.get(seq)) is not None:
            self._waiting[seq] = waiting.erased()

    def gap(self) -> tuple[int, int] | None:
        """The seqs (first, last) that committed messages wait for, or None."""
        return (self.head + 1, min(self._waiting) - 1) if self._waiting else None

    def presence_due(self) -> float | None:
        """When the next presence frame may go out (it may be in the past), or None if nothing changed."""
        return self._presence_due if self._changed else None

    def presence(self, now: float) -> Presence | None:
        """The changes since the last presence frame; None if they cancel out."""
        joined, left = [], []
        for user in self._changed:
            member = self.member(user)
            if member is None and self._announced.pop(user, None) is not None:
                left.append(user)
            elif member is not None and self._announced.get(user) != member:
                self._announced[user] = member
                joined.append(member)
        self._changed.clear()
        if not joined and not left:
            return None
        self._presence_due = now + PRESENCE_INTERVAL_S
        if len(joined) + len(left) > PRESENCE_CHANGES_MAX:
            return self.whole_presence()
        return Presence(room=self.info.room, joined=tuple(joined) or UNSET, left=tuple(left) or UNSET)

    def presence_cost(self, size: int, now: float) -> None:
        """A presence frame of `size` bytes goes to everybody at `now`: the next waits until that is paid for."""
        seconds = size * len(self._user) / PRESENCE_BYTES_PER_S
        self._presence_due = now + max(PRESENCE_INTERVAL_S, seconds)

    def whole_presence(self) -> Presence:
        """Who is here, for those who missed a change."""
        members = self.members()
        return Presence(room=self.info.room, members=members[:MEMBERS_SHOWN_MAX], member_count=len(members))
