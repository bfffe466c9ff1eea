"""Which node mediates which reader: the part that one node knows and decides.

Pure: told what happens, answers what must follow. A reader, (room, user), is mediated by the node that took its
lease last; the store numbers leases, and refuses writes under any number but the last (fencing tokens, see
M. Kleppmann, How to do distributed locking, 2016). So nobody need agree on anything, and a node that sleeps through
the loss of a lease does no harm when it wakes.

    FREE        nobody is connected here
    TAKING      somebody is, and the lease has been asked for
    HELD        this node mediates the reader          -- a later lease is heard, or a write is refused --> FOLLOWING
    FOLLOWING   another node does, and sends what connections here need   -- it dies or lets go --> TAKING
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

Key = tuple[str, str]  # room, user
NOBODY = ""  # the holder of a lease that was let go


@dataclass(frozen=True, slots=True)
class Arrived:
    """A connection of the reader joined here; `wants` if this node shall mediate it, whoever does now."""

    key: Key
    wants: bool = True


@dataclass(frozen=True, slots=True)
class Departed:
    """A connection of the reader left."""

    key: Key


@dataclass(frozen=True, slots=True)
class Asked:
    """A connection of the reader asks something that only who mediates it can answer."""

    key: Key


@dataclass(frozen=True, slots=True)
class Granted:
    """The store has given this node the lease."""

    key: Key
    token: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The store could not be asked for the lease, or for what is needed to mediate the reader."""

    key: Key


@dataclass(frozen=True, slots=True)
class Fenced:
    """The store has refused a write: another node took the lease, of which is yet to be heard."""

    key: Key


@dataclass(frozen=True, slots=True)
class Heard:
    """The feed tells that `node` took the lease, or let it go (`NOBODY`)."""

    key: Key
    node: str
    token: int


@dataclass(frozen=True, slots=True)
class Living:
    """These nodes live, and no others."""

    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Take:
    """Ask the store for the lease; answer with `Granted` or `Refused`."""

    key: Key


@dataclass(frozen=True, slots=True)
class Lose:
    """Stop mediating: another node does."""

    key: Key


@dataclass(frozen=True, slots=True)
class LetGo:
    """Nobody is connected here any more: tell the store, so that a node which follows takes over."""

    key: Key
    token: int


Event = Arrived | Departed | Asked | Granted | Refused | Fenced | Heard | Living
Action = Take | Lose | LetGo


class State(Enum):
    FREE = "free"
    TAKING = "taking"
    HELD = "held"
    FOLLOWING = "following"


@dataclass(slots=True)
class _Reader:
    state: State = State.FREE
    connections: int = 0
    token: int = 0  # of the last lease that was granted here or heard of
    holder: str = NOBODY


@dataclass(slots=True)
class Leases:
    """All readers of one node, `node`."""

    node: str
    _readers: dict[Key, _Reader] = field(default_factory=dict)
    _living: frozenset[str] = frozenset()

    def handle(self, event: Event) -> list[Action]:
        """Take in what happened; returns what must follow, in order."""
        actions = self._handle(event)
        if not isinstance(event, Living) and (reader := self._readers.get(event.key)) is not None:
            if reader.state is State.FREE and not reader.connections:
                del self._readers[event.key]
        return actions

    def _handle(self, event: Event) -> list[Action]:
        match event:
            case Arrived(key, wants):
                reader = self._readers.setdefault(key, _Reader())
                reader.connections += 1
                return self._take(key, reader) if wants or reader.state is State.FREE else []
            case Asked(key):
                reader = self._readers.setdefault(key, _Reader())
                return self._take(key, reader)
            case Departed(key):
                return self._departed(key, self._readers[key])
            case Granted(key, token):
                return self._granted(key, self._readers.setdefault(key, _Reader()), token)
            case Refused(key):
                return self._refused(key)
            case Fenced(key):
                reader = self._readers.setdefault(key, _Reader())
                if reader.state is State.HELD:
                    reader.state = State.FOLLOWING if reader.connections else State.FREE
                return []
            case Heard(key, node, token):
                return self._heard(key, node, token)
            case Living(nodes):
                self._living = nodes
                return [action for key, reader in list(self._readers.items()) for action in self._orphan(key, reader)]

    def state(self, key: Key) -> State:
        """Who mediates the reader, as far as this node knows."""
        reader = self._readers.get(key)
        return State.FREE if reader is None else reader.state

    def holder(self, key: Key) -> str:
        """The node that was last heard to mediate the reader, `NOBODY` if none was."""
        reader = self._readers.get(key)
        return NOBODY if reader is None else reader.holder

    def connections(self, key: Key) -> int:
        """Connections of the reader here."""
        reader = self._readers.get(key)
        return 0 if reader is None else reader.connections

    def elsewhere(self, room: str) -> list[str]:
        """Users of `room` with connections here that this node does not mediate."""
        return [
            user
            for (where, user), reader in self._readers.items()
            if where == room and reader.connections and reader.state is not State.HELD
        ]

    def forget(self, room: str) -> None:
        """The room began anew: nobody is in it."""
        for key in [key for key in self._readers if key[0] == room]:
            del self._readers[key]

    def _take(self, key: Key, reader: _Reader) -> list[Action]:
        if reader.state in (State.HELD, State.TAKING):
            return []
        reader.state = State.TAKING
        return [Take(key)]

    def _granted(self, key: Key, reader: _Reader, token: int) -> list[Action]:
        if token < reader.token:  # somebody took it after us, and we heard of that first
            reader.state = State.FOLLOWING if reader.connections else State.FREE
            return [Lose(key), *self._orphan(key, reader)]
        reader.token, reader.holder, reader.state = token, self.node, State.HELD
        return [] if reader.connections else self._abandoned(key, reader)

    def _refused(self, key: Key) -> list[Action]:
        reader = self._readers.get(key)
        if reader is not None and reader.state in (State.TAKING, State.HELD):
            reader.state = State.FOLLOWING if reader.connections else State.FREE
            if reader.holder == self.node:  # it was given after all, and only the answer was lost
                return self._orphan(key, reader)
        return []

    def _departed(self, key: Key, reader: _Reader) -> list[Action]:
        reader.connections -= 1
        assert reader.connections >= 0, "expected one departure for each arrival"
        if reader.connections:
            return []
        if reader.state is State.HELD:
            return self._abandoned(key, reader)
        if reader.state is State.FOLLOWING:
            reader.state = State.FREE
        return []

    def _abandoned(self, key: Key, reader: _Reader) -> list[Action]:
        reader.state = State.FREE
        return [LetGo(key, reader.token)]

    def _heard(self, key: Key, node: str, token: int) -> list[Action]:
        reader = self._readers.get(key)
        if reader is None or token <= reader.token:
            return []
        reader.token, reader.holder = token, node
        lost: list[Action] = []
        if reader.state is State.HELD:
            reader.state = State.FOLLOWING if reader.connections else State.FREE
            lost = [Lose(key)]
        return lost + self._orphan(key, reader)

    def _orphan(self, key: Key, reader: _Reader) -> list[Action]:
        """A reader that follows nobody must be taken; also one that we hold and never learned that we do."""
        dead = bool(self._living) and reader.holder not in self._living
        if reader.state is State.FOLLOWING and (reader.holder in (NOBODY, self.node) or dead):
            return self._take(key, reader)
        return []
