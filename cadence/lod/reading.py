"""An interval of the pyramid as one short list: which of the units that its nodes kept to show first.

The nodes stand for everything that was said; what they left out weighs through their term counts and the masses of the
units that stand for it.

Pure: no clock, no files. The units have no text; only the log has that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.lod.digest import LOOK_BACK, SpeakerMemory, rank
from cadence.lod.nodes import Kept, Node, lexical
from cadence.lod.terms import Background

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit to show, how much attention it had (0..1), and how much it counts as said by its speaker."""

    kept: Kept
    weight: float
    share: float


class Interval:
    """What lies after seq `after` in these nodes of one scope. `kept` are its units, in order of time.

    With `speakers`, only what they said; `humans` False leaves out what humans said.
    """

    def __init__(
        self, nodes: Sequence[Node], after: int = 0, *, speakers: Collection[str] | None = None, humans: bool = True
    ) -> None:
        self._nodes = nodes
        self._after = after
        self._all = speakers is None and humans
        self.kept: list[Kept] = []
        self._owner: list[int] = []  # which node each comes from
        for number, node in enumerate(nodes):
            for one in node.head:
                wanted = one.seq > after and (humans or not one.human) and (speakers is None or one.speaker in speakers)
                if wanted and not one.block:
                    self.kept.append(one)
                    self._owner.append(number)

    @property
    def at(self) -> Floats:
        """When each unit was said, seconds since the epoch."""
        return np.array([one.at for one in self.kept], dtype=np.float64)

    def objections(self) -> dict[int, list[int]]:
        """Messages that are known to be objected to, and by which."""
        found: dict[int, list[int]] = {}
        for node in self._nodes:
            for _, seq, about in node.objections:
                found.setdefault(about, []).append(seq)
        return found

    def choose(
        self,
        weights: Floats,
        words: float,
        memory: SpeakerMemory,
        now: float,
        *,
        refused: NDArray[np.bool_] | None = None,
    ) -> list[Choice]:
        """The best units of at most `words` words together, best first; `weights` [kept] is their attention.

        `refused` [kept] are left out, as if they had been said already.
        """
        if not self.kept:
            return []
        masses = np.array([one.mass for one in self.kept], dtype=np.float64)
        counted, plain, total = self._counts(weights, masses)
        open_ = np.flatnonzero(~refused) if refused is not None else np.arange(len(self.kept))
        units = [self.kept[i].unit() for i in open_]
        ladder = rank(
            units,
            weights[open_],
            Background(plain, total),
            memory,
            now,
            words,
            vectors=lexical([unit.terms for unit in units], plain, total),
            counted=counted,
            masses=masses[open_],
            weigh=LOOK_BACK,
        )
        chosen: list[Choice] = []
        for i in ladder.select(words):
            if units[i].n <= words:
                words -= units[i].n
                chosen.append(Choice(self.kept[open_[i]], float(weights[open_[i]]), float(ladder.shares[i])))
        return chosen

    def _counts(self, weights: Floats, masses: Floats) -> tuple[dict[str, float], dict[str, int], int]:
        """How often each term was used, by attention; how often at all; and by how many units."""
        counted: dict[str, float] = {}
        plain: Counter[str] = Counter()
        total = 0
        owner = np.array(self._owner, dtype=np.int64)
        for number, node in enumerate(self._nodes):
            own = np.flatnonzero(owner == number)
            if not len(own):
                continue
            if self._all and node.first > self._after:
                used, units = node.term_counts(), node.units
            else:  # only part of it lies in the interval: what was kept of that part stands for it
                used = Counter()
                for i in own:
                    for term in self.kept[i].terms:
                        used[term] += self.kept[i].mass
                units = int(masses[own].sum())
            weight = float(np.average(weights[own], weights=masses[own]))
            for term, count in used.items():
                counted[term] = counted.get(term, 0.0) + weight * count
            plain.update(used)
            total += units
        return counted, plain, total
