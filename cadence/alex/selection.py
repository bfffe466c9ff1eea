"""Which of the waiting units a reader is shown: attention, then the ranked digest.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick
from cadence.lod.attention import attention, topic_distance
from cadence.lod.digest import SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.rooms.wire import View

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be shown; urgent if it mentions the reader or answers them."""

    entry: Entry
    unit: Unit
    urgent: bool


def attend(
    candidates: Sequence[Candidate], ages: Floats, view: View, near: Collection[str], background: Background
) -> Floats:
    """Attention of one reader for each candidate, in (0, 1]; LOD.md section 2.

    `ages` in units of s_time's own measure; `near` are the speakers at distance 0.
    """
    pod = view.focus.pod or None
    place = np.array([_steps(candidate.entry, near, pod) for candidate in candidates], dtype=np.float64)
    topic = topic_distance(view.interests, [candidate.unit for candidate in candidates], background)
    weights: Floats = attention(place, ages, topic, view.sigma)
    weights[[candidate.urgent for candidate in candidates]] = 1.0
    return weights


def choose(
    candidates: Sequence[Candidate],
    weights: Floats,
    budget: float,
    background: Background,
    memory: SpeakerMemory,
    now: float,
) -> list[Pick]:
    """The digest within `budget` words: what is urgent first, then the ladder of LOD.md section 5.

    Only the last thing taken may overdraw, and only if it is urgent or the turn would otherwise be empty.
    """
    total = sum(candidate.unit.n for candidate in candidates)
    picks: list[Pick] = []
    for candidate in candidates:
        if candidate.urgent and budget > 0:
            budget -= candidate.unit.n
            picks.append(Pick(candidate.entry, candidate.unit, 1.0))
            memory.add(candidate.unit.speaker, candidate.unit.n / total, now)
    rest = [i for i, candidate in enumerate(candidates) if not candidate.urgent]
    if budget <= 0 or not rest:
        return picks
    ladder = rank([candidates[i].unit for i in rest], weights[rest], background, memory, now, budget)
    chosen = ladder.select(budget)
    if picks and sum(candidates[rest[i]].unit.n for i in chosen) > budget:
        return picks
    for i in chosen:
        candidate = candidates[rest[i]]
        picks.append(Pick(candidate.entry, candidate.unit, float(weights[rest[i]])))
        memory.add(candidate.unit.speaker, float(ladder.shares[i]), now)
    return picks


def _steps(entry: Entry, near: Collection[str], pod: str | None) -> float:
    """Distance within the room: 0 for those near the reader, 1 for any other speaker, one more for another pod."""
    apart = pod is not None and bool(entry.message.pod) and entry.message.pod != pod
    return (0.0 if entry.speaker in near else 1.0) + apart
