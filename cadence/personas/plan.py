"""Turn a file of real talk into a cast and lines to replay.

The formats (`cadence.personas.formats`) are told apart by the file's first lines.

Pure: text in, plan out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from cadence.personas.cards import name_key
from cadence.personas.cast import NAME_CHARS_MAX, Cast, numbered
from cadence.personas.formats import export, irc, qmsum, script
from cadence.personas.formats.talk import PlanError, Utterance
from cadence.personas.script import Line

__all__ = ["Plan", "PlanError", "make_plan"]

SPEAKERS_MAX = 200
LINES_MAX = 100_000
LOOK_LINES_MAX = 20  # of a file, to tell what it is


@dataclass(frozen=True, slots=True)
class Plan:
    """What to say and who says it. `lines` have `after_s`; `seconds` is their sum: the time of the talk itself."""

    cast: tuple[Cast, ...]
    lines: tuple[Line, ...]
    seconds: float


def make_plan(first: str, rest: Callable[[], Iterable[str]], *, meeting: int = 1, minutes: float | None = None) -> Plan:
    """The plan for a file whose first line is `first`. Raises `PlanError`.

    `rest` yields the lines after it; none is read beyond what is asked for. `meeting` (counted from 1) chooses one
    of a QMSum file. `minutes` keeps what is finished within so many minutes of the talk's own time.
    """
    return _gather(_utterances(chain((first,), rest()), meeting), minutes)


def _utterances(lines: Iterator[str], meeting: int) -> Iterator[Utterance]:
    """What is said in the file, whatever its format."""
    head: list[str] = []
    for line in islice(lines, LOOK_LINES_MAX):
        head.append(line)
        if line.strip():
            break
    first = head[-1]
    if qmsum.begins(first):
        return qmsum.read(chain(head, lines), meeting)
    if meeting != 1:
        raise PlanError(f"expected a QMSum file for meeting {meeting}, got a file of one conversation")
    if export.begins(first):
        return export.read(chain(head, lines))
    if script.begins(first):
        return script.read(chain(head, lines))
    head.extend(islice(lines, LOOK_LINES_MAX - len(head)))
    if irc.begins(head):
        return irc.read(chain(head, lines))
    raise PlanError("expected a QMSum meeting, a room's script, an export of a room or an IRC log, got none of them")


def _gather(utterances: Iterable[Utterance], minutes: float | None) -> Plan:
    """As much of the talk as is asked for, and who speaks in it."""
    seconds = 0.0
    names: dict[str, str] = {}
    lines: list[Line] = []
    for utterance in utterances:
        line = utterance.line
        passed = seconds + (line.after_s or 0.0)
        if minutes is not None and passed > minutes * 60.0:
            break
        seconds = passed
        names.setdefault(line.speaker, utterance.name)
        lines.append(line)
        if len(names) > SPEAKERS_MAX:
            raise PlanError(f"expected at most {SPEAKERS_MAX} speakers, got more: ask for fewer minutes")
        if len(lines) > LINES_MAX:
            raise PlanError(f"expected at most {LINES_MAX} lines, got more: ask for fewer minutes")
    if not lines or minutes == 0:
        raise PlanError("expected at least one turn that says something within the time, got none")
    return Plan(tuple(_cast(names)), tuple(lines), seconds)


def _cast(names: dict[str, str]) -> Iterator[Cast]:
    """Each speaker under a name a server takes, and that no other speaker has."""
    taken: set[str] = set()
    for id, raw in names.items():
        plain = unicodedata.normalize("NFKC", raw)
        shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in plain)
        base = " ".join(shown.split())[:NAME_CHARS_MAX].strip() or "Speaker"
        number = 1
        while name_key(numbered(base, number)) in taken:
            number += 1
        name = numbered(base, number)
        taken.add(name_key(name))
        yield Cast(id, name)
