"""Which rooms of a server hear each other, and which of them a reader may hear.

A reader hears the rooms of the universe that they may read (protocol rule 10) and are not in themselves: who is in
two rooms reads each where it is.

No loop and no clock of its own. Readers and rooms are looked at, not changed, but for what the rooms overhear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cadence.alex.listening import Place
from cadence.alex.reader import MediatedRoom, Reader
from cadence.alex.transcript import Entry
from cadence.lod.scopes import Floor, Tree
from cadence.rooms.wire import Member

STIR_SECONDS = 1.0  # sleepers of a room are woken at most once in this time; no cadence is shorter


class Neighbourhood:
    """The rooms of one server in their scopes."""

    def __init__(self, may_read: Callable[[str, Member], bool]) -> None:
        self._may_read = may_read
        self._tree = Tree()
        self._rooms: dict[str, MediatedRoom] = {}
        # Found when first asked for after a change, so that a place of a thousand rooms opens in no time.
        self._heard: dict[str, tuple[tuple[MediatedRoom, float], ...]] = {}  # by the room that hears
        self._hearing: dict[str, list[MediatedRoom]] = {}  # by the room that is heard

    def put(self, room: MediatedRoom, scope: str, public: bool, floor: Floor) -> list[Reader]:
        """A room lies in `scope` and has this floor from here on. Returns those whose hearing may have changed."""
        known = self._rooms.get(room.room) is room
        self._rooms[room.room] = room
        moved = self._tree.put(room.room, scope)
        if known and not moved and (room.public, room.floor) == (public, floor):
            return []
        room.public, room.in_universe, room.floor = public, bool(scope), floor
        self._heard, self._hearing = {}, {}
        return [reader for one in self._rooms.values() for reader in one.readers.values()]

    def places(self, reader: Reader) -> Mapping[str, Place]:
        """The rooms that `reader` hears now, nearest first."""
        return {
            room.room: Place(room.ambience, steps)
            for room, steps in self._heard_by(reader.room)
            if self._allows(reader, room) and not _is_in(reader, room)
        }

    def moved(self, room: str, user: str) -> list[Reader]:
        """`user` has come into `room` or left it: their other readers, who hear it no longer, or again."""
        return [other.readers[user] for other in self._listeners(self._rooms[room]) if user in other.readers]

    def said(self, room: MediatedRoom, entry: Entry, now: float) -> list[Reader]:
        """A message was posted; returns the sleeping readers of other rooms who shall look."""
        hearing = self._listeners(room)
        if not hearing:
            return []
        room.ambience.add(entry, now)
        due = [other for other in hearing if other.readers and now >= other.stirred_at + STIR_SECONDS]
        for other in due:
            other.stirred_at = now
        return [reader for other in due for reader in other.readers.values() if reader.asleep]

    def redacted(self, room: MediatedRoom, seq: int) -> list[Reader]:
        """A message is gone; returns the readers of other rooms who may have overheard it."""
        room.ambience.redact(seq)
        for other in self._listeners(room):
            other.redacted_elsewhere.append((room.room, seq))
        return [
            reader for other in self._listeners(room) for reader in other.readers.values() if self._allows(reader, room)
        ]

    def _allows(self, reader: Reader, room: MediatedRoom) -> bool:
        """Whether `reader` could enter `room`."""
        return room.public or self._may_read(room.room, reader.member)

    def _heard_by(self, room: MediatedRoom) -> tuple[tuple[MediatedRoom, float], ...]:
        """The rooms in hearing of `room` with their steps."""
        if room.room not in self._heard:
            around = self._tree.around(room.room) if room.in_universe else []
            self._heard[room.room] = tuple((self._rooms[other], steps) for other, steps in around)
        return self._heard[room.room]

    def _listeners(self, room: MediatedRoom) -> list[MediatedRoom]:
        """The rooms that have `room` in hearing."""
        if not room.in_universe:
            return []
        if not self._hearing:
            self._hearing = {name: [] for name in self._rooms}
            for one in self._rooms.values():
                for other, _ in self._heard_by(one):
                    self._hearing[other.room].append(one)
        return self._hearing[room.room]


def members_only(room: str, member: Member) -> bool:
    """Who may read a private room where nobody knows better: all but guests."""
    return member.role != "guest"


def _is_in(reader: Reader, room: MediatedRoom) -> bool:
    there = room.readers.get(reader.user)
    return there is not None and there.connections > 0
