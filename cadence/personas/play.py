"""Who says what when: a scripted conversation as a machine."""

from __future__ import annotations

from dataclasses import dataclass

from cadence.rooms.wire import Part


@dataclass(frozen=True, slots=True)
class Speak:
    """Send this line as its speaker. `line` is its number in the script, None for an announcement."""

    speaker: str
    id: str
    text: str
    parts: tuple[Part, ...] = ()
    reply_to: int | None = None
    spoken: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line the server does not take is left out."""

    line: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The conversation starts again; what was said before is forgotten here."""

    round: int


Action = Speak | Skipped | Restarted
