"""The ranked digest: which units to show within a budget of words, nested across budgets.

Words are covered, not sentences: a word weighs what it is used in the window, by attention, times how rare it is in
the room, and counts once. Each speaker's first words are worth more than their next, so that a flooding voice cannot
silence a slow one. Picks are greedy by gain, on a ladder of rungs of 10, 20, 40 ... words: each rung extends the one
below, so a slowly moving budget never makes text flicker.

    gain(u) = [newly covered share of all word weight + facility gain, where there are vectors
               + 0.7 * sum over speaker and side (sqrt(R + r) - sqrt(R))]
              * attention * salience * (1 - how close it comes to what was shown lately) / n^0.6

r is the unit's own share of all word weight, R what its speaker (side) has been shown already (see `SpeakerMemory`).
Where there are sides a dispute is on, and n counts with ^0.7: shorter picks let more voices into a turn. A unit that
says again what was picked before it (more than 60 % of at least three content words) is refused and counted.

Pure and deterministic: the result does not depend on the order of `units`; of equal gains the earlier unit wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.lod.repeats import OVERLAP_MAX, TERMS_MIN
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Facility, Matrix

RUNG_WORDS_FIRST = 10
SPEAKERS_WEIGHT = 0.7
LENGTH_EXPONENT = 0.6
DISPUTE_LENGTH_EXPONENT = 0.7
REWARD_HALF_LIFE_S = 600.0
SPEAKERS_MAX = 1_024

Floats = NDArray[np.float64]


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
    exact: bool = False,
) -> Ladder:
    """Rank `units` for one reader as far as `budget` words need it.

    `exact` makes one rung as wide as the budget: an answer of so many words, asked for once, has nothing to nest in.

    `sides` names the side each unit's speaker is guessed to be on, as a key of `memory`; it steers, nothing more.
    `vectors` [units, d] add breadth, rows of zeros where there is none; `closeness` [units], in 0..1, is the highest
    cosine with what this reader was shown lately.
    """
    if not units:
        return Ladder((), (), np.zeros(0))
    order = sorted(range(len(units)), key=lambda i: (units[i].seq, units[i].index))
    ordered = [units[i] for i in order]
    weights = np.asarray(attention, dtype=np.float64)[order]
    facility = Facility(None if vectors is None else vectors[order], weights)
    race = _Race(ordered, weights, background, facility, sides is not None)
    if closeness is not None:
        race.avoid(closeness[order])
    race.hear([unit.speaker for unit in ordered], memory, now)
    if sides is not None:
        race.hear([sides[i] for i in order], memory, now)
    rungs: list[Rung] = []
    used, found = 0, 0
    limit = int(budget) if exact else RUNG_WORDS_FIRST
    while race.any_open():
        added = race.extend(limit - used)
        used += sum(units[order[i]].n for i in added)
        found += len(added)
        rungs.append(Rung(limit, tuple(order[i] for i in added)))
        if exact or (limit > budget and found):
            break
        limit *= 2
    shares = np.empty(len(units))
    shares[order] = race.shares
    repeats = tuple((order[i], order[of]) for i, of in race.repeats)
    return Ladder(tuple(rungs), tuple(unit.n for unit in units), shares, repeats)


class _Race:
    """One greedy run: the gains of all units, kept up to date as units are picked. Units are in order of time."""

    def __init__(
        self, units: Sequence[Unit], attention: Floats, background: Background, facility: Facility, dispute: bool
    ) -> None:
        self._n = np.array([unit.n for unit in units], dtype=np.int64)
        salience = np.array([unit.salience for unit in units], dtype=np.float64)
        self._weight = attention * salience / self._n ** (DISPUTE_LENGTH_EXPONENT if dispute else LENGTH_EXPONENT)
        self._open = np.ones(len(units), dtype=bool)
        self.repeats: list[tuple[int, int]] = []
        self._facility = facility
        self._cover_words(units, attention, background)
        self._groups: list[tuple[NDArray[np.int64], Floats]] = []  # group of each unit (-1: none), R of each group
        self._voice = np.zeros(len(units))

    def _cover_words(self, units: Sequence[Unit], attention: Floats, background: Background) -> None:
        ids: dict[str, int] = {}
        flat = np.array([ids.setdefault(term, len(ids)) for unit in units for term in unit.terms], dtype=np.int64)
        owner = np.repeat(np.arange(len(units)), [len(unit.terms) for unit in units])
        used = np.bincount(flat, weights=attention[owner], minlength=len(ids))
        known = np.array([background.count(term) for term in ids], dtype=np.float64)
        worth = used * np.maximum(0.0, np.log((background.total + 1.0) / (known + 1.0)))
        if not worth.any():  # a new room, or one where everybody says the same: all words are equally rare
            worth = used
        self._worth = worth / (worth.sum() or 1.0)
        self._cover = np.bincount(owner, weights=self._worth[flat], minlength=len(units))
        self.shares = self._cover.copy()
        # "OK." fills no rung while anything of substance waits: it would only push that into a later one.
        self._telling = self.shares > 0.0
        self._covered = np.zeros(len(ids), dtype=bool)
        self._terms = flat
        self._terms_from = np.concatenate([[0], np.cumsum([len(unit.terms) for unit in units])])
        by_term = np.argsort(flat, kind="stable")
        self._users = owner[by_term]
        self._users_from = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=len(ids)))])

    def hear(self, groups: Sequence[str | None], memory: SpeakerMemory, now: float) -> None:
        """Reward units for the group they belong to, the more the less it has been shown."""
        ids: dict[str, int] = {}
        of = np.array([-1 if group is None else ids.setdefault(group, len(ids)) for group in groups], dtype=np.int64)
        self._groups.append((of, np.array([memory.reward(group, now) for group in ids], dtype=np.float64)))
        self._voice = self._raised(np.arange(len(groups)))

    def avoid(self, closeness: Floats) -> None:
        """Weigh units down by how close they come to what was shown."""
        self._weight = self._weight * (1.0 - closeness)

    def any_open(self) -> bool:
        """Whether a unit is left that was neither picked nor refused."""
        return bool(self._open.any())

    def extend(self, room: int) -> list[int]:
        """Pick greedily until nothing more fits into `room` words."""
        added: list[int] = []
        while True:
            gain = (self._cover + self._facility.gain() + self._voice) * self._weight
            gain[~self._open | (self._n > room)] = -1.0
            if (self._open & self._telling).any():
                gain[~self._telling] = -1.0
            best = int(gain.argmax())
            if gain[best] < 0.0:
                return added
            room -= int(self._n[best])
            self._take(best)
            added.append(best)

    def _take(self, i: int) -> None:
        self._open[i] = False
        for term in self._terms[self._terms_from[i] : self._terms_from[i + 1]]:
            if not self._covered[term]:
                self._covered[term] = True
                users = self._users[self._users_from[term] : self._users_from[term + 1]]
                # What is left of a sum of floats may fall below zero by its last bit.
                self._cover[users] = np.maximum(self._cover[users] - self._worth[term], 0.0)
        self._facility.take(i)
        self._refuse_repeats(i)
        for of, rewards in self._groups:
            if of[i] >= 0:
                rewards[of[i]] += self.shares[i]
                own = np.flatnonzero(of == of[i])
                self._voice[own] = self._raised(own)

    def _refuse_repeats(self, i: int) -> None:
        """Close the units that say again what unit `i` says."""
        terms = self._terms[self._terms_from[i] : self._terms_from[i + 1]]
        users = [self._users[self._users_from[term] : self._users_from[term + 1]] for term in terms]
        if not users:
            return
        shared = np.bincount(np.concatenate(users), minlength=len(self._n))
        size = np.diff(self._terms_from)
        refused = np.flatnonzero(self._open & (size >= TERMS_MIN) & (shared > OVERLAP_MAX * size))
        self._open[refused] = False
        self.repeats += [(int(unit), i) for unit in refused]

    def _raised(self, units: NDArray[np.int64]) -> Floats:
        """What showing each of these units would add to the voices of its groups."""
        raised = np.zeros(len(units))
        for of, rewards in self._groups:
            member = np.flatnonzero(of[units] >= 0)
            known = rewards[of[units[member]]]
            raised[member] += SPEAKERS_WEIGHT * (np.sqrt(known + self.shares[units[member]]) - np.sqrt(known))
        return raised
