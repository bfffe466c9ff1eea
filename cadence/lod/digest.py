"""The ranked digest: which units to show within a budget of words, nested across budgets.

Words are covered, not sentences: a word weighs what it is used in the window, by attention, times how rare it is in
the room, and counts once. Each speaker's first words are worth more than their next, so that a flooding voice cannot
silence a slow one. Picks are greedy by gain, on a ladder of rungs of 10, 20, 40 ... words: each rung extends the one
below, so a slowly moving budget never makes text flicker.

    gain(u) = [newly covered share of all word weight + facility gain, where there are vectors
               + 0.7 * sum over speaker and side (sqrt(R + r) - sqrt(R))]
              * attention * salience * (1 - closest shown lately)^6 * (1 - closest picked) / n^0.6

r is the unit's own share of all word weight, R what its speaker (side) has been shown already (see `SpeakerMemory`).
In an argument a speaker who seems opposed to the picks gains for each of them, one who seems to agree loses (see
`leanings`). Where there are sides a dispute is on, and n counts with ^0.7: shorter picks let more voices into a turn. A
look back over a long time weighs otherwise (`Weights`), and rewards each part of the time like a speaker. A unit that
says again what was picked before it (more than 60 % of at least three content words) is refused and counted.

A look leaves room in a rung rather than fill it with what gains much less than the best that waits (`LOOK`).

Pure and deterministic: the result does not depend on the order of `units`; of equal gains the earlier unit wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.lod.leanings import CALM, Argument
from cadence.lod.race import Race
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix
from cadence.lod.window import Window

RUNG_WORDS_FIRST = 10
DISPUTE_LENGTH_EXPONENT = 0.7
OPPOSED_WEIGHT = 2.0  # e to this is what a speaker gains for each pick of somebody wholly opposed, in a full argument
TIME_BINS = 12  # parts of the window, of equal words, that are rewarded like speakers
REWARD_HALF_LIFE_S = 600.0
SPEAKERS_MAX = 1_024

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Step = tuple[int, int | None]  # the rung's limit in words, and the unit added; None: the rung is full


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much beside the words covered (weight 1), and how much length costs."""

    facility: float = 1.0
    voices: float = 0.7  # speakers, and sides
    times: float = 0.0
    length: float = 0.6
    filler: float = 0.0  # of the gain of the best that waits, whatever its length: less than that fills no rung
    apart: float = 6.0  # exponent of the distance to what was shown, where there are vectors; 0: none counts


PLAIN = Weights()
# A look at what was just said: whoever floods must not silence others, and a scrap that happens to fit is not worth the
# words: credit waits for something better. Over 5 meetings, 6 times what can be read: answers .52 to .56, the words of
# human summaries .52 to .58, scraps of fewer than three content words .76 to .51 of what is shown (docs/lod.md).
LOOK = Weights(filler=0.6)
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
        if speaker not in self._shown:
            return 0.0
        reward, at = self._shown[speaker]
        return float(reward * 0.5 ** (max(0.0, now - at) / REWARD_HALF_LIFE_S))

    def rewards(self, speakers: Sequence[str], now: float) -> list[float]:
        """`reward` of each."""
        known = [self._shown.get(speaker) for speaker in speakers]
        return [0.0 if one is None else one[0] * 0.5 ** (max(0.0, now - one[1]) / REWARD_HALF_LIFE_S) for one in known]

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
    weigh: Weights = PLAIN,
    exact: bool = False,
    counted: Mapping[str, float] | None = None,
    masses: Floats | None = None,
) -> Ladder:
    """Rank `units` for one reader as far as `budget` words need it.

    `weigh` is `LOOK` for a look at what was just said, `LOOK_BACK` for an answer about a long time, `PLAIN` the bare
    formula.
    `exact` makes one rung as wide as the budget: an answer of so many words, asked for once, has nothing to nest in.
    `sides` names the side each unit's speaker is guessed to be on, as a key of `memory`; it steers, nothing more.
    `vectors` [units, d] add breadth, rows of zeros where there is none; `closeness` [units], in 0..1, is the highest
    cosine with what this reader was shown lately. Units that stand for more than themselves (see `nodes`) come with
    `masses` [units], how many each stands for, and `counted`, how often each term was used, by attention.
    """
    if not units:
        return Ladder((), (), np.zeros(0))
    order = sorted(range(len(units)), key=lambda i: (units[i].seq, units[i].index))
    window, rows = Window([units[i] for i in order], background), np.empty(len(units), dtype=np.int64)
    rows[order] = np.arange(len(units))
    used = None if counted is None else np.array([counted.get(term, 0.0) for term in window.terms], dtype=np.float64)
    climb = Climb(
        window, rows, attention, memory, now,
        sides=sides, vectors=vectors, closeness=closeness, weigh=weigh, used=used, masses=masses,
    )  # fmt: skip
    return climb.ladder(budget, exact=exact)


class Climb:
    """The ranking of some rows of a window for one reader, made rung by rung, as far as somebody asks.

    `attention`, `sides`, `vectors`, `closeness` and `masses` run along `rows` and are what `rank` says; `used` [terms]
    is how often each term of the window was used, `argument` what is guessed of who stands with whom. What is chosen is
    told as places in `rows`.
    """

    def __init__(
        self,
        window: Window,
        rows: Ints,
        attention: Floats,
        memory: SpeakerMemory,
        now: float,
        *,
        sides: Sequence[str | None] | None = None,
        vectors: Matrix | None = None,
        closeness: Floats | None = None,
        weigh: Weights = PLAIN,
        used: Floats | None = None,
        masses: Floats | None = None,
        argument: Argument = CALM,
    ) -> None:
        if weigh is LOOK_BACK and window.packed:
            weigh = LOOK_BACK_PACKED
        weights = np.zeros(len(window))
        weights[rows] = attention
        length = weigh.length if sides is None else max(DISPUTE_LENGTH_EXPONENT, weigh.length)
        self.attention, self._filler = attention, weigh.filler
        self._window, self._rows = window, rows
        self._race = race = Race(window, rows, weights, length, used)
        if vectors is not None and weigh.facility:
            race.spread(vectors, rows, attention if masses is None else attention * masses, weigh.facility)
        if weigh.apart and (vectors is not None or closeness is not None):
            near = np.zeros(len(rows)) if closeness is None else closeness
            race.avoid(np.zeros((len(rows), 0), np.float32) if vectors is None else vectors, near, rows, weigh.apart)
        race.hear_speakers(memory.rewards(window.speakers, now), weigh.voices)
        if weigh.times:
            race.hear(_bins(window, rows), [0.0] * TIME_BINS, weigh.times)
        if sides is not None:
            of_side, names = _sides(sides, rows, len(window))
            race.hear(of_side, memory.rewards(names, now), weigh.voices)
        if argument.heat:
            race.oppose(argument.groups(window.speakers)[window.speaker_of], argument.favours(OPPOSED_WEIGHT))
        self._place = np.zeros(len(window), dtype=np.int64)  # of a row among `rows`
        self._place[rows] = np.arange(len(rows))
        self._steps: list[Step] = []
        self._climbing = self._climb(RUNG_WORDS_FIRST)

    @property
    def shares(self) -> Floats:
        """What each unit says of all that is worth saying: what showing it adds to its speaker's reward."""
        found: Floats = self._race.shares[self._rows]
        return found

    @property
    def repeats(self) -> list[tuple[int, int]]:
        """(unit refused, the unit picked that said it already), as far as the climb has come."""
        return [(int(self._place[row]), int(self._place[by])) for row, by in self._race.repeats]

    def select(self, budget: float, until: Collection[int] | None = None) -> tuple[int, ...]:
        """As `Ladder.select`, for any budget; makes no more of the ladder than that takes.

        With `until`, units that nobody chose yet, it may end as soon as each of them is chosen or refused.
        """
        chosen: list[int] = []
        used = 0
        known = len(self._steps)
        undecided = [] if until is None else [int(self._rows[i]) for i in until]
        for step, (limit, i) in enumerate(self._taken(), 1):
            if i is not None:
                used += self._window.n[self._rows[i]]
                if used > budget:
                    return tuple(chosen) or (i,)
                chosen.append(i)
            elif limit > budget and chosen:
                break
            if undecided and step >= known and not any([self._race.runs(row) for row in undecided]):
                break
        return tuple(chosen)

    def ladder(self, budget: float, *, exact: bool = False) -> Ladder:
        """All rungs up to the first that is wider than `budget` and holds anything; `exact` makes it one rung."""
        if exact:
            self._climbing = self._climb(int(budget))
        rungs: list[Rung] = []
        added: list[int] = []
        for limit, i in self._taken():
            if i is not None:
                added.append(i)
                continue
            rungs.append(Rung(limit, tuple(added)))
            added = []
            if exact or (limit > budget and any(rung.added for rung in rungs)):
                break
        words = tuple([self._window.n[row] for row in self._rows.tolist()])
        return Ladder(tuple(rungs), words, self.shares, tuple(self.repeats))

    def _taken(self) -> Iterator[Step]:
        """The steps of the climb from its beginning, as far as they are asked for."""
        yield from self._steps
        for step in self._climbing:
            self._steps.append(step)
            yield step

    def _climb(self, limit: int) -> Iterator[Step]:
        race, used, worth = self._race, 0, self._filler
        while race.any_open():
            while (row := race.best(limit - used, worth)) is not None:
                race.take(row)
                used += self._window.n[row]
                yield limit, int(self._place[row])
            yield limit, None
            limit *= 2


def _sides(sides: Sequence[str | None], rows: Ints, length: int) -> tuple[Ints, list[str]]:
    """The side of each row of a window, -1 for none, and the names of the sides."""
    names: dict[str, int] = {}
    of = np.full(length, -1)
    of[rows] = [-1 if side is None else names.setdefault(side, len(names)) for side in sides]
    return of, list(names)


def _bins(window: Window, rows: Ints) -> Ints:
    """The part of the time that each row belongs to, -1 for those that do not run."""
    costs = np.zeros(len(window))
    costs[rows] = window.costs[rows]
    before = np.cumsum(costs) - costs
    of = (before / max(costs.sum(), 1.0) * TIME_BINS).astype(np.int64)
    return np.where(costs > 0.0, of, -1)
