"""Who reads a room raw, as the near end of a line knows it, and what such a reader must still be handed.

The worker tells behind which message a reader's raw mode begins or ends, and may be some messages late:

    begins   messages that the worker has not told to have heard are kept; of these the reader is handed the rest
    ends     from the request on, messages are kept for the reader, who is handed those up to the end

Pure.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cadence.rooms.wire import Message

_NOBODY: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Turning:
    """Requests under way that may end a reader's raw mode, and what was posted meanwhile."""

    requests: int = 0
    messages: list[Message] = field(default_factory=list)


class RawReaders:
    """The raw readers of all rooms.

    `behind` is how many messages the worker has not told to have heard, `characters_behind` how long they were.
    """

    def __init__(self) -> None:
        self._raw: dict[str, frozenset[str]] = {}
        self._turning: dict[tuple[str, str], _Turning] = {}
        # Bounded by the proxy, which ends a worker that is too far behind.
        self._unheard: deque[Message] = deque()
        self._characters: deque[int] = deque()  # of each
        self.characters_behind = 0

    @property
    def behind(self) -> int:
        return len(self._unheard)

    def undecided(self, room: str) -> bool:
        """Whether a human has spoken of whom the worker has not told whether readers hear it at once."""
        return any(message.room == room and message.from_.kind == "human" for message in self._unheard)

    def posted(self, message: Message, *, told: bool) -> frozenset[str]:
        """A message, of which the worker was `told` if there is one; returns who gets it now."""
        raw = self._raw.get(message.room, _NOBODY)
        for (room, user), turning in self._turning.items():
            if room == message.room and user in raw:
                raw -= {user}
                turning.messages.append(message)
        if told:
            characters = len(message.text) + sum(len(part.body) for part in message.parts)
            self._unheard.append(message)
            self._characters.append(characters)
            self.characters_behind += characters
        return raw

    def heard(self, messages: int) -> None:
        """The worker has heard so many more."""
        for _ in range(min(messages, len(self._unheard))):
            self._unheard.popleft()
            self.characters_behind -= self._characters.popleft()

    def redacted(self, room: str, seq: int) -> None:
        """A message is gone: nobody is handed its text."""
        for kept in (self._unheard, *(turning.messages for turning in self._turning.values())):
            for place, message in enumerate(kept):
                if (message.room, message.seq) == (room, seq):
                    kept[place] = message.erased()

    def switched(self, room: str, user: str, *, raw: bool, at: int) -> list[Message]:
        """A reader reads raw, or not any more, behind message `at`; returns what they are owed."""
        self.set(room, user, raw=raw)
        if raw:
            return [message for message in self._unheard if message.room == room and message.seq > at]
        turning = self._turning.get((room, user)) or _Turning()
        owed = [message for message in turning.messages if message.seq <= at]
        turning.messages.clear()
        return owed

    def set(self, room: str, user: str, *, raw: bool) -> None:
        """Whether somebody reads raw from here on."""
        known = self._raw.get(room, _NOBODY)
        self._raw[room] = known | {user} if raw else known - {user}

    def may_end(self, room: str, user: str) -> bool:
        """A request is under way that is not for raw; if it may end raw mode, `ended` must follow it."""
        if user not in self._raw.get(room, _NOBODY):
            return False
        self._turning.setdefault((room, user), _Turning()).requests += 1
        return True

    def ended(self, room: str, user: str) -> list[Message]:
        """A request is over; returns what a reader is owed who still reads raw."""
        turning = self._turning.get((room, user))
        if turning is None:
            return []
        turning.requests -= 1
        if turning.requests > 0:
            return []
        del self._turning[room, user]
        return turning.messages

    def leave(self, room: str, user: str) -> None:
        """Nobody is connected for this reader any more."""
        self._turning.pop((room, user), None)
        self.set(room, user, raw=False)

    def clear(self) -> None:
        """The worker is gone, and its readers with it."""
        self._raw.clear()
        self._turning.clear()
        self._unheard.clear()
        self._characters.clear()
        self.characters_behind = 0
