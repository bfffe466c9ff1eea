"""What a reader got out of a run, in figures: how much, how evenly, how late. From diaries alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.checks import Log, words
from tests.checks.pace import rate_of
from tests.checks.record import Reading, seconds
from tests.stranger import Frame


@dataclass(slots=True)
class Figures:
    """One mediated reader, or several added up. Times are seconds.

    `late`: how far looks are behind the reader's own grid, as far as gaps between turns tell; `waits`: from a message
    to the turn that covers it; `firsts`: to the first turn that shows something of it, where one does.
    """

    turns: int = 0
    heard: int = 0
    shown: int = 0
    may_show: float = 0.0  # what the bucket's rate alone allows in the time between the first turn and the last
    messages: int = 0  # of AIs, covered
    late: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)

    @property
    def compression(self) -> float:
        return self.shown / max(1, self.heard)

    def add(self, other: Figures) -> None:
        """Count another reader, or another run, in."""
        self.turns, self.heard, self.shown = (
            self.turns + other.turns,
            self.heard + other.heard,
            self.shown + other.shown,
        )
        self.may_show, self.messages = self.may_show + other.may_show, self.messages + other.messages
        self.late, self.waits = self.late + other.late, self.waits + other.waits
        self.firsts = self.firsts + other.firsts


def figures(reading: Reading, log: Log) -> Figures:
    """Of the turns this reader received, and the AI messages they cover."""
    turns = reading.cadence_turns()
    times = [seconds(turn["at"]) for turn in turns]
    covered = {seq for turn in turns for seq in range(turn["covers"]["from"], turn["covers"]["to"] + 1)}
    heard = [seq for seq in sorted(covered) if log.kind(seq) == "agent"]
    first: dict[int, float] = {}
    for turn, at in zip(turns, times, strict=True):
        for seq in (seq for segment in turn["segments"] for seq in segment["sources"]):
            first.setdefault(seq, at)
    span = times[-1] - times[0] if times else 0.0
    rate = sum(rate_of(view) for _, view in reading.views) / max(1, len(reading.views))
    return Figures(
        turns=len(turns),
        heard=sum(words.of_message(log.messages[seq]) for seq in heard),
        shown=sum(turn["words"] for turn in turns),
        may_show=rate * span,
        messages=len(heard),
        late=_late(reading, times),
        waits=[wait for turn in turns for wait in _waits(turn, log)],
        firsts=[first[seq] - log.at(seq) for seq in heard if seq in first],
    )


def words_per_minute(reading: Reading, start: float, end: float) -> float:
    """Words of cadence turns made in start..end."""
    shown = sum(turn["words"] for turn in reading.cadence_turns() if start <= seconds(turn["at"]) <= end)
    return shown * 60 / max(1e-9, end - start)


def rank(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed; 0 if there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _waits(turn: Frame, log: Log) -> list[float]:
    """How long each AI message the turn covers had waited."""
    span = range(turn["covers"]["from"], turn["covers"]["to"] + 1)
    return [seconds(turn["at"]) - log.at(seq) for seq in span if log.kind(seq) == "agent"]


def _late(reading: Reading, times: Sequence[float]) -> list[float]:
    """How far each gap between turns overshoots a whole number of looks; one view, one connection at a time."""
    found: list[float] = []
    for before, after in pairwise(times):
        views = [view for at, view in reading.views if at <= before]
        changed = any(before - 30 <= at <= after + 1 for at, _ in reading.views[1:])  # told a moment after the turn
        if changed or not views or not reading.present(before, after):
            continue
        over = (after - before) % views[-1]["cadence_s"]
        found.append(min(over, views[-1]["cadence_s"] - over))
    return found
