"""What a server counts of its own work: plain numbers that grow, read when somebody asks.

Counting is on the path of every message, so a count is an attribute and a spread a list: nothing is locked, labelled
or formatted before it is asked for. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds for delays, of a loop's turn to a hopeless one."""


class Spread:
    """How many values fell below each of `bounds` (ascending) and their sum: a histogram."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        """Count `value`; below 0 is 0, as clocks may differ by a hair."""
        value = max(0.0, value)
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def include(self, other: Spread) -> None:
        """Count in all that `other`, which has the same bounds, has counted."""
        assert self.bounds == other.bounds, "expected spreads over the same bounds"
        self.total += other.total
        self._counts = [mine + theirs for mine, theirs in zip(self._counts, other._counts, strict=True)]

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, how many values at or below it), the last bound `+Inf`."""
        found, below = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found


@dataclass(slots=True)
class HubCounts:
    """Since the start, of all rooms."""

    messages: int = 0  # made durable and told
    deliveries: int = 0  # frames offered to one connection each
    bursts: int = 0  # times that what a room had told was handed over
    evictions: int = 0  # connections closed as too slow
    recovered: int = 0  # joins with `after` that got what they missed
    reloads: int = 0  # joins with `after` that must reload
    log_refusals: int = 0  # messages the log did not take
    lag: Spread = field(default_factory=Spread)  # seconds from `say` to the message being offered to all


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """One process, as of now."""

    tasks: int = 0  # of its loop
    resident_bytes: int = 0  # 0 where the system does not tell
    cpu_s: float = 0.0  # since its start


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """One of Alex' processes, as the server knows it: at most a second old, except `behind`."""

    process: ProcessCounts
    readers: int  # connected, once per room
    behind: int  # messages it was sent and has not told to have heard


@dataclass(slots=True)
class ProseCounts:
    """Since the start, of all prose that a language model was asked for."""

    asked: int = 0  # pairs of node and rung, and answers to readers
    answers: int = 0  # of these, the answers
    calls: int = 0  # to the model; a second attempt is another
    held: int = 0
    retried: int = 0
    refused: int = 0  # by the grounding check, also the second time
    late: int = 0  # after half a cadence; dropped
    failed: int = 0  # the model brought no answer
    crowded: int = 0  # not asked for: too many calls under way
    faults: Counter[str] = field(default_factory=Counter)  # answers refused, by rule broken

    def include(self, other: ProseCounts) -> None:
        """Count in all that `other` has counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class MediationCounts:
    """Since the start, of all readers."""

    turns: int = 0
    words_in: int = 0  # of the AI messages that turns cover
    words_out: int = 0  # of those turns
    told_by_model: int = 0  # turns with at least one segment of a language model
    fell_back: int = 0  # turns of quotes alone about what prose had been asked for
    prose: ProseCounts = field(default_factory=ProseCounts)
    late: Spread = field(default_factory=Spread)  # seconds from a look's deadline to the look

    def told(self, words_in: int, words_out: int) -> None:
        """Count one turn that was sent."""
        self.turns += 1
        self.words_in += words_in
        self.words_out += words_out

    def include(self, other: MediationCounts) -> None:
        """Count in all that `other` has counted."""
        self.turns += other.turns
        self.words_in += other.words_in
        self.words_out += other.words_out
        self.told_by_model += other.told_by_model
        self.fell_back += other.fell_back
        self.prose.include(other.prose)
        self.late.include(other.late)
