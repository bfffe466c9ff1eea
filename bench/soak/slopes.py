"""Whether a figure grows: a straight line through its samples, and an interval for its slope (95 of 100 cases).

Samples ten seconds apart resemble their neighbours, so an interval from all of them would be far too narrow. The line
goes through the means of `BLOCKS` stretches instead, which hardly know of one another (Alexopoulos & Seila 1996, batch
means), and the interval is Student's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCKS = 20
STUDENT_95 = 2.101  # 18 degrees of freedom, two-sided


@dataclass(frozen=True, slots=True)
class Slope:
    """A line: its value at the first sample, what it gains in an hour, give or take `margin`."""

    first: float
    mean: float
    per_hour: float
    margin: float

    @property
    def grows(self) -> bool:
        """Whether it certainly does."""
        return self.per_hour - self.margin > 0

    def at(self, hours: float) -> float:
        """The line so long after its first sample."""
        return self.first + self.per_hour * hours


def slope(seconds: Sequence[float], values: Sequence[float]) -> Slope:
    """The line through samples taken at `seconds`, at least `BLOCKS` of them, in order."""
    if len(values) < BLOCKS:
        raise ValueError(f"expected at least {BLOCKS} samples after the warm-up, got {len(values)}: soak for longer")
    hours = (np.asarray(seconds) - seconds[0]) / 3600
    x = np.array([block.mean() for block in np.array_split(hours, BLOCKS)])
    y = np.array([block.mean() for block in np.array_split(np.asarray(values, dtype=float), BLOCKS)])
    spread = ((x - x.mean()) ** 2).sum()
    gain = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    first = float(y.mean() - gain * x.mean())
    left = y - first - gain * x
    error = float(np.sqrt((left**2).sum() / (BLOCKS - 2) / spread))
    return Slope(first, float(y.mean()), gain, STUDENT_95 * error)
