"""The product's own digest, as the benchmark calls it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cadence.lod.digest import LOOK_BACK, Ladder, SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix


def ladder(
    units: Sequence[Unit], vectors: Matrix | None, budget: float, background: Background, *, exact: bool = False
) -> Ladder:
    """A look back over everything: all units equally near, nobody shown anything yet."""
    attention = np.ones(len(units))
    memory = SpeakerMemory()
    return rank(units, attention, background, memory, 0.0, budget, vectors=vectors, weigh=LOOK_BACK, exact=exact)


def digest(
    units: Sequence[Unit], vectors: Matrix | None, budget: float, background: Background, *, exact: bool = False
) -> list[int]:
    """What a reader of `budget` words is shown; `exact` where the words were asked for, and nothing need nest."""
    return list(ladder(units, vectors, budget, background, exact=exact).select(budget))
