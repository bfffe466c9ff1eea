"""Greedy runs over the units of a window, one for each of a block of readers: who has the highest gain for each, and
what picking it changes for the others.

Everything is a matrix of readers and rows of the window, and what a pick changes is computed anew for all rows at once:
a reader more costs a few numbers more, not a few calls. The runs do not touch each other, and none of them depends on
who else is in the block.

Pure and deterministic: of equal gains the earlier row wins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cadence.lod.repeats import COSINE_MAX
from cadence.lod.vectors import Facility, Matrix, filled
from cadence.lod.window import Window

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Race:
    """`runs` [readers, window] tells which rows run for whom, `attention` [readers, window] is 0 for those that do not.

    `length` is the exponent by which words make a unit dear. `used` [readers, terms] is how often each term was used,
    if that is not what the units themselves tell. Readers are named by their place in the block.
    """

    def __init__(self, window: Window, runs: Bools, attention: Floats, length: float, used: Floats | None) -> None:
        self._window = window
        self._weights = attention * window.scaled(length)
        spoken = runs.sum(axis=0)[window.owner] > 0  # what nobody has running need not be summed
        self._flat, self._owner = window.flat[spoken], window.owner[spoken]
        self._cells = self._owner + len(window) * np.arange(len(runs))[:, None]
        worth = window.worth(self._uses(attention) if used is None else used)
        self._worth = np.concatenate([worth, np.zeros((len(runs), 1))], axis=1)  # the last is of no word at all
        self.shares = self._shared(self._worth)  # of each row, of all word weight
        self._cover = self.shares.copy()  # what each row would newly cover
        self._spread: dict[int, tuple[Facility, Ints, float]] = {}
        self._breadth: Floats | None = None
        self._apart: dict[int, _Apart] = {}
        self._groups: list[_Group] = []
        self._opposed: tuple[Ints, Floats] | None = None
        self._favour = np.ones((1, 1))  # of each row, for who said it and whom the picks are of
        self._open = runs.copy()
        # "OK." fills no rung while anything of substance waits: it would only push that into a later one.
        running = runs & (self.shares > 0.0)
        told, self.left = running.sum(axis=1).tolist(), runs.sum(axis=1).tolist()  # rows neither picked nor refused
        if not all(told):
            running |= runs & (np.array(told) == 0)[:, None]
        self._running = [some or every for some, every in zip(told, self.left, strict=True)]  # rows that may be picked
        self._costs = np.where(running, window.costs, np.inf)  # no words pay for one that does not run
        self._gains: Floats | None = None  # below 0 for those that do not run; once the first is asked for
        self._most = np.zeros(0)  # the highest of each reader's
        self.repeats: list[list[tuple[int, int]]] = [[] for _ in runs]  # (row refused, the row picked that said it)

    def spread(self, reader: int, vectors: Matrix, rows: Ints, masses: Floats, weight: float) -> None:
        """Reward breadth: how well the picks stand for all that waits for this reader."""
        order = np.argsort(rows)  # clients are taken along time
        known = filled(vectors[order], self._window.sizes[rows[order]] > 0)
        self._spread[reader] = facility, runners, _ = Facility(known, masses[order]), rows[order], weight
        if self._breadth is None:
            self._breadth = np.zeros(self.shares.shape)
        self._breadth[reader, runners] = weight * facility.gain()

    def hear(self, of: Ints, rewards: Floats, weight: float) -> None:
        """Reward units for the group they belong to, the more the less it has been shown, `rewards` [readers, groups].

        `of` [window] is the same for all readers; where it is not, [readers, window], -1 is none.
        """
        self._groups.append(_Group(of, rewards, weight, self.shares))

    def avoid(self, reader: int, vectors: Matrix, closeness: Floats, rows: Ints, exponent: float) -> None:
        """Weigh units down by how close they come to what was shown, and to what is picked."""
        self._apart[reader] = apart = _Apart(vectors, rows, closeness, self._weights[reader, rows], exponent)
        self._weights[reader, rows] = apart.weights

    def oppose(self, of: Ints, factors: Floats) -> None:
        """Multiply the gain of whoever belongs to group i, for each pick of group j, by `factors` [j, i].

        `of` [window] is the same for all readers.
        """
        self._opposed = of, factors
        self._favour = np.ones(self.shares.shape)

    def runs(self, reader: int, row: int) -> bool:
        """Whether it was neither picked nor refused."""
        return bool(self._open[reader, row])

    def best(self, readers: Ints, room: Floats, worth: float = 0.0) -> Ints:
        """For each of `readers` the row of the highest gain among those of at most `room` words; -1 if none fits.

        Nor is there one if its gain is less than `worth` times that of the best of any length: then it is better to
        wait for more room. Those that say nothing may run only when nobody who says something is left, whatever fits.
        """
        if self._gains is None:
            self._gains = self._gain(np.arange(len(self._open)))
            self._most = self._gains.max(axis=1)
        fitting = np.where(self._of(self._costs, readers) <= room[:, None], self._of(self._gains, readers), -1.0)
        found = fitting.max(axis=1)
        none = found < np.maximum(worth * self._of(self._most, readers), 0.0)
        return np.where(none, -1, fitting.argmax(axis=1))

    def take(self, readers: Ints, rows: Ints) -> None:
        """Pick a row for each of `readers`, and refuse those that say the same again."""
        self._open[readers, rows] = False
        self._costs[readers, rows] = np.inf
        self._worth[readers[:, None], self._window.words_of[rows]] = 0.0
        here: Ints | slice = readers if len(readers) < len(self._open) else slice(None)
        self._cover[here] = self._shared(self._worth[here])
        for group in self._groups:
            group.take(readers, rows, here)
        if self._opposed is not None:
            of, factors = self._opposed
            self._favour[readers] *= factors[of[rows]][:, of]
        for reader, row in zip(readers.tolist(), rows.tolist(), strict=True):
            self.left[reader] -= 1
            self._running[reader] -= 1
            again = self._window.again(row)
            if reader in self._spread:
                self._widen(reader, row)
            if (apart := self._apart.get(reader)) is not None:
                again = [*again, *apart.take(row)]
                self._weights[reader, apart.rows] = apart.weights
            if again:
                self._refuse(reader, row, again)
            if not self._running[reader] and self.left[reader]:
                self._costs[reader] = np.where(self._open[reader], self._window.costs, np.inf)
                self._running[reader] = self.left[reader]
        if self._gains is not None:
            self._gains[here] = gains = self._gain(readers)
            self._most[here] = gains.max(axis=1)

    def _widen(self, reader: int, row: int) -> None:
        assert self._breadth is not None
        facility, runners, weight = self._spread[reader]
        facility.take(int(np.searchsorted(runners, row)))
        self._breadth[reader, runners] = weight * facility.gain()

    def _refuse(self, reader: int, row: int, again: Sequence[int]) -> None:
        for other in again:
            if self._open.item(reader, other):
                self.left[reader] -= 1
                self._running[reader] -= self._costs.item(reader, other) < np.inf
                self._open[reader, other], self._costs[reader, other] = False, np.inf
                self.repeats[reader].append((other, row))

    def _gain(self, readers: Ints) -> Floats:
        gains = self._of(self._cover, readers)
        if self._breadth is not None:
            gains = gains + self._of(self._breadth, readers)
        for group in self._groups:
            gains = gains + self._of(group.reward, readers)
        gains = gains * self._of(self._weights, readers)
        if self._opposed is not None:
            gains = gains * self._of(self._favour, readers)
        found: Floats = np.where(self._of(self._costs, readers) < np.inf, gains, -1.0)
        return found

    def _of(self, matrix: Floats, readers: Ints) -> Floats:
        """The rows of these readers, without a copy if these are all."""
        return matrix if len(readers) == len(matrix) else matrix[readers]

    def _uses(self, attention: Floats) -> Floats:
        """How often each word is used, [readers, terms], by attention for each unit."""
        words = len(self._window.terms)
        cells = self._flat + words * np.arange(len(attention))[:, None]
        return _summed(cells, attention[:, self._owner], (len(attention), words))

    def _shared(self, worth: Floats) -> Floats:
        """What each unit says of all that is worth saying, [readers, window]."""
        return _summed(self._cells[: len(worth)], worth[:, self._flat], (len(worth), len(self._window)))


def _summed(cells: Ints, values: Floats, shape: tuple[int, int]) -> Floats:
    """The sum of the values of each cell of a matrix, the cells numbered row by row."""
    sums = np.bincount(cells.ravel(), weights=values.ravel(), minlength=shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)


class _Group:
    """A kind of group: that of each row (-1: none), and what belonging to it is worth to the row now."""

    def __init__(self, of: Ints, rewards: Floats, weight: float, shares: Floats) -> None:
        self._of, self._weight, self._shares = of, weight, shares
        self._shown = np.concatenate([rewards, np.zeros((len(rewards), 1))], axis=1)  # R of each group, and of none
        before = self._shown[:, of] if of.ndim == 1 else np.take_along_axis(self._shown, of, axis=1)
        self.reward: Floats = weight * (np.sqrt(before + shares) - np.sqrt(before))
        if of.ndim == 2:
            self.reward[of < 0] = 0.0

    def take(self, readers: Ints, rows: Ints, here: Ints | slice) -> None:
        """`here` is what `readers` are, maybe shorter."""
        of = self._of if self._of.ndim == 1 else self._of[here]
        groups = self._of[rows] if self._of.ndim == 1 else self._of[readers, rows]
        before = self._shown[readers, groups] + self._shares[readers, rows]
        members = of == groups[:, None]
        if self._of.ndim == 2:
            before[groups < 0], members[groups < 0] = 0.0, False
        self._shown[readers, groups] = before
        reward = self._weight * (np.sqrt(before[:, None] + self._shares[here]) - np.sqrt(before)[:, None])
        self.reward[here] = np.where(members, reward, self.reward[here])


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
