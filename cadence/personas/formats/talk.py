"""What every format becomes: utterances with the seconds that passed before each.

Pure: text in, utterances out.
"""

from __future__ import annotations

from dataclasses import dataclass

from cadence.personas.script import Line

GAP_SECONDS_MAX = 120.0  # between two lines of a log: nights and lunches do not last longer


class PlanError(Exception):
    """The file cannot be replayed; the text is one sentence that names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line to say, whose `after_s` is set, and the name its speaker bears in the file."""

    name: str
    line: Line


class Speakers:
    """Ids for the speakers of a file that has only names: `speaker-1`, `speaker-2`, ... as they appear."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def id(self, name: str) -> str:
        """The id of who bears this name in the file."""
        return self._ids.setdefault(name, f"speaker-{len(self._ids) + 1}")


def gap(before: float | None, at: float) -> float:
    """Seconds to wait before what was said at `at`, the line before having been said at `before` (None: no line)."""
    return 0.0 if before is None else min(max(at - before, 0.0), GAP_SECONDS_MAX)
