"""The range of the log that no turn covers yet: how many AI messages and words it holds, and since when.

Pure: no clock, no files.
"""

from __future__ import annotations

import math

from cadence.alex.transcript import Entry

UNCOUNTED_MAX = 1_000  # messages whose words are not yet counted


class OpenRange:
    """Counts lazily: splitting a message into units to know its words can wait until somebody asks."""

    def __init__(self) -> None:
        self.since = math.inf  # when the first of its messages came
        self.messages = 0
        self._words = 0
        self._uncounted: list[Entry] = []

    def add(self, entry: Entry, now: float) -> None:
        """One more AI message."""
        self.since = min(self.since, now)
        self.messages += 1
        self._uncounted.append(entry)
        if len(self._uncounted) > UNCOUNTED_MAX:
            self._count()

    def skip(self, messages: int, words: int, now: float) -> None:
        """AI messages that are only counted."""
        if messages:
            self.since = min(self.since, now)
        self.messages += messages
        self._words += words

    def close(self) -> tuple[int, int]:
        """Messages and words of the range; from now on a new one begins."""
        counts = (self.messages, self.words)
        self.since, self.messages, self._words = math.inf, 0, 0
        return counts

    @property
    def words(self) -> int:
        self._count()
        return self._words

    def _count(self) -> None:
        self._words += sum(entry.words for entry in self._uncounted)
        self._uncounted = []
