"""The product's own digest, as the benchmark calls it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cadence.lod.digest import Ladder, SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix


def ladder(units: Sequence[Unit], vectors: Matrix | None, budget: float, background: Background) -> Ladder:
    """All units equally near, nobody shown anything yet: a catch-up over everything."""
    return rank(units, np.ones(len(units)), background, SpeakerMemory(), 0.0, budget, vectors=vectors)


def digest(units: Sequence[Unit], vectors: Matrix | None, budget: float, background: Background) -> list[int]:
    """What a reader of `budget` words is shown."""
    return list(ladder(units, vectors, budget, background).select(budget))
