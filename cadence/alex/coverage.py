"""The range of the log that no turn covers yet: how many AI messages and words it holds, and since when.

Pure: no clock, no files.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

from cadence.alex.transcript import Entry
from cadence.alex.waiting import New

ENTRIES_MAX = 20_000  # messages kept one by one; of a longer range the older half is only counted


class OpenRange:
    """Counts lazily: splitting a message into units to know its words can wait until somebody asks."""

    def __init__(self) -> None:
        self._entries: list[New] = []  # with when they came
        self._counted = (0, 0)  # messages and words before the first entry
        self._counted_since = math.inf

    def add(self, entry: Entry, now: float) -> None:
        """One more AI message."""
        self.extend([(entry, now, False)])

    def extend(self, news: Iterable[New]) -> None:
        """More AI messages, in order."""
        self._entries.extend(news)
        while len(self._entries) > ENTRIES_MAX:
            for first, since, _urgent in self._entries[: ENTRIES_MAX // 2]:
                self.skip(1, first.words, since)
            del self._entries[: ENTRIES_MAX // 2]

    def skip(self, messages: int, words: int, now: float) -> None:
        """AI messages that are only counted; they come before all others."""
        if messages:
            self._counted_since = min(self._counted_since, now)
        self._counted = (self._counted[0] + messages, self._counted[1] + words)

    def close(self, to: int) -> tuple[int, int]:
        """Messages and words up to seq `to`; what comes after stays open."""
        messages, words = self._counted
        self._counted, self._counted_since = (0, 0), math.inf
        closed = bisect_right(self._entries, to, key=lambda one: one[0].seq)
        words += sum([entry.words for entry, _, _ in self._entries[:closed]])
        del self._entries[:closed]
        return messages + closed, words

    @property
    def since(self) -> float:
        """When the first of its messages came; infinite while there is none."""
        return min(self._counted_since, self._entries[0][1] if self._entries else math.inf)

    @property
    def messages(self) -> int:
        return self._counted[0] + len(self._entries)

    @property
    def words(self) -> int:
        return self._counted[1] + sum([entry.words for entry, _, _ in self._entries])
