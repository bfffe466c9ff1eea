"""Whom a reader is near to: those they follow, addressed, or opened a message of (LOD.md section 2).

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterable

NEAR_SECONDS = 600.0  # how long someone stays near after being addressed or opened
NEAR_SPEAKERS_MAX = 256


class Near:
    """Speakers at distance 0 of one reader."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}  # when last addressed or opened, oldest first

    def approach(self, speakers: Iterable[str], now: float) -> None:
        """The reader addressed these speakers, or opened messages of theirs."""
        for speaker in sorted(speakers):
            self._since.pop(speaker, None)
            self._since[speaker] = now
        while len(self._since) > NEAR_SPEAKERS_MAX:
            del self._since[next(iter(self._since))]

    def at(self, now: float, followed: Iterable[str]) -> set[str]:
        """Who is near at `now`, those `followed` included."""
        return {speaker for speaker, since in self._since.items() if now - since <= NEAR_SECONDS}.union(followed)
