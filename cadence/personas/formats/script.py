"""A room's script (`cadence.personas.script`): speakers are called by their ids.

Pure: text in, utterances out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cadence.fields import Report
from cadence.personas.formats.talk import PlanError, Utterance
from cadence.personas.play import LINES_PER_MINUTE
from cadence.personas.script import SCRIPT_BYTES_MAX, parse_script


def begins(line: str) -> bool:
    """Whether a file that begins so is of this format, or nearly: its problems are then told by line."""
    return not line.strip() or line.lstrip().startswith("{")


def read(lines: Iterable[str]) -> Iterator[Utterance]:
    """What the script says, as fast as a room plays it. Raises `PlanError`."""
    report = Report("script")
    parsed = parse_script(_bounded(lines), report)
    if report.problems:
        first = report.problems[0]
        where = f"line {first.line}: " if first.line else ""
        what = f"`{first.field}`: {first.message}" if first.field else first.message
        raise PlanError(f"{where}{what}")
    for line in parsed:
        after_s = 60.0 / LINES_PER_MINUTE if line.after_s is None else line.after_s
        yield Utterance(line.speaker, replace(line, after_s=after_s))


def _bounded(lines: Iterable[str]) -> str:
    """A whole script, as long as a script may be."""
    gathered: list[str] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size > SCRIPT_BYTES_MAX:
            raise PlanError(f"expected a script of at most {SCRIPT_BYTES_MAX} bytes, got more")
    return "".join(gathered)
