"""One greedy run over the units of a window: who has the highest gain, and what picking it changes for the others.

Everything is an array over the rows of the window, and what a pick changes is computed anew for all of them at once:
with some hundred units that costs less than a queue that looks at one unit after another.

Pure and deterministic: of equal gains the earlier row wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cadence.lod.repeats import COSINE_MAX
from cadence.lod.vectors import Facility, Matrix, filled
from cadence.lod.window import Window

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Race:
    """`attention` [window] is 0 for those that do not run; `rows` are those that do.

    `length` is the exponent by which words make a unit dear. `used` [terms] is how often each term was used, if that
    is not what the units themselves tell.
    """

    def __init__(self, window: Window, rows: Ints, attention: Floats, length: float, used: Floats | None) -> None:
        self._window = window
        self._weights = attention * window.scaled(length)
        self._worth = window.worth(window.uses(attention) if used is None else used)
        self.shares = window.shares(self._worth)  # of each row, of all word weight
        self._cover = self.shares  # what each row would newly cover
        self._facility: tuple[Facility, Ints, float] | None = None
        self._breadth: Floats | None = None
        self._apart: _Apart | None = None
        self._groups: list[_Group] = []
        self._opposed: tuple[Ints, Floats] | None = None
        self._favour: Floats | float = 1.0  # of each row, for who said it and whom the picks are of
        self._open = set(rows.tolist())
        # "OK." fills no rung while anything of substance waits: it would only push that into a later one.
        telling = rows[self.shares[rows] > 0.0]
        self._telling = set(telling.tolist())
        self._costs = _priced(window, telling if len(telling) else rows)
        self._gains: Floats | None = None  # as of now, if known
        self.repeats: list[tuple[int, int]] = []  # (row refused, the row picked that said it already)

    def spread(self, vectors: Matrix, rows: Ints, masses: Floats, weight: float) -> None:
        """Reward breadth: how well the picks stand for all that waits."""
        order = np.argsort(rows)  # clients are taken along time
        known = filled(vectors[order], self._window.sizes[rows[order]] > 0)
        self._facility = Facility(known, masses[order]), rows[order], weight
        self._breadth = self._spread()

    def hear(self, of: Ints, rewards: Sequence[float], weight: float) -> None:
        """Reward units for the group they belong to (-1: none), the more the less it has been shown."""
        self._groups.append(_Group(of, rewards, weight, self.shares))

    def hear_speakers(self, rewards: Sequence[float], weight: float) -> None:
        """Reward units for their speakers; `rewards` runs along those of the window."""
        window = self._window
        self._groups.append(_Group(window.speaker_of, rewards, weight, self.shares, window.said_by))

    def avoid(self, vectors: Matrix, closeness: Floats, rows: Ints, exponent: float) -> None:
        """Weigh units down by how close they come to what was shown, and to what is picked."""
        self._apart = _Apart(vectors, rows, closeness, self._weights[rows], exponent)
        self._weights[rows] = self._apart.weights

    def oppose(self, of: Ints, factors: Floats) -> None:
        """Multiply the gain of whoever belongs to group i, for each pick of group j, by `factors` [j, i]."""
        self._opposed = of, factors

    def any_open(self) -> bool:
        """Whether a unit is left that was neither picked nor refused."""
        return bool(self._open)

    def runs(self, row: int) -> bool:
        """Whether it was neither picked nor refused."""
        return row in self._open

    def best(self, room: float, worth: float = 0.0) -> int | None:
        """The row of the highest gain among those of at most `room` words; None if none fits.

        Nor is there one if its gain is less than `worth` times that of the best of any length: then it is better to
        wait for more room. Those that say nothing may run only when nobody who says something is left, whatever fits.
        """
        if self._gains is None:
            self._gains = self._gain()
        gains = np.where(self._costs <= room, self._gains, -1.0)
        best = int(gains.argmax())
        if gains[best] < 0.0:
            return None
        if worth and gains[best] < worth * self._gains[np.isfinite(self._costs)].max():
            return None
        return best

    def take(self, row: int) -> None:
        """Pick a row, and refuse those that say the same again."""
        self._close(row)
        self._gains = None
        self._worth[self._window.words[row]] = 0.0
        self._cover = self._window.shares(self._worth)
        if self._facility is not None:
            facility, runners, _ = self._facility
            facility.take(int(np.searchsorted(runners, row)))
            self._breadth = self._spread()
        for group in self._groups:
            group.take(row)
        if self._opposed is not None:
            of, factors = self._opposed
            self._favour = self._favour * factors[of[row]][of]
        again = self._window.again(row)
        if self._apart is not None:
            again = [*again, *self._apart.take(row)]
            self._weights[self._apart.rows] = self._apart.weights
        for other in again:
            if other in self._open:
                self._close(other)
                self.repeats.append((other, row))
        if not self._telling and self._open and not np.isfinite(self._costs).any():
            self._costs = _priced(self._window, np.array(sorted(self._open)))

    def _gain(self) -> Floats:
        gains = self._cover if self._breadth is None else self._cover + self._breadth
        for group in self._groups:
            gains = gains + group.reward
        gains = gains * self._weights
        return gains if self._opposed is None else gains * self._favour

    def _spread(self) -> Floats:
        assert self._facility is not None
        facility, runners, weight = self._facility
        found = np.zeros(len(self._window))
        found[runners] = weight * facility.gain()
        return found

    def _close(self, row: int) -> None:
        self._open.discard(row)
        self._telling.discard(row)
        self._costs[row] = np.inf


def _priced(window: Window, rows: Ints) -> Floats:
    """What each row costs, [window]; no words pay for one that is not among `rows`."""
    costs = np.full(len(window), np.inf)
    costs[rows] = window.costs[rows]
    return costs


class _Group:
    """A kind of group: that of each row (-1: none), and what belonging to it is worth to the row now."""

    def __init__(
        self,
        of: Ints,
        rewards: Sequence[float],
        weight: float,
        shares: Floats,
        members: Callable[[int], Ints] | None = None,
    ) -> None:
        self._of, self._weight, self._shares, self._members = of, weight, shares, members
        self._shown = [*rewards, 0.0]  # R of each group, and of none
        before = np.array(self._shown)[of]
        self.reward: Floats = weight * (np.sqrt(before + shares) - np.sqrt(before))
        if members is None:
            self.reward[of < 0] = 0.0

    def take(self, row: int) -> None:
        group = int(self._of[row])
        if group < 0:
            return
        self._shown[group] = before = self._shown[group] + float(self._shares[row])
        members = np.flatnonzero(self._of == group) if self._members is None else self._members(group)
        self.reward[members] = self._weight * (np.sqrt(before + self._shares[members]) - sqrt(before))


class _Apart:
    """How far each unit is from what was shown and picked, by its vector; see `max_cosine`."""

    def __init__(self, vectors: Matrix, rows: Ints, closeness: Floats, weights: Floats, exponent: float) -> None:
        self._vectors = vectors
        self.rows = rows
        self._weights = weights * (1.0 - closeness) ** exponent
        self._near = np.zeros(len(rows))
        self._place = {row: i for i, row in enumerate(rows.tolist())}

    @property
    def weights(self) -> Floats:
        """The weights of the rows, the less the closer they are; what is picked together may be of one subject."""
        found: Floats = self._weights * (1.0 - self._near)
        return found

    def take(self, row: int) -> list[int]:
        """A row is picked; returns those that say the same."""
        cosine = np.clip(self._vectors @ self._vectors[self._place[row]], 0.0, 1.0)
        self._near = np.maximum(self._near, cosine)
        return [int(self.rows[i]) for i in np.flatnonzero(cosine > COSINE_MAX)]
