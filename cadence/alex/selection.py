"""Which of the waiting units a reader is shown: attention, disputes, then the ranked digest.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from cadence.alex.contest import Contest, Looking, Ranked
from cadence.alex.disputes import Dispute
from cadence.alex.memory import ReaderMemory
from cadence.alex.prose import Prose
from cadence.alex.retelling import Retold, retell
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick
from cadence.alex.waiting import Candidate, Lineup
from cadence.lod.attention import age_units, attention, felt, topic_distance
from cadence.lod.digest import LOOK, Runner, Weights
from cadence.lod.leanings import CALM, Argument
from cadence.lod.repeats import COSINE_MAX, OVERLAP_MAX
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import stacked
from cadence.lod.window import Window
from cadence.rooms.wire import View

PAIRS_SHARE_MAX = 0.5  # of the budget goes to disputes, beyond the first
PASSED_WEIGHT = 0.5  # of a unit whose message has gone on: told now, it would come out of order

_vectors = attrgetter("entry.vectors")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Choice:
    """What goes into a turn, and what is gone from the waiting without being shown (repeats, agreement)."""

    picks: list[Pick] = field(default_factory=list)
    counted: list[Unit] = field(default_factory=list)
    retold: list[Retold] = field(default_factory=list)  # by a language model


def attend(lineup: Lineup, ages: Floats, view: View, near: Collection[str], background: Background) -> Floats:
    """Attention of one reader for each candidate, in (0, 1]; LOD.md section 2.

    `ages` in units of s_time's own measure; `near` are the speakers at distance 0, any other is at 1, one more for
    another pod.
    """
    return _minded(lineup, attention(*_axes(lineup, view, near, background, ages), view.sigma))


def _axes(
    lineup: Lineup, view: View, near: Collection[str], background: Background, ages: Floats
) -> tuple[Floats | float, Floats, Floats | float]:
    """Place, age and topic of each candidate."""
    place: Floats | float = 1.0
    candidates = lineup.candidates
    if near:
        place = np.array([0.0 if candidate.entry.speaker in near else 1.0 for candidate in candidates])
    if pod := view.focus.pod or None:
        apart = [bool(candidate.entry.message.pod) and candidate.entry.message.pod != pod for candidate in candidates]
        place = place + np.array(apart, dtype=np.float64)
    topic = topic_distance(view.interests, lineup.units, background) if view.interests else 0.0
    return place, ages, topic


def _minded(lineup: Lineup, weights: Floats) -> Floats:
    """Less of what would come out of order, all of what is urgent."""
    if lineup.passed:
        weights[lineup.passed] *= PASSED_WEIGHT
    if lineup.urgent:
        weights[lineup.urgent] = 1.0
    return weights


def attend_waiting(
    lineup: Lineup, view: View, rate: float, near: Collection[str], background: Background, now: float
) -> Floats:
    """Attention of a reader who looks at what waits: age counts in looks, or in the time that reading takes."""
    window, alike = lineup.window, not (near or view.interests or view.focus.pod)
    if window is not None and alike:
        return _minded(lineup, felt(window.far(now, view.cadence_s, rate, view.sigma)[lineup.rows]))
    return attend(lineup, age_units(now, lineup.at, view.cadence_s, rate), view, near, background)


def attend_absence(
    lineup: Lineup, reader: str, view: View, near: Collection[str], background: Background, now: float
) -> Floats:
    """Attention of a reader who comes back: age counts over the length of the absence, what concerns them fully."""
    at = lineup.at
    ages = (now - at) / max(now - float(at.min()), 1.0)
    weights = attend(lineup, ages, view, near, background)
    weights[[i for i, candidate in enumerate(lineup.candidates) if candidate.entry.concerns(reader)]] = 1.0
    return weights


class Selection:
    """One turn's choice within `budget` words: urgent units, disputes, prose if there is any, the ladder, the counts.

    Only the last thing taken may overdraw, and only if it is urgent, or the turn would otherwise be empty. `ahead` is
    what the reader will read after this turn while the rest still waits, in words: as far as that, a message is told in
    its own order.
    """

    def __init__(
        self,
        lineup: Lineup,
        weights: Floats,
        budget: float,
        memory: ReaderMemory,
        background: Background,
        sides: Mapping[str, str],
        now: float,
        weigh: Weights = LOOK,
        *,
        ahead: float = 0.0,
        prose: Sequence[Prose] = (),
        argument: Argument = CALM,
    ) -> None:
        self._lineup, self._candidates = lineup, lineup.candidates
        self._weights = weights
        self._budget = budget
        self._memory = memory
        self._background = background
        self._sides = sides
        self._now = now
        self._weigh = weigh
        self._ahead = ahead
        self._prose = prose
        self._argument = argument
        self._choice = Choice()
        self._echoed: list[Unit] = []  # said again within the turn, and counted there

    @cached_property
    def _total(self) -> int:
        return sum([candidate.unit.n for candidate in self._candidates]) or 1

    def choose(self, disputes: Sequence[Dispute], agreements: Mapping[int, list[Entry]]) -> Looking[Choice]:
        """Come to the choice; what is shown is noted in the reader's memory."""
        # What is left of a target that was shown before waits for the objection, too.
        blocked = {seq for dispute in disputes for seq in (dispute.objection.seq, dispute.about)}
        blocked |= {entry.seq for agreeing in agreements.values() for entry in agreeing}
        self._take_urgent()
        blocked -= self._take_disputes(disputes)
        self._take_prose(blocked)
        yield from self._take_ranked(blocked)
        self._count_agreement(agreements)
        self._choice.counted += self._echoed
        return self._choice

    def _take_urgent(self) -> None:
        for candidate in [self._candidates[i] for i in self._lineup.urgent]:
            if self._budget > 0:
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

    def _take_ranked(self, blocked: Collection[int]) -> Looking[None]:
        """Fill what is left with the best-ranked units that are no repeats."""
        closed = {id(pick.unit) for pick in self._choice.picks}
        closed |= {id(one.unit) for retold in self._choice.retold for one in retold.candidates}
        candidates, weights, rows = self._candidates, self._weights, self._lineup.rows
        if closed or blocked or self._lineup.urgent:
            rest = [
                i
                for i, candidate in enumerate(candidates)
                if not candidate.urgent and candidate.unit.seq not in blocked and id(candidate.unit) not in closed
            ]
            candidates, weights = [candidates[i] for i in rest], weights[rest]
            rows = None if rows is None else rows[rest]
        if candidates:
            yield from self._rank(candidates, weights, rows)
        self._count_repeats()

    def _rank(self, candidates: Sequence[Candidate], weights: Floats, rows: Ints | None) -> Looking[None]:
        every, memory = candidates is self._candidates, self._memory.units
        units: Sequence[Unit] = self._lineup.units if every else [candidate.unit for candidate in candidates]
        window = self._lineup.window
        if window is None or rows is None:
            window = Window(units, self._background)
            rows = np.arange(len(units))
        repeats, known, closeness = memory.repeats_in(window, units), None, None
        if any(map(_vectors, candidates)):
            vectors = [candidate.entry.vector(candidate.unit) for candidate in candidates]
            known, closeness = stacked(vectors), memory.closeness(vectors)
            repeats = sorted({*repeats, *np.flatnonzero(closeness > COSINE_MAX).tolist()})
        if repeats:
            self._choice.counted += [units[i] for i in repeats]
            again = set(repeats)
            fresh = [i for i in range(len(units)) if i not in again]
            candidates, units = [candidates[i] for i in fresh], [units[i] for i in fresh]
            rows, weights = rows[fresh], weights[fresh]
            known = None if known is None else known[fresh]
            closeness = None if closeness is None else closeness[fresh]
        if self._budget > 0 and candidates:
            sides = [self._sides.get(candidate.unit.speaker) for candidate in candidates] if self._sides else None
            runner = Runner(rows, weights, self._memory.speakers, sides=sides, vectors=known, closeness=closeness)
            alone = not self._choice.picks and not self._choice.retold
            ranked = yield Contest(
                window, runner, units, self._budget, self._now, self._weigh, self._ahead, alone, self._argument
            )
            self._take_won(ranked, candidates, weights)

    def _take_won(self, ranked: Ranked, candidates: Sequence[Candidate], weights: Floats) -> None:
        picked: dict[int, int] = {}  # by place among the candidates, that among the picks
        for place, share in ranked.won:
            picked[place] = len(self._choice.picks)
            one = candidates[place]
            self._take(one.entry, one.unit, share, float(weights[place]))
        for i, of in ranked.repeats:
            if of in picked:
                pick = self._choice.picks[picked[of]]
                self._choice.picks[picked[of]] = replace(pick, again=pick.again + 1)
                self._echoed.append(candidates[i].unit)

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
