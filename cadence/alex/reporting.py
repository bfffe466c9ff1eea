"""What a reader is told of Alex: the state, how much waits, the mood of the room; when, and not too often.

Pure: no clock, no files.
"""

from __future__ import annotations

import math

from cadence.alex.coverage import OpenRange
from cadence.alex.events import Report
from cadence.lod.mood import Feeling, Mood
from cadence.rooms.wire import AlexState, Behind
from cadence.rooms.wire import Mood as WireMood

REPORT_SECONDS = 1.0  # at most one `alex` frame per this long while the state stays
COUNT_SECONDS = 2.5  # between looks: how old the counts of what waits may get before they are told again
MOOD_SECONDS = 10.0  # while the room is not at rest its mood is looked at again after this long


class Reporter:
    """`state` may be set at any time; `due` is when `report` is next to be called."""

    def __init__(self) -> None:
        self.state: AlexState = "idle"
        self.due = math.inf
        self._told: tuple[object, ...] = ("idle", 0, Feeling())
        self._told_at = -math.inf
        self._mood_due = -math.inf  # when the mood is looked at again, whatever is said
        self._soon_at = -math.inf  # when `soon` was last called

    @property
    def counting(self) -> bool:
        """Whether what waits is counted again soon enough, whatever is said meanwhile: `soon` would change nothing.

        So it is also while a report is overdue: who comes late must not be kept busy by all that is said meanwhile.
        """
        if self.state != "idle" and self.due <= self._soon_at:
            return True
        return self.state == self._told[0] and self.due <= self._told_at + COUNT_SECONDS

    def soon(self, now: float) -> None:
        """Something was said: a change of state is told at once, how much waits when the last counts are old."""
        self._soon_at = now
        due = now if self.state != self._told[0] else self._told_at + COUNT_SECONDS
        self.due = min(self.due, max(now, due))

    def stop(self) -> None:
        """The reader reads raw from here on: nothing to tell."""
        self.state, self.due = "idle", math.inf
        self._told, self._mood_due = ("idle", 0, Feeling()), -math.inf

    def report(self, waiting: OpenRange, mood: Mood, now: float) -> list[Report]:
        """What to tell now, if anything; sets `due`."""
        if now < self.due:
            return []
        if (self.state, waiting.messages) == self._told[:2] and now < self._mood_due:
            self.due = self._mood_due
            return []
        feeling = mood.at(now)
        telling = (self.state, waiting.messages, feeling)
        later = self._mood_due = math.inf if feeling.at_rest else now + MOOD_SECONDS
        if telling == self._told:
            self.due = later
            return []
        if self.state == self._told[0] and now < self._told_at + REPORT_SECONDS:
            self.due = self._told_at + REPORT_SECONDS
            return []
        self._told, self._told_at = telling, now
        self.due = later if self.state == "idle" else min(later, now + COUNT_SECONDS)
        seconds = round(max(0.0, now - waiting.since), 1) if waiting.messages else 0.0
        felt = WireMood(feeling.energy, feeling.warmth, feeling.insight)
        return [Report(self.state, Behind(waiting.messages, waiting.words, seconds), felt)]
