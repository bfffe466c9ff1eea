"""In which unit an alloy's scores are, and scores as points, 0 to 100.

Pure: no clock, no files.

Published alloys write 88.4, criteria write 0.884, and a true 0.9 % looks like 90 %. So a score counts only where its
unit is known: the result says so itself, or all scores of the document together leave one reading. Scores above 1 are
in per cent; scores that are all at most 1 could be either; both kinds side by side are a mix, and a mix is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from cadence.factory.alloy.domains.llm_forge.report import BenchmarkResult, ForgeAlloy

__all__ = ["Scale", "in_points", "points", "scale_of"]


@dataclass(frozen=True)
class Scale:
    """The unit of scores that do not say theirs, None if it cannot be known; and why."""

    unit: str | None
    reason: str


def scale_of(alloy: ForgeAlloy) -> Scale:
    """How to read the scores of this alloy that carry no unit."""
    silent = [one for one in (alloy.results.benchmarks if alloy.results else []) if one.unit is None]
    scores = [abs(score) for one in silent for score in (one.score, one.base_score) if score]
    if not scores:
        return Scale(None, "there is no score to learn the unit from")
    if all(score > 1 for score in scores):
        return Scale("percent", "all scores are above 1")
    if all(score <= 1 for score in scores):
        return Scale(None, "scores of at most 1 may be fractions or per cent; say `unit`")
    return Scale(None, "scores above 1 stand beside scores of at most 1; say `unit` in each result")


def in_points(score: object) -> float | None:
    """A number that is meant to be in points; None if it could be a fraction as well, or is none."""
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return number if number is not None and (number == 0 or 1 < number <= 100) else None


def points(score: float | None, result: BenchmarkResult, scale: Scale) -> float | None:
    """A score of this result in points, 0 to 100; None if it is absent, its unit is unknown, or it lies outside."""
    if score is None:
        return None
    unit = result.unit or scale.unit
    if score == 0:
        return 0.0
    found = score * 100 if unit == "fraction" else score if unit == "percent" else None
    return found if found is not None and 0 <= found <= 100 else None
