"""The ranked digest: which units to show within a budget of words, nested across budgets.

Words are covered, not sentences: a word weighs what it is used in the window, by attention, times how rare it is in
the room, and counts once. Each speaker's first words are worth more than their next, so that a flooding voice cannot
silence a slow one. Picks are greedy by gain, on a ladder of rungs of 10, 20, 40 ... words: each rung extends the one
below, so a slowly moving budget never makes text flicker.

    gain(u) = [newly covered share of all word weight + facility gain, where there are vectors
               + 0.7 * sum over speaker and side (sqrt(R + r) - sqrt(R))]
              * attention * salience * (1 - closest shown lately)^6 * (1 - closest picked) / n^0.6

r is the unit's own share of all word weight, R what its speaker (side) has been shown already (see `SpeakerMemory`).
Where there are sides a dispute is on, and n counts with ^0.7: shorter picks let more voices into a turn. A look back
over a long time weighs otherwise (`Weights`), and rewards each part of the time like a speaker. A unit that
says again what was picked before it (more than 60 % of at least three content words) is refused and counted.

No gain ever grows while others are picked, so only the best of a queue is looked at again (lazy greedy, Minoux 1978).

Pure and deterministic: the result does not depend on the order of `units`; of equal gains the earlier unit wins.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from cadence.lod.repeats import COSINE_MAX
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Facility, Matrix
from cadence.lod.window import Window

RUNG_WORDS_FIRST = 10
DISPUTE_LENGTH_EXPONENT = 0.7
TIME_BINS = 12  # parts of the window, of equal words, that are rewarded like speakers
REWARD_HALF_LIFE_S = 600.0
SPEAKERS_MAX = 1_024

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much beside the words covered (weight 1), and how much length costs."""

    facility: float = 1.0
    voices: float = 0.7  # speakers, and sides
    times: float = 0.0
    length: float = 0.6
    apart: float = 6.0  # exponent of the distance to what was shown, where there are vectors; 0: none counts


# A look at what was just said: whoever floods must not silence others.
LOOK = Weights()
# A look back over a long time, once: with the weights of a look, nobody having been shown, it would be one line each.
# Measured together on 50 meetings for training and 35 for validation (docs/lod.md).
LOOK_BACK = Weights(facility=0.1, voices=0.05, times=0.15, length=0.35, apart=0.0)
LOOK_BACK_PACKED = Weights(facility=0.0, voices=0.02, times=0.04, length=0.55, apart=0.0)  # with a domain pack


class SpeakerMemory:
    """How much a reader has been shown of each speaker and each side, halved every ten minutes."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[float, float]] = {}  # speaker -> (reward, as of)

    def reward(self, speaker: str, now: float) -> float:
        """The speaker's R at `now`; 0 for one who was never shown."""
        reward, at = self._shown.get(speaker, (0.0, now))
        return float(reward * 0.5 ** (max(0.0, now - at) / REWARD_HALF_LIFE_S))

    def add(self, speaker: str, r: float, now: float) -> None:
        """Note that units worth `r` of this speaker were shown."""
        self._shown[speaker] = (self.reward(speaker, now) + r, now)
        if len(self._shown) > SPEAKERS_MAX:
            least = min(self._shown, key=lambda known: (self.reward(known, now), known))
            del self._shown[least]

    def clear(self) -> None:
        """Forget everyone."""
        self._shown.clear()


@dataclass(frozen=True, slots=True)
class Rung:
    """The units added when the digest may grow to `limit_words`, in the order they were picked."""

    limit_words: int
    added: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """Nested choices: S(k) is all that was added up to rung k. Indices are those of the ranked units."""

    rungs: tuple[Rung, ...]
    words: tuple[int, ...]  # of each unit
    shares: Floats  # of each unit, of all word weight: what showing it adds to its speaker's reward
    repeats: tuple[tuple[int, int], ...] = ()  # (unit refused, the unit picked that said it already)

    def select(self, budget: float) -> tuple[int, ...]:
        """The units for `budget` words, in the order they were picked.

        Whole rungs, then the longest prefix of the next one that fits. If that is nothing, the first unit of the
        lowest rung that has any, which overdraws. Good for budgets up to the one the ladder was built for.
        """
        chosen: list[int] = []
        used = 0
        for rung in self.rungs:
            for i in rung.added:
                used += self.words[i]
                if used > budget:
                    return tuple(chosen) or (i,)
                chosen.append(i)
        return tuple(chosen)


def rank(
    units: Sequence[Unit],
    attention: Floats,
    background: Background,
    memory: SpeakerMemory,
    now: float,
    budget: float,
    *,
    sides: Sequence[str | None] | None = None,
    vectors: Matrix | None = None,
    closeness: Floats | None = None,
    weigh: Weights = LOOK,
    exact: bool = False,
    counted: Mapping[str, float] | None = None,
    masses: Floats | None = None,
    window: Window | None = None,
) -> Ladder:
    """Rank `units` for one reader as far as `budget` words need it.

    `weigh` is `LOOK` for a look at what was just said, `LOOK_BACK` for an answer about a long time.
    `exact` makes one rung as wide as the budget: an answer of so many words, asked for once, has nothing to nest in.
    `sides` names the side each unit's speaker is guessed to be on, as a key of `memory`; it steers, nothing more.
    `vectors` [units, d] add breadth, rows of zeros where there is none; `closeness` [units], in 0..1, is the highest
    cosine with what this reader was shown lately. Units that stand for more than themselves (see `nodes`) come with
    `masses` [units], how many each stands for, and `counted`, how often each term was used, by attention.
    `window`, if given, holds at least these units, with the room's background as it is.
    """
    if not units:
        return Ladder((), (), np.zeros(0))
    if window is None:
        order = sorted(range(len(units)), key=lambda i: (units[i].seq, units[i].index))
        window, rows = Window([units[i] for i in order], background), np.empty(len(units), dtype=np.int64)
        rows[order] = np.arange(len(units))
    else:
        known = window.rows
        rows = np.array([known[unit] for unit in units], dtype=np.int64)
    if weigh is LOOK_BACK and background.pack is not None:
        weigh = LOOK_BACK_PACKED
    weights = np.zeros(len(window))
    weights[rows] = attention
    used = None if counted is None else np.array([counted.get(term, 0.0) for term in window.terms], dtype=np.float64)
    race = _Race(window, rows, weights, used, weigh, dispute=sides is not None)
    if vectors is not None and weigh.facility:
        race.spread(vectors, rows, weights[rows] if masses is None else weights[rows] * masses)
    if weigh.apart and (vectors is not None or closeness is not None):
        near = np.zeros(len(rows)) if closeness is None else closeness
        race.avoid(np.zeros((len(rows), 0), np.float32) if vectors is None else vectors, near, rows, weigh.apart)
    race.hear(window.speaker, [memory.reward(speaker, now) for speaker in window.speakers], weigh.voices)
    if weigh.times:
        race.hear(_bins(window, rows), [0.0] * TIME_BINS, weigh.times)
    if sides is not None:
        of_side, names = _sides(sides, rows, len(window))
        race.hear(of_side, [memory.reward(side, now) for side in names], weigh.voices)
    rungs, of = _climb(race, budget, exact), {row: i for i, row in enumerate(rows.tolist())}
    return Ladder(
        tuple(Rung(limit, tuple(of[row] for row in added)) for limit, added in rungs),
        tuple([unit.n for unit in units]),
        race.shares[rows],
        tuple((of[row], of[by]) for row, by in race.repeats),
    )


def _climb(race: _Race, budget: float, exact: bool) -> list[tuple[int, list[int]]]:
    """The rungs of the ladder, with what each adds."""
    rungs: list[tuple[int, list[int]]] = []
    used, found = 0, 0
    limit = int(budget) if exact else RUNG_WORDS_FIRST
    while race.any_open():
        added = race.extend(limit - used)
        used += race.words(added)
        found += len(added)
        rungs.append((limit, added))
        if exact or (limit > budget and found):
            break
        limit *= 2
    return rungs


def _sides(sides: Sequence[str | None], rows: Ints, length: int) -> tuple[list[int], list[str]]:
    """The side of each row of a window, -1 for none, and the names of the sides."""
    names: dict[str, int] = {}
    of = [-1] * length
    for row, side in zip(rows.tolist(), sides, strict=True):
        if side is not None:
            of[row] = names.setdefault(side, len(names))
    return of, list(names)


def _bins(window: Window, rows: Ints) -> list[int]:
    """The part of the time that each row belongs to, -1 for those that do not run."""
    costs = np.zeros(len(window))
    costs[rows] = window.costs[rows]
    before = np.cumsum(costs) - costs
    of = (before / max(costs.sum(), 1.0) * TIME_BINS).astype(np.int64)
    return [int(part) if cost else -1 for part, cost in zip(of, costs, strict=True)]


class _Race:
    """One greedy run over the rows of a window. `attention` [window] is 0 for those that do not run."""

    def __init__(
        self, window: Window, rows: Ints, attention: Floats, used: Floats | None, weigh: Weights, *, dispute: bool
    ) -> None:
        self._window, self._n, self._breadth = window, window.n, weigh.facility
        self._weights = attention * window.scaled(
            max(DISPUTE_LENGTH_EXPONENT, weigh.length) if dispute else weigh.length
        )
        self._weight: list[float] = []  # the same, from the first pick on
        worth = window.worth(window.uses(attention) if used is None else used)
        self.shares = window.shares(worth)
        self._worth: list[float] = worth.tolist()
        self._share: list[float] = self.shares.tolist()
        self._covered: set[int] = set()
        self._facility: tuple[Facility, dict[int, int]] | None = None
        self._apart: _Apart | None = None
        # By kind of group: that of each row (-1: none), R of each group, and how much the kind counts.
        self._groups: list[tuple[Sequence[int], list[float], float]] = []
        runners = rows.tolist()
        self._open = set(runners)
        # "OK." fills no rung while anything of substance waits: it would only push that into a later one.
        self._telling = {row for row in runners if self._share[row] > 0.0}
        self._queue: list[tuple[float, int]] = []  # (-gain as last known, row), of those that may be picked
        self._stage = 0  # the queue holds nothing yet, those that say something, the rest
        self.repeats: list[tuple[int, int]] = []

    def spread(self, vectors: Matrix, rows: Ints, masses: Floats) -> None:
        """Reward breadth: how well the picks stand for all that waits."""
        order = np.argsort(rows)  # clients are taken along time
        found = Facility(vectors[order], masses[order])
        self._facility = found, {int(rows[i]): place for place, i in enumerate(order)}

    def hear(self, of: Sequence[int], rewards: list[float], weight: float) -> None:
        """Reward units for the group they belong to, the more the less it has been shown."""
        self._groups.append((of, rewards, weight))

    def avoid(self, vectors: Matrix, closeness: Floats, rows: Ints, exponent: float) -> None:
        """Weigh units down by how close they come to what was shown, and to what is picked."""
        self._apart = _Apart(vectors, rows, closeness, self._weights[rows].copy(), exponent)
        self._weights[rows] = self._apart.weights

    def any_open(self) -> bool:
        """Whether a unit is left that was neither picked nor refused."""
        return bool(self._open)

    def words(self, rows: Sequence[int]) -> int:
        """What these cost."""
        return sum(self._n[row] for row in rows)

    def extend(self, room: int) -> list[int]:
        """Pick greedily until nothing more fits into `room` words."""
        added: list[int] = []
        aside: list[tuple[float, int]] = []  # what does not fit into this rung
        while (best := self._next(room, aside)) is not None:
            room -= self._n[best]
            self._take(best)
            added.append(best)
        for one in aside:
            heapq.heappush(self._queue, one)
        return added

    def _next(self, room: int, aside: list[tuple[float, int]]) -> int | None:
        """The row of the highest gain among those that fit, of equals the earliest; None if none fits."""
        if self._stage == 0 or (self._stage == 1 and not self._telling):
            self._refill()
        queue, open_, costs = self._queue, self._open, self._n
        while queue:
            known, row = queue[0]
            if row not in open_:
                heapq.heappop(queue)
            elif costs[row] > room:
                aside.append(heapq.heappop(queue))
            elif (gain := -self._gain(row)) > known:
                heapq.heapreplace(queue, (gain, row))
            else:
                return row
        return None

    def _refill(self) -> None:
        """Queue those that say something, or, when none of these is left, the rest."""
        first, self._stage = self._stage == 0, 1 if self._telling else 2
        rows = sorted(self._telling or self._open)
        if first:
            self._weight = self._weights.tolist()
        gains = self._first_gains()[rows].tolist() if first else [self._gain(row) for row in rows]
        self._queue = [(-gain, row) for gain, row in zip(gains, rows, strict=True)]
        heapq.heapify(self._queue)

    def _first_gains(self) -> Floats:
        """The gains of all rows while nothing is picked: the sums of `_gain`, in one go."""
        gains = self.shares.copy()
        if self._facility is not None:
            facility, places = self._facility
            gains[list(places)] += self._breadth * facility.gain()
        for of, rewards, weight in self._groups:
            members = np.array(of)
            known = np.array([*rewards, 0.0])[members]
            gains += np.where(members < 0, 0.0, weight * (np.sqrt(known + self.shares) - np.sqrt(known)))
        return gains * self._weights

    def _gain(self, row: int) -> float:
        covered, worth = self._covered, self._worth
        gain = sum([worth[term] for term in self._window.words[row] if term not in covered])
        if self._facility is not None:
            facility, places = self._facility
            gain += self._breadth * float(facility.gain()[places[row]])
        for of, rewards, weight in self._groups:
            if of[row] >= 0:
                known = rewards[of[row]]
                gain += weight * (sqrt(known + self._share[row]) - sqrt(known))
        return gain * self._weight[row]

    def _take(self, row: int) -> None:
        self._close(row)
        self._covered.update(self._window.words[row])
        if self._facility is not None:
            facility, places = self._facility
            facility.take(places[row])
        for of, rewards, _ in self._groups:
            if of[row] >= 0:
                rewards[of[row]] += self._share[row]
        again = self._window.again(row)
        if self._apart is not None:
            again = [*again, *self._apart.take(row)]
            for other, weight in zip(self._apart.rows, self._apart.weights.tolist(), strict=True):
                self._weight[other] = weight
        for other in again:
            if other in self._open:
                self._close(other)
                self.repeats.append((other, row))

    def _close(self, row: int) -> None:
        self._open.discard(row)
        self._telling.discard(row)


class _Apart:
    """How far each unit is from what was shown and picked, by its vector; see `max_cosine`."""

    def __init__(self, vectors: Matrix, rows: Ints, closeness: Floats, weights: Floats, exponent: float) -> None:
        self._vectors = vectors
        self.rows: list[int] = rows.tolist()
        self._weights = weights * (1.0 - closeness) ** exponent
        self._near = np.zeros(len(rows))
        self._place = {row: i for i, row in enumerate(self.rows)}

    @property
    def weights(self) -> Floats:
        """The weights of the rows, the less the closer they are; what is picked together may be of one subject."""
        found: Floats = self._weights * (1.0 - self._near)
        return found

    def take(self, row: int) -> list[int]:
        """A row is picked; returns those that say the same."""
        cosine = np.clip(self._vectors @ self._vectors[self._place[row]], 0.0, 1.0)
        self._near = np.maximum(self._near, cosine)
        return [self.rows[i] for i in np.flatnonzero(cosine > COSINE_MAX)]
