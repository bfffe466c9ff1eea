"""What a reader has been shown lately, so that it is not said to them again in other words.

The gate is lexical: a unit of at least three content words is a repeat if more than 60 % of them stand in one of
the last 96 units shown (LOD.md section 5, law 10). Where vectors are at hand a cosine above 0.8 is one, too.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cadence.lod.units import Unit
from cadence.lod.vectors import Vector, max_cosine, stacked

if TYPE_CHECKING:
    from cadence.lod.window import Window

SHOWN_MAX = 96
OVERLAP_MAX = 0.6
TERMS_MIN = 3
COSINE_MAX = 0.8
MANY_UNITS = 64  # of so many it is worth while to ask first, all at once, which have their words in what was shown


class ShownMemory:
    """The last `SHOWN_MAX` units one reader was shown, oldest dropped first."""

    def __init__(self) -> None:
        self._shown: list[tuple[frozenset[object], frozenset[str], Vector | None, Unit | None]] = []
        self._using: dict[str, list[int]] = {}  # by term: the numbers of the units shown that use it, ascending
        self._number = 0
        self._passed: frozenset[Unit] = frozenset()  # known to repeat nothing of what was shown up to `_passed_at`
        self._passed_at = 0

    def add(
        self, seqs: Iterable[object], terms: Iterable[str], vector: Vector | None = None, unit: Unit | None = None
    ) -> None:
        """A unit with these content words was shown; it comes from one of the messages `seqs`, whatever names them."""
        self._shown.append((frozenset(seqs), frozenset(terms), vector, unit))
        self._number += 1
        for term in self._shown[-1][1]:
            self._using.setdefault(term, []).append(self._number)
        if len(self._shown) > SHOWN_MAX:
            for term in self._shown.pop(0)[1]:
                del self._using[term][0]
                if not self._using[term]:
                    del self._using[term]

    def remove(self, seq: object) -> None:
        """A message is gone: nothing of it is remembered (law 17)."""
        self._passed = frozenset([unit for unit in self._passed if unit.seq != seq])
        kept = [shown for shown in self._shown if seq not in shown[0]]
        if len(kept) < len(self._shown):
            self.clear()
            for shown in kept:
                self.add(*shown)

    def clear(self) -> None:
        """Forget all that was shown."""
        self._shown.clear()
        self._using.clear()
        self._passed = frozenset()

    def repeats(self, units: Sequence[Unit], vectors: Sequence[Vector | None] | None = None) -> NDArray[np.bool_]:
        """Which of `units` say again what was shown, [units]."""
        known = self._using
        found = np.array([_overlap(unit.terms, known) > OVERLAP_MAX for unit in units], dtype=np.bool_)
        if vectors is not None:
            found |= self.closeness(vectors) > COSINE_MAX
        return found

    def repeats_in(self, window: Window, units: Sequence[Unit]) -> list[int]:
        """The places of those of `units` that say again what was shown, by their words; `window` holds all of them.

        Who asks again about units that were no repeats has them compared only with what was shown since.
        """
        looked_at = frozenset(units)
        new, said = looked_at - self._passed, set[Unit]()
        if new:
            known = self._using
            near = new if len(new) < MANY_UNITS else new.intersection(window.saying_again(known, None))
            said.update([unit for unit in near if _overlap(unit.terms, known) > OVERLAP_MAX])
        if len(new) < len(units):
            for _, terms, _, unit in islice(reversed(self._shown), self._number - self._passed_at):
                said.update(window.saying_again(terms, unit))
            said &= looked_at
        self._passed, self._passed_at = looked_at - said if said else looked_at, self._number
        return [i for i, unit in enumerate(units) if unit in said] if said else []

    def closeness(self, vectors: Sequence[Vector | None]) -> NDArray[np.float64]:
        """The highest cosine of each vector with what was shown, [units]; 0 where there is no vector."""
        candidates = stacked(vectors)
        shown = [] if candidates is None else [vector for _, _, vector, _ in self._shown if vector is not None]
        return max_cosine(candidates, np.stack(shown)) if candidates is not None and shown else np.zeros(len(vectors))


def _overlap(terms: Sequence[str], known: dict[str, list[int]]) -> float:
    """The largest share of `terms` that stands in one unit shown."""
    size = len(terms)
    if size < TERMS_MIN or [term in known for term in terms].count(True) <= OVERLAP_MAX * size:
        return 0.0
    counts: dict[int, int] = {}
    for term in terms:
        for number in known.get(term, ()):
            counts[number] = counts.get(number, 0) + 1
    return max(counts.values(), default=0) / size
