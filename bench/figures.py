"""What a reader got out of a run, in figures: how much, how evenly, how late. From diaries alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.checks import Log, words
from tests.checks.pace import rate_of
from tests.checks.record import Reading, seconds
from tests.stranger import Frame


@dataclass(frozen=True, slots=True)
class Figures:
    """One mediated reader. Times are seconds; `late` is a look behind its own grid, `wait` message to turn."""

    turns: int
    heard: int
    shown: int
    may_show: float  # what the bucket's rate alone allows in the time between the first turn and the last
    late_p50: float
    late_p99: float
    wait_p50: float
    wait_p95: float

    @property
    def compression(self) -> float:
        return self.shown / max(1, self.heard)


def figures(reading: Reading, log: Log) -> Figures:
    """Of the turns this reader received, and the AI messages they cover."""
    turns = reading.cadence_turns()
    times = [seconds(turn["at"]) for turn in turns]
    covered = [seq for turn in turns for seq in range(turn["covers"]["from"], turn["covers"]["to"] + 1)]
    heard = sum(words.of_message(log.messages[seq]) for seq in covered if log.kind(seq) == "agent")
    waits = sorted(wait for turn in turns for wait in _waits(turn, log))
    late = sorted(_late(reading, times))
    span = times[-1] - times[0] if times else 0.0
    rate = sum(rate_of(view) for _, view in reading.views) / max(1, len(reading.views))
    shown = sum(turn["words"] for turn in turns)
    ranks = [_rank(late, 0.5), _rank(late, 0.99), _rank(waits, 0.5), _rank(waits, 0.95)]
    return Figures(len(turns), heard, shown, rate * span, *ranks)


def words_per_minute(reading: Reading, start: float, end: float) -> float:
    """Words of cadence turns made in start..end."""
    shown = sum(turn["words"] for turn in reading.cadence_turns() if start <= seconds(turn["at"]) <= end)
    return shown * 60 / max(1e-9, end - start)


def _waits(turn: Frame, log: Log) -> list[float]:
    """How long each AI message the turn covers had waited."""
    span = range(turn["covers"]["from"], turn["covers"]["to"] + 1)
    return [seconds(turn["at"]) - log.at(seq) for seq in span if log.kind(seq) == "agent"]


def _late(reading: Reading, times: Sequence[float]) -> list[float]:
    """How far each gap between turns overshoots a whole number of looks; one view, one connection at a time."""
    found: list[float] = []
    for before, after in pairwise(times):
        views = [view for at, view in reading.views if at <= before]
        changed = any(before - 30 <= at <= after for at, _ in reading.views[1:])
        if changed or not views or not reading.present(before, after):
            continue
        over = (after - before) % views[-1]["cadence_s"]
        found.append(min(over, views[-1]["cadence_s"] - over))
    return found


def _rank(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
