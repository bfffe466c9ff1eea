"""What one node knows of readers whom it follows, as another mediates them: how they read, and what their pages lack.

Pure: told what happens; it answers whether the pages here lack something that they get only by coming back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from cadence.rooms.leases import Key
from cadence.rooms.wire import Message, Turn, ViewReply


@dataclass(slots=True)
class _Followed:
    raw: bool = False  # goes on by what was known when the reader was lost, until another view is told
    turn: int | None = None  # the last that pages here were sent, if it is known
    kept_back: int = 0  # the last message of an AI that no turn has covered, 0 if there is none


@dataclass(slots=True)
class Following:
    """All readers with connections at one node, by (room, user)."""

    _readers: dict[Key, _Followed] = field(default_factory=dict)

    def reads(self, key: Key, *, raw: bool) -> None:
        """From here on this reader reads raw, or not."""
        self._of(key).raw = raw

    def lost(self, key: Key, turn: int) -> None:
        """Another node mediates this reader; pages here were sent the turns up to this number."""
        self._of(key).turn = turn

    def keeps_back(self, key: Key, message: Message) -> bool:
        """Whether a message is not for the pages of a reader who is followed: what an AI says, unless they read raw."""
        followed = self._of(key)
        if message.from_.kind == "human" or followed.raw:
            return False
        followed.kept_back = message.seq
        return True

    def told(self, key: Key, frame: Struct) -> bool:
        """Another node has sent this reader a frame; whether pages here lack what came before it."""
        followed = self._of(key)
        if isinstance(frame, ViewReply) and frame.participant == key[1]:
            followed.raw = frame.view.mode == "raw"
            return followed.raw and followed.kept_back > 0  # raw began before a message that was kept back
        if not isinstance(frame, Turn):
            return False
        if frame.covers is not None and frame.covers.to >= followed.kept_back:
            followed.kept_back = 0
        if followed.turn is None:
            return False
        missed = frame.turn > followed.turn + 1
        followed.turn = max(followed.turn, frame.turn)
        return missed

    def taken(self, key: Key, stored: int, raw_from: int | None) -> tuple[int, bool]:
        """This node mediates the reader now, whose last turn in the log is `stored`; `raw_from` is where raw began.

        Returns the last turn that pages here were sent, and whether they lack what was said since raw began.
        """
        followed = self._of(key)
        turn = stored if followed.turn is None else followed.turn
        lacks = raw_from is not None and followed.kept_back >= raw_from
        self._readers[key] = _Followed(raw=raw_from is not None)
        return turn, lacks

    def lacks_turns(self, key: Key, stored: int) -> bool:
        """Whether the log, up to this turn, has some that pages here were not sent."""
        return stored > (self._readers.get(key, _Followed()).turn or 0)

    def mistakes_mode(self, key: Key, raw_from: int | None) -> bool:
        """Whether the log, where raw begins at `raw_from`, knows the reader to read otherwise."""
        return (raw_from is not None) != self._readers.get(key, _Followed()).raw

    def forget(self, key: Key) -> None:
        """Nobody of this reader is here."""
        self._readers.pop(key, None)

    def _of(self, key: Key) -> _Followed:
        return self._readers.setdefault(key, _Followed())
