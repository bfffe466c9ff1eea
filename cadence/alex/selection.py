"""Which of the waiting units a reader is shown: attention, disputes, then the ranked digest.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cadence.alex.disputes import Dispute
from cadence.alex.memory import ReaderMemory
from cadence.alex.prose import Prose
from cadence.alex.retelling import Retold, retell
from cadence.alex.telling import in_order, passed_over
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick
from cadence.alex.waiting import Candidate
from cadence.lod.attention import age_units, attention, topic_distance
from cadence.lod.digest import LOOK, Climb, Weights
from cadence.lod.leanings import CALM, Argument
from cadence.lod.repeats import COSINE_MAX, OVERLAP_MAX
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import stacked
from cadence.lod.window import Window
from cadence.rooms.wire import View

PAIRS_SHARE_MAX = 0.5  # of the budget goes to disputes, beyond the first
PASSED_WEIGHT = 0.5  # of a unit whose message has gone on: told now, it would come out of order

Floats = NDArray[np.float64]
Windows = Callable[[Sequence[Unit]], Window | None]


@dataclass(slots=True)
class Choice:
    """What goes into a turn, and what is gone from the waiting without being shown (repeats, agreement)."""

    picks: list[Pick] = field(default_factory=list)
    counted: list[Unit] = field(default_factory=list)
    retold: list[Retold] = field(default_factory=list)  # by a language model


def attend(
    candidates: Sequence[Candidate], ages: Floats, view: View, near: Collection[str], background: Background
) -> Floats:
    """Attention of one reader for each candidate, in (0, 1]; LOD.md section 2.

    `ages` in units of s_time's own measure; `near` are the speakers at distance 0, any other is at 1, one more for
    another pod.
    """
    place: Floats | float = 1.0
    if near:
        place = np.array([0.0 if candidate.entry.speaker in near else 1.0 for candidate in candidates])
    if pod := view.focus.pod or None:
        apart = [bool(candidate.entry.message.pod) and candidate.entry.message.pod != pod for candidate in candidates]
        place = place + np.array(apart, dtype=np.float64)
    units = [candidate.unit for candidate in candidates] if view.interests else []
    topic = topic_distance(view.interests, units, background) if view.interests else 0.0
    weights: Floats = attention(place, ages, topic, view.sigma)
    passed = [i for i, candidate in enumerate(candidates) if candidate.passed]
    if passed:
        weights[passed] *= PASSED_WEIGHT
    urgent = [i for i, candidate in enumerate(candidates) if candidate.urgent]
    if urgent:
        weights[urgent] = 1.0
    return weights


def attend_waiting(
    candidates: Sequence[Candidate], view: View, rate: float, near: Collection[str], background: Background, now: float
) -> Floats:
    """Attention of a reader who looks at what waits: age counts in looks, or in the time that reading takes."""
    at = np.array([candidate.unit.at for candidate in candidates])
    return attend(candidates, age_units(now, at, view.cadence_s, rate), view, near, background)


def attend_absence(
    candidates: Sequence[Candidate], reader: str, view: View, near: Collection[str], background: Background, now: float
) -> Floats:
    """Attention of a reader who comes back: age counts over the length of the absence, what concerns them fully."""
    at = np.array([candidate.entry.at for candidate in candidates], dtype=np.float64)
    ages = (now - at) / max(now - float(at.min()), 1.0)
    weights = attend(candidates, ages, view, near, background)
    weights[[i for i, candidate in enumerate(candidates) if candidate.entry.concerns(reader)]] = 1.0
    return weights


class Selection:
    """One turn's choice within `budget` words: urgent units, disputes, prose if there is any, the ladder, the counts.

    Only the last thing taken may overdraw, and only if it is urgent, or the turn would otherwise be empty. `ahead` is
    what the reader will read after this turn while the rest still waits, in words: as far as that, a message is told in
    its own order.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        weights: Floats,
        budget: float,
        memory: ReaderMemory,
        background: Background,
        sides: Mapping[str, str],
        now: float,
        window: Windows = lambda units: None,
        weigh: Weights = LOOK,
        *,
        ahead: float = 0.0,
        prose: Sequence[Prose] = (),
        argument: Argument = CALM,
    ) -> None:
        self._candidates = candidates
        self._weights = weights
        self._budget = budget
        self._memory = memory
        self._background = background
        self._sides = sides
        self._now = now
        self._window = window
        self._weigh = weigh
        self._ahead = ahead
        self._prose = prose
        self._argument = argument
        self._choice = Choice()
        self._echoed: list[Unit] = []  # said again within the turn, and counted there

    @cached_property
    def _total(self) -> int:
        return sum([candidate.unit.n for candidate in self._candidates]) or 1

    def choose(self, disputes: Sequence[Dispute], agreements: Mapping[int, list[Entry]]) -> Choice:
        """The choice; what is shown is noted in the reader's memory."""
        # What is left of a target that was shown before waits for the objection, too.
        blocked = {seq for dispute in disputes for seq in (dispute.objection.seq, dispute.about)}
        blocked |= {entry.seq for agreeing in agreements.values() for entry in agreeing}
        self._take_urgent()
        blocked -= self._take_disputes(disputes)
        self._take_prose(blocked)
        self._take_ranked(blocked)
        self._count_agreement(agreements)
        self._choice.counted += self._echoed
        return self._choice

    def _take_urgent(self) -> None:
        for candidate in self._candidates:
            if candidate.urgent and self._budget > 0:
                self._take(candidate.entry, candidate.unit, candidate.unit.n / self._total)

    def _take_disputes(self, disputes: Sequence[Dispute]) -> set[int]:
        """Reserve pairs, the most attended first; returns the messages that are no longer held back by one."""
        ranked = sorted(disputes, key=lambda one: (-self._attended(one.unit), one.objection.seq))
        left_for_pairs, first = self._budget * PAIRS_SHARE_MAX, True
        for dispute in ranked:
            alone = not self._choice.picks and self._budget >= dispute.words / 2
            fits = dispute.words <= self._budget and (first or dispute.words <= left_for_pairs)
            if self._shows(dispute.objection.seq) or self._shows(dispute.about) or not (fits or alone):
                continue
            if dispute.target is not None:
                entry, unit = dispute.target
                self._take(entry, unit, unit.n / self._total)
            self._object(dispute)
            left_for_pairs, first = left_for_pairs - dispute.words, False
        # Whatever put its target into this turn, an objection goes with it: law 9 stands above the budget.
        while due := [one for one in ranked if self._shows(one.about) and not self._shows(one.objection.seq)]:
            self._object(due[0])
        done = [dispute for dispute in ranked if self._shows(dispute.objection.seq)]
        return {seq for dispute in done for seq in (dispute.objection.seq, dispute.about)}

    def _object(self, dispute: Dispute) -> None:
        self._take(dispute.objection, dispute.unit, dispute.unit.n / self._total, objects_to=dispute.about)

    def _shows(self, seq: int) -> bool:
        return any(pick.unit.seq == seq for pick in self._choice.picks)

    def _take_prose(self, blocked: Collection[int]) -> None:
        """Tell what a model has made of what waits; a dispute is quoted, never retold, and a repeat is neither."""
        if not self._prose:
            return
        closed = {*blocked, *(pick.unit.seq for pick in self._choice.picks)}
        vectors = [candidate.entry.vector(candidate.unit) for candidate in self._candidates]
        again = self._memory.units.repeats([candidate.unit for candidate in self._candidates], vectors)
        fresh = [candidate for candidate, repeats in zip(self._candidates, again, strict=True) if not repeats]
        self._choice.retold = retell(
            self._prose, fresh, self._weights[~again], self._budget, closed, alone=not self._choice.picks
        )
        for retold in self._choice.retold:
            self._budget -= retold.told.words
            for one in retold.candidates:
                share, side = one.unit.n / self._total, self._sides.get(one.unit.speaker)
                self._memory.show(one.unit, share, side, self._now, one.entry.vector(one.unit))

    def _take_ranked(self, blocked: Collection[int]) -> None:
        """Fill what is left with the best-ranked units that are no repeats."""
        closed = {id(pick.unit) for pick in self._choice.picks}
        closed |= {id(one.unit) for retold in self._choice.retold for one in retold.candidates}
        candidates, weights = self._candidates, self._weights
        if closed or blocked or any([candidate.urgent for candidate in candidates]):
            rest = [
                i
                for i, candidate in enumerate(candidates)
                if not candidate.urgent and candidate.unit.seq not in blocked and id(candidate.unit) not in closed
            ]
            candidates, weights = [candidates[i] for i in rest], weights[rest]
        if candidates:
            self._rank(candidates, weights)
        self._count_repeats()

    def _rank(self, candidates: Sequence[Candidate], weights: Floats) -> None:
        units, memory = [candidate.unit for candidate in candidates], self._memory.units
        window = self._window(units)
        rows = None if window is None else window.places(units)
        if window is None or rows is None:
            window = Window(units, self._background)
            rows = np.arange(len(units))
        repeats, known, closeness = memory.repeats_in(window, units), None, None
        if any([candidate.entry.vectors for candidate in candidates]):
            vectors = [candidate.entry.vector(candidate.unit) for candidate in candidates]
            known, closeness = stacked(vectors), memory.closeness(vectors)
            repeats = sorted({*repeats, *np.flatnonzero(closeness > COSINE_MAX).tolist()})
        if repeats:
            self._choice.counted += [units[i] for i in repeats]
            fresh = np.delete(np.arange(len(units)), repeats)
            candidates = [candidates[i] for i in fresh.tolist()]
            rows, weights = rows[fresh], weights[fresh]
            known = None if known is None else known[fresh]
            closeness = None if closeness is None else closeness[fresh]
        if self._budget > 0 and candidates:
            sides = [self._sides.get(candidate.unit.speaker) for candidate in candidates] if self._sides else None
            climb = Climb(
                window, rows, weights, self._memory.speakers, self._now,
                sides=sides, vectors=known, closeness=closeness, weigh=self._weigh, argument=self._argument,
            )  # fmt: skip
            self._take_climbed(climb, candidates)

    def _take_climbed(self, climb: Climb, candidates: Sequence[Candidate]) -> None:
        units = [candidate.unit for candidate in candidates]
        chosen = climb.select(self._budget)
        alone = not self._choice.picks and not self._choice.retold
        if not alone and sum(units[i].n for i in chosen) > self._budget:
            return
        if self._ahead and (over := passed_over(chosen, units)):
            planned = climb.select(self._budget + self._ahead, over)
            chosen = in_order(chosen, planned, units, self._budget, overdraw=alone)
        shares = climb.shares
        for i in chosen:
            self._take(candidates[i].entry, units[i], float(shares[i]), float(climb.attention[i]))
        for i, of in climb.repeats:
            if of in chosen:
                place = next(place for place, pick in enumerate(self._choice.picks) if pick.unit is units[of])
                self._choice.picks[place] = replace(
                    self._choice.picks[place], again=self._choice.picks[place].again + 1
                )
                self._echoed.append(units[i])

    def _take(
        self, entry: Entry, unit: Unit, share: float, weight: float | None = None, objects_to: int | None = None
    ) -> None:
        self._budget -= unit.n
        self._memory.show(unit, share, self._sides.get(unit.speaker), self._now, entry.vector(unit))
        weight = self._attended(unit) if weight is None else weight
        self._choice.picks.append(Pick(entry, unit, weight, objects_to=objects_to))

    def _attended(self, unit: Unit) -> float:
        i = self._places.get((unit.seq, unit.index))
        return 1.0 if i is None else float(self._weights[i])

    @cached_property
    def _places(self) -> dict[tuple[int, int], int]:
        return {(candidate.unit.seq, candidate.unit.index): i for i, candidate in enumerate(self._candidates)}

    def _count_repeats(self) -> None:
        """Add each repeat to the pick it repeats; what repeats an earlier turn is only left out."""
        picks = self._choice.picks
        for unit in self._choice.counted:
            shared = [len(set(unit.terms).intersection(pick.unit.terms)) / max(len(unit.terms), 1) for pick in picks]
            best = max(range(len(picks)), key=lambda i: shared[i], default=None)
            if best is not None and shared[best] > OVERLAP_MAX:
                picks[best] = replace(picks[best], again=picks[best].again + 1)

    def _count_agreement(self, agreements: Mapping[int, list[Entry]]) -> None:
        """Add those who merely agree to the first pick of what they agree with; they are shown as a count."""
        counted: set[int] = set()
        for i, pick in enumerate(self._choice.picks):
            agreeing = agreements.get(pick.unit.seq, [])
            if agreeing and pick.unit.seq not in counted:
                counted.add(pick.unit.seq)
                self._choice.picks[i] = replace(pick, agree=len({entry.speaker for entry in agreeing}))
                self._choice.counted += [unit for entry in agreeing for unit in entry.parsed.units]
