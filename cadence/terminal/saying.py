"""What was typed and is not durable yet: said one after the other, again after a cut, always under the same id.

Pure: `now` is in seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections import deque

from cadence.rooms.wire import Error, Say

UNSAID_MAX = 100  # lines
RETRY_SECONDS_MIN = 0.25
RETRY_SECONDS_MAX = 30.0
TRIES_MAX = 20  # of one line, that the server answers with "later"
LATER = ("rate_limited", "unavailable")


class Saying:
    """`run_id` must be new for each start: what was said under it is not said again."""

    def __init__(self, room: str, run_id: str) -> None:
        self._room = room
        self._run_id = run_id
        self._lines: deque[Say] = deque()
        self._number = 0
        self._tries = 0
        self._in_flight = False
        self.due: float | None = None  # when the first line is said again; None: at once

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def full(self) -> bool:
        """Whether another line would be one too many."""
        return len(self._lines) >= UNSAID_MAX

    def add(self, text: str) -> None:
        """Say `text` when its turn comes."""
        self._number += 1
        id = f"{self._run_id}-{self._number}"
        self._lines.append(Say(room=self._room, id=id, text=text, ref=id))

    def next(self, now: float) -> Say | None:
        """What to send now."""
        if self._in_flight or not self._lines or (self.due is not None and now < self.due):
            return None
        self._in_flight, self.due = True, None
        return self._lines[0]

    def said(self, id: str) -> None:
        """The line is durable."""
        if self._lines and self._lines[0].id == id:
            self._lines.popleft()
            self._in_flight, self._tries = False, 0

    def refused(self, error: Error, now: float) -> bool:
        """The server refused the line `error.ref`; whether that is final."""
        if not self._lines or self._lines[0].id != error.ref:
            return True
        self._in_flight = False
        self._tries += 1
        if error.code in LATER and self._tries < TRIES_MAX:
            asked = error.retry_after_s if isinstance(error.retry_after_s, float | int) else 1.0
            self.due = now + min(max(asked, RETRY_SECONDS_MIN), RETRY_SECONDS_MAX)
            return False
        self._lines.popleft()
        self._tries = 0
        return True

    def cut(self) -> None:
        """The connection is gone: what was under way is said again on the next."""
        self._in_flight, self.due = False, None
