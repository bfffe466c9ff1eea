"""What a mediator hears, and what must follow.

Pure: data only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cadence.alex.answers import Missed
from cadence.alex.listening import Place
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick
from cadence.alex.why import Reasons
from cadence.lod.scopes import Floor
from cadence.rooms.wire import AlexState, Behind, Mood, Segment, Turn, View


@dataclass(frozen=True, slots=True)
class Posted:
    """A message; `direct` if the reader gets it as `message` now (see `Mediator.passes`)."""

    entry: Entry
    direct: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """There is news in the feed of the room."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """The reader's complete view as it shall be."""

    view: View


@dataclass(frozen=True, slots=True)
class Opened:
    """The reader unfolded these messages."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Redacted:
    """A message is gone; `room` is None for the reader's own room."""

    seq: int
    room: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """The other rooms that the reader can hear from here on, and the floor of their own."""

    rooms: Mapping[str, Place]
    floor: Floor = Floor()


@dataclass(frozen=True, slots=True)
class Stirred:
    """Something was said in a room in hearing; who sleeps shall look."""


@dataclass(frozen=True, slots=True)
class Forgot:
    """A played conversation begins again: who was heard before no longer counts."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """AI messages up to seq `to` that are too many to be looked at: covered, but not shown."""

    to: int
    messages: int
    words: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The reader was away for long: what waits becomes one catch-up turn, now and outside the bucket.

    `missed` is what the pyramid shows of the absence; without it everything that waits competes.
    """

    missed: Missed | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What the reader asked for was found: it becomes one turn, now and outside the bucket."""

    picks: tuple[Pick, ...]
    segments: tuple[Segment, ...]
    reasons: Reasons = Reasons()


@dataclass(frozen=True, slots=True)
class Tick:
    """`deadline()` has come."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier mediator of this reader knew: messages they wrote or opened, with weight and time, oldest first;
    the words owed to each scope; when they last did something, if that still counts."""

    own: tuple[tuple[Entry, float, float], ...]
    owed: Mapping[str, float]
    acted_at: float | None


Event = (
    Posted
    | Heard
    | Viewed
    | Opened
    | Remembered
    | Redacted
    | Placed
    | Stirred
    | Forgot
    | Skipped
    | Returned
    | Answered
    | Tick
)


@dataclass(frozen=True, slots=True)
class Show:
    """Store this turn, then send it; `reasons` are for whoever asks why it is as it is."""

    turn: Turn
    reasons: Reasons = Reasons()


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the reader how far Alex is."""

    state: AlexState
    behind: Behind
    mood: Mood


@dataclass(frozen=True, slots=True)
class RawEnded:
    """The range first..last was sent raw; empty if last < first."""

    first: int
    last: int


Action = Show | Report | RawEnded
