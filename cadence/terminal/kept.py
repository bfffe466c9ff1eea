"""What a terminal remembers of what it printed: turns that can be opened, and who said what.

Pure: frames in, answers out.
"""

from __future__ import annotations

from collections.abc import Iterable

from cadence.rooms.wire import Turn
from cadence.terminal.opening import Opening

TURNS_MAX = 200  # to be opened without asking for them; the oldest is forgotten first
AUTHORS_MAX = 5000  # messages whose author is known


class Kept:
    """`authors` are the speakers' ids by seq, as far as they are known."""

    def __init__(self) -> None:
        self.authors: dict[int, str] = {}
        self._turns: dict[int, tuple[frozenset[int], int, int]] = {}

    @property
    def last(self) -> int | None:
        """The number of the newest turn."""
        return next(reversed(self._turns), None)

    def keep(self, turn: Turn) -> None:
        """A turn was shown."""
        for segment in turn.at_home():
            if len(segment.speakers) == 1:
                self.remember(segment.speakers[0], segment.sources)
        opening = Opening.of(turn)
        self._turns[turn.turn] = (opening.cited, opening.first, opening.last)
        while len(self._turns) > TURNS_MAX:
            del self._turns[next(iter(self._turns))]

    def remember(self, author: str, seqs: Iterable[int]) -> None:
        """These messages are by `author`."""
        self.authors.update(dict.fromkeys(seqs, author))
        while len(self.authors) > AUTHORS_MAX:
            del self.authors[next(iter(self.authors))]

    def opening(self, number: int) -> Opening | None:
        """What opens a turn that is remembered."""
        known = self._turns.get(number)
        return None if known is None else Opening(number, *known)
