"""What was said in a room and not all of its readers have heard: noted once for all, heard when each next looks.

A mediator that plans to look anyway need not be told of each message as it comes (`Mediator.attentive`); so a message
costs no work for most of a crowd.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from cadence.alex.transcript import Entry
from cadence.alex.waiting import New

FEED_MESSAGES_MAX = 1_000  # noted before it is asked how far everybody is; who is farthest behind is made to hear


class Feed:
    """Messages of AIs as they wait for whom they do not concern. Places count from the first message ever noted."""

    def __init__(self) -> None:
        self._said: deque[New] = deque()  # Bounded by its owner, who heeds `full`
        self._first = 0
        # What was asked for last, and whom it involves, by where it begins and ends; many ask alike.
        self._asked: tuple[int, int, Sequence[New], frozenset[str]] = (0, 0, (), frozenset())

    @property
    def end(self) -> int:
        """The place of the next message."""
        return self._first + len(self._said)

    @property
    def full(self) -> bool:
        """Whether it is time to forget what all have heard."""
        return len(self._said) >= FEED_MESSAGES_MAX

    def add(self, entry: Entry, now: float) -> None:
        """A message came."""
        self._said.append((entry, now, False))

    def after(self, place: int) -> tuple[Sequence[New], frozenset[str]]:
        """What was said from this place on, and whom some of it involves; nobody may change it."""
        end = self.end
        if self._asked[:2] != (place, end):
            assert place >= self._first, f"expected what was said from {self._first} on to be asked for, got {place}"
            news = list(islice(reversed(self._said), max(0, end - place)))[::-1]
            self._asked = place, end, news, frozenset().union(*[entry.involved for entry, _, _ in news])
        return self._asked[2:]

    def forget(self, heard: Iterable[int]) -> None:
        """Everybody who hears has heard all before one of these places."""
        for _ in range(min(heard, default=self.end) - self._first):
            self._said.popleft()
            self._first += 1
        self._asked = (0, 0, (), frozenset())
