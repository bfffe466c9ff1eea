"""What was said and is not durable yet: said again after a cut, always under the same id.

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections import deque

from cadence.client.link import LATER
from cadence.rooms.wire import Error, Say

UNSAID_MAX = 100  # messages of one room
RETRY_SECONDS_MIN = 0.25
RETRY_SECONDS_MAX = 30.0
TRIES_MAX = 20  # of one message, that the server answers with "later"


class Saying:
    """`window` is how many may be under way at once: with 1 the order of saying is the order of the log."""

    def __init__(self, window: int = 1) -> None:
        self._window = window
        self._waiting: deque[Say] = deque()
        self._flying: dict[str, Say] = {}  # by id, in the order they were sent
        self._tries: dict[str, int] = {}
        self._unsure: dict[str, None] = {}  # ids that were under way when a connection was cut
        self.due: float | None = None  # when something is said again; None: at once

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying)

    @property
    def full(self) -> bool:
        """Whether another message would be one too many."""
        return len(self) >= UNSAID_MAX

    def add(self, say: Say) -> None:
        """Say this when its turn comes. Its `ref` must be its `id`, which must be new for this user."""
        self._waiting.append(say)

    def withdraw(self, id: str) -> None:
        """Nobody waits for this any more: if it cannot have been said, it will not be."""
        if id not in self._unsure:
            self._waiting = deque(say for say in self._waiting if say.id != id)

    def under_way(self, id: str) -> bool:
        """Whether this was sent and not answered."""
        return id in self._flying

    def next(self, now: float) -> Say | None:
        """What to send now."""
        blocked = self.due is not None and now < self.due
        if blocked or not self._waiting or len(self._flying) >= self._window:
            return None
        say = self._waiting.popleft()
        self._flying[say.id], self.due = say, None
        return say

    def said(self, id: str) -> None:
        """The message is durable."""
        self._flying.pop(id, None)
        self._tries.pop(id, None)
        self._unsure.pop(id, None)

    def refused(self, error: Error, now: float) -> bool:
        """The server refused the message `error.ref`; whether that is final."""
        say = self._flying.pop(str(error.ref), None)
        if say is None:
            return True
        self._unsure.pop(say.id, None)  # refused means not said
        tries = self._tries[say.id] = self._tries.get(say.id, 0) + 1
        if error.code in LATER and tries < TRIES_MAX:
            asked = error.retry_after_s if isinstance(error.retry_after_s, float | int) else 1.0
            self.due = now + min(max(asked, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX)
            self._waiting.appendleft(say)
            return False
        del self._tries[say.id]
        return True

    def cut(self) -> None:
        """The connection is gone: what was under way is said again on the next."""
        self._unsure.update(dict.fromkeys(self._flying))
        self._waiting.extendleft(reversed(self._flying.values()))
        self._flying.clear()
        self.due = None

    def abandon(self) -> list[str]:
        """We are somebody else now, for whom ids begin anew: forget what may have been said. Returns their ids."""
        unsure = list(self._unsure)
        self._waiting = deque(say for say in self._waiting if say.id not in self._unsure)
        self._unsure.clear()
        return unsure
