"""What is measured of a digest, and how sure one can be of a mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.lod.data import Meeting
from bench.rouge import rouge
from cadence.lod.terms import terms
from cadence.lod.units import Unit

DRAWS = 2_000
LEVEL = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """One digest: ROUGE in per cent, shares of topics touched and of answers recalled, words shown."""

    r1: float
    r2: float
    rl: float
    topics: float
    answers: float
    words: int


def score(meeting: Meeting, answer: str, shown: Sequence[Unit]) -> Score:
    """How good it is to read `shown` instead of the meeting; `answer` is what a person wrote of it."""
    found = rouge(answer, " ".join(unit.text for unit in in_order(shown)))
    return Score(found.r1, found.r2, found.rl, topics(meeting, shown), recall(meeting, shown), words(shown))


def in_order(units: Sequence[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: (unit.seq, unit.index))


def words(units: Sequence[Unit]) -> int:
    return sum(unit.n for unit in units)


def topics(meeting: Meeting, shown: Sequence[Unit]) -> float:
    """The share of the meeting's agenda that at least one shown unit belongs to; 1 without an agenda."""
    turns = {unit.seq - 1 for unit in shown}
    touched = [any(first <= turn <= last for turn in turns for first, last in spans) for spans in meeting.topics]
    return sum(touched) / len(touched) if touched else 1.0


def recall(meeting: Meeting, shown: Sequence[Unit]) -> float:
    """The share of the content stems of an answer that stand in the digest, mean over the meeting's answers."""
    seen = {term for unit in shown for term in unit.terms}
    shares = [len(want & seen) / len(want) for one in meeting.specific if (want := stems(one.answer))]
    return sum(shares) / len(shares) if shares else 0.0


@cache
def stems(text: str) -> frozenset[str]:
    """The content stems of an English text, as the product has them."""
    return frozenset(terms(text, "english"))


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.mean:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def mean(values: Sequence[float], seed: int = 0) -> Mean:
    """The mean of `values` and its percentile bootstrap interval over `DRAWS` draws (Efron 1979)."""
    sample = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(sample), (DRAWS, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Mean(float(sample.mean()), float(low), float(high))


def difference(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Mean:
    """The paired difference, with its interval."""
    return mean([mine - other for mine, other in zip(ours, theirs, strict=True)], seed)
