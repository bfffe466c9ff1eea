"""Who is here, as the near end of a line knows it, and which of what a worker says of them still counts.

A stay begins with a reader's first connection and ends with the last. It also ends when the reader is given away,
because another node mediates them: at once here, at the worker when it hears of it. Until it has answered that it did,
what it tells and writes of this reader is of the stay that is over. The fence of the log would not tell: its token is
the node's, which may have taken the reader back meanwhile.

Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cadence.rooms.wire import Member, Turn

Key = tuple[str, str]  # room, user

_NOBODY: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Stay:
    """One reader in one room, over all their connections.

    `leaving` counts connections that a worker, now gone, knew of; `requests` those under way that may change what the
    reader is sent. `sent` is the number of the last turn that the connections have or are sent soon, `untold` that
    turn while the worker has not said yet that it is to be told.
    """

    connections: int = 0
    leaving: int = 0
    requests: int = 0
    sent: int = 0
    untold: Turn | None = None
    over: bool = False  # given away

    def stored(self, turn: Turn) -> None:
        """A turn is in the log, and will be told; an answer by whoever asked."""
        self.sent = max(self.sent, turn.turn)
        self.untold = turn if turn.mode != "answer" else None


class Attendance:
    """All readers of one worker."""

    def __init__(self) -> None:
        self._stays: dict[str, dict[str, Stay]] = {}  # by room, then by user
        self._members: dict[str, Member] = {}  # who is here
        self._audience: dict[str, frozenset[str]] = {}  # by room, made when asked for
        self._giving: Counter[Key] = Counter()  # given away, and the worker has not answered yet

    def arrive(self, room: str, member: Member) -> Stay:
        """One more connection."""
        stay = self._stays.setdefault(room, {}).setdefault(member.id, Stay())
        stay.connections += 1
        self._members[member.id] = member
        self._audience.pop(room, None)
        return stay

    def stay(self, room: str, user: str) -> Stay | None:
        """The present stay of a reader, None if there is none."""
        return self._stays.get(room, {}).get(user)

    def is_here(self, room: str, user: str) -> bool:
        """Whether the worker knows of a connection of theirs."""
        stay = self.stay(room, user)
        return stay is not None and stay.connections > 0

    def audience(self, room: str) -> frozenset[str]:
        """All readers of a room, those who are leaving too; the same set as long as nobody comes or goes."""
        found = self._audience.get(room)
        if found is None:
            found = self._audience[room] = frozenset(self._stays.get(room, ()))
        return found

    def member(self, user: str) -> Member | None:
        """Somebody who is here."""
        return self._members.get(user)

    def members(self) -> list[str]:
        """Everybody who is here."""
        return list(self._members)

    def forget(self, user: str) -> None:
        """They are not to be told of any more."""
        self._members.pop(user, None)

    def left(self, room: str, user: str) -> bool:
        """A connection is gone that a worker, now gone, knew of; False if there is none."""
        stay = self.stay(room, user)
        if stay is None or not stay.leaving:
            return False
        stay.leaving -= 1
        self._settle(room, user, stay)
        return True

    def leave(self, room: str, user: str) -> bool:
        """A connection of which the worker knows is gone; False if there is none."""
        stay = self.stay(room, user)
        if stay is None or not stay.connections:
            return False
        stay.connections -= 1
        self._settle(room, user, stay)
        return True

    def lost(self) -> set[str]:
        """The worker is gone; returns the users who were here, and are leaving now."""
        users = set[str]()
        for stays in self._stays.values():
            for user, stay in stays.items():
                if stay.connections:
                    users.add(user)
                    stay.leaving, stay.connections, stay.untold = stay.leaving + stay.connections, 0, None
        self._members.clear()
        self._giving = Counter()
        return users

    # Readers who are given away.

    def give(self, room: str, user: str) -> Stay | None:
        """End a stay at once, connections and all; returns it. Call `given` when the worker has answered."""
        stay = self._stays.get(room, {}).pop(user, None)
        if stay is None:
            return None
        stay.over = True
        self._audience.pop(room, None)
        self._forget_if_gone(user)
        return stay

    def giving(self, room: str, user: str) -> Counter[Key]:
        """Until `given` is called with what this returns, nothing that the worker says of this reader counts."""
        self._giving[room, user] += 1
        return self._giving

    def given(self, room: str, user: str, giving: Counter[Key]) -> None:
        """The worker has answered, or is gone."""
        giving[room, user] -= 1
        if not giving[room, user]:
            del giving[room, user]

    def counts(self, room: str, user: str) -> bool:
        """Whether what the worker says of this reader is of no stay that is over."""
        return (room, user) not in self._giving

    def _settle(self, room: str, user: str, stay: Stay) -> None:
        if not stay.connections:
            self._forget_if_gone(user)
        if not stay.connections and not stay.leaving:
            del self._stays[room][user]
            self._audience.pop(room, None)

    def _forget_if_gone(self, user: str) -> None:
        if not any(self.is_here(room, user) for room in self._stays):
            self._members.pop(user, None)
