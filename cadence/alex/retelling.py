"""Which prose one reader is shown at a look: whole segments, all of whose units still wait for that reader.

Prose is of a room, what waits is a reader's. A segment none of whose units was shown, gated or taken for a dispute may
be told; one that tells anything again may not. What it tells waits no longer; the rest of the node competes on.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.alex.prose import Place, Prose, Told, rung_for
from cadence.alex.waiting import Candidate, OpenMessage
from cadence.lod.pyramid import SLOT_SECONDS
from cadence.lod.units import UNIT_WORDS_MAX
from cadence.rooms.wire import Segment

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Retold:
    """A segment of prose as one reader gets it, and what of the waiting it tells."""

    told: Told
    prose: Prose
    candidates: tuple[Candidate, ...]
    weight: float

    def segment(self) -> Segment:
        """As it goes over the wire."""
        return Segment("paraphrase", (self.told.speaker,), self.told.text, self.told.seqs, round(self.weight, 3))


def retell(
    proses: Sequence[Prose],
    candidates: Sequence[Candidate],
    weights: Floats,
    budget: float,
    closed: Collection[int],
    *,
    alone: bool = False,
) -> list[Retold]:
    """The segments to tell within `budget` words, in order of time; `closed` are messages that may not be told so.

    Nodes are taken by attention, the newer first among equals; a node's segments in their order, as far as they fit. If
    none fits and nothing else is in the turn yet (`alone`), the first may overdraw, as a unit may.
    """
    waiting = {(one.unit.seq, one.unit.index): i for i, one in enumerate(candidates) if not one.urgent}
    found: list[tuple[Prose, list[Retold]]] = []
    for prose in proses:
        usable = [_retold(prose, told, waiting, candidates, weights, closed) for told in prose.told]
        if kept := [one for one in usable if one is not None]:
            found.append((prose, kept))
    found.sort(key=lambda one: (-max(retold.weight for retold in one[1]), -one[0].first))
    chosen: list[Retold] = []
    taken: set[Place] = set()
    for _, segments in found:
        for retold in segments:
            if retold.told.words <= budget and taken.isdisjoint(retold.told.units):
                chosen.append(retold)
                taken.update(retold.told.units)
                budget -= retold.told.words
    if alone and not chosen and budget > 0:
        chosen = [one for _, segments in found for one in segments if one.told.words <= UNIT_WORDS_MAX][:1]
    return sorted(chosen, key=lambda one: one.told.units[0])


def rung_needed(waiting: Iterable[OpenMessage], credit: float, rate: float) -> int:
    """The words of prose that a reader can use of each leaf, at `rate` words a second; 0 if all fits `credit`."""
    for message in waiting:
        credit -= message.words
        if credit < 0:
            return rung_for(rate * SLOT_SECONDS)
    return 0


def _retold(
    prose: Prose,
    told: Told,
    waiting: dict[Place, int],
    candidates: Sequence[Candidate],
    weights: Floats,
    closed: Collection[int],
) -> Retold | None:
    places = [waiting.get(place) for place in told.units]
    if any(place is None for place in places) or any(seq in closed for seq in told.seqs):
        return None
    known = [place for place in places if place is not None]
    weight = float(np.mean([weights[place] for place in known]))
    return Retold(told, prose, tuple(candidates[place] for place in known), weight)
