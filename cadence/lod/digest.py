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

from collections.abc import Collection, Mapping, Sequence
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
Bools = NDArray[np.bool_]
Step = tuple[int | None, int]  # the row added, and its words; None: the rung is full, and was of so many words


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
    alone = Runner(rows, attention, memory, sides=sides, vectors=vectors, closeness=closeness, masses=masses)
    return Climb(window, [alone], now, weigh=weigh, used=used).ladder(budget, exact=exact)


@dataclass(slots=True, eq=False)
class Runner:
    """One reader of a block, and which rows of the window compete for them.

    `attention`, `sides`, `vectors`, `closeness` and `masses` run along `rows` and are what `rank` says.
    """

    rows: Ints
    attention: Floats
    memory: SpeakerMemory
    sides: Sequence[str | None] | None = None
    vectors: Matrix | None = None
    closeness: Floats | None = None
    masses: Floats | None = None


class Climb:
    """The ranking of rows of one window for each of a block of readers, made in lockstep, as far as somebody asks.

    Who else is in the block changes nothing. Either all of them guess `sides`, or none. `used` [terms] is how often
    each term of the window was used, `argument` what is guessed of who stands with whom. Readers are named by their
    place in the block; what is chosen is told as places in their `rows`.
    """

    def __init__(
        self,
        window: Window,
        readers: Sequence[Runner],
        now: float,
        *,
        weigh: Weights = PLAIN,
        used: Floats | None = None,
        argument: Argument = CALM,
    ) -> None:
        if weigh is LOOK_BACK and window.packed:
            weigh = LOOK_BACK_PACKED
        block = len(readers), len(window)
        sizes = [len(one.rows) for one in readers]
        of, rows = np.repeat(np.arange(len(readers)), sizes), np.concatenate([one.rows for one in readers])
        weights, runs = np.zeros(block), np.zeros(block, dtype=np.bool_)
        weights[of, rows] = np.concatenate([one.attention for one in readers])
        runs[of, rows] = True
        self._place = np.zeros(block, dtype=np.int64)  # of a row among those of a reader
        self._place[of, rows] = np.concatenate([np.arange(size) for size in sizes])
        sided = readers[0].sides is not None
        length = max(DISPUTE_LENGTH_EXPONENT, weigh.length) if sided else weigh.length
        shared = None if used is None else np.broadcast_to(used, (len(readers), len(used)))
        self._window, self._readers, self._filler = window, readers, weigh.filler
        self._race = race = Race(window, runs, weights, length, shared)
        for number, one in enumerate(readers):
            _attach(race, number, one, weigh)
        rewards = np.array([one.memory.rewards(window.speakers, now) for one in readers])
        race.hear(window.speaker_of, rewards, weigh.voices)
        if weigh.times:
            race.hear(_bins(window, runs), np.zeros((len(readers), TIME_BINS)), weigh.times)
        if sided:
            race.hear(*_sides(readers, len(window), now), weigh.voices)
        if argument.heat:
            race.oppose(argument.groups(window.speakers)[window.speaker_of], argument.favours(OPPOSED_WEIGHT))
        self._limits = [RUNG_WORDS_FIRST] * len(readers)
        self._used = [0] * len(readers)  # words
        self._steps: list[list[Step]] = [[] for _ in readers]
        self._over = [not left for left in race.left]

    def share(self, reader: int, place: int) -> float:
        """What a unit says of all that is worth saying: what showing it adds to its speaker's reward."""
        return float(self._race.shares[reader, self._readers[reader].rows[place]])

    def repeats(self, reader: int) -> list[tuple[int, int]]:
        """(unit refused, the unit picked that said it already), as far as the climb has come."""
        place = self._place[reader]
        return [(int(place[row]), int(place[by])) for row, by in self._race.repeats[reader]]

    def select(
        self, budgets: Sequence[float], until: Mapping[int, Collection[int]] | None = None
    ) -> list[Sequence[int]]:
        """As `Ladder.select`, for any budget of each reader; makes no more of the ladder than that takes.

        With `until`, only for the readers named there: it may end as soon as each of the units given, which nobody
        chose yet, is chosen or refused.
        """
        found = [_Selected(budget) for budget in budgets]
        for reader, places in (until or {}).items():
            found[reader].asked = [int(self._readers[reader].rows[place]) for place in places]
        wanted = range(len(found)) if until is None else until
        going = [reader for reader in wanted if not self._known(found[reader], reader) and not self._over[reader]]
        while going:
            steps = zip(going, self._advance(going), strict=True)
            going = [reader for reader, step in steps if not self._ends(found[reader], reader, step)]
        return [[int(self._place[reader, row]) for row in one.chosen] for reader, one in enumerate(found)]

    def ladder(self, budget: float, *, exact: bool = False) -> Ladder:
        """The only reader's rungs up to the first that is wider than `budget` and holds anything; `exact`: only one."""
        (reader,) = self._readers
        if exact:
            self._limits[0] = int(budget)
        rungs: list[Rung] = []
        added: list[int] = []
        while not self._over[0]:
            limit = self._limits[0]
            ((row, _),) = self._advance([0])
            if row is not None:
                added.append(int(self._place[0, row]))
                continue
            rungs.append(Rung(limit, tuple(added)))
            added = []
            if exact or (limit > budget and any(rung.added for rung in rungs)):
                break
        words = tuple([self._window.n[row] for row in reader.rows.tolist()])
        return Ladder(tuple(rungs), words, self._race.shares[0, reader.rows], tuple(self.repeats(0)))

    def _advance(self, readers: list[int]) -> list[Step]:
        """One step of each of these: the unit of the highest gain that the rung holds, or the next rung."""
        who = np.array(readers)
        room = np.array([float(self._limits[reader] - self._used[reader]) for reader in readers])
        best = self._race.best(who, room, self._filler)
        rows = best.tolist()
        if min(rows) >= 0:
            self._race.take(who, best)
        elif max(rows) >= 0:
            self._race.take(who[best >= 0], best[best >= 0])
        return [self._step(reader, row) for reader, row in zip(readers, rows, strict=True)]

    def _step(self, reader: int, row: int) -> Step:
        step: Step
        if row >= 0:
            self._used[reader] += self._window.n[row]
            step = row, self._window.n[row]
        else:
            step = None, self._limits[reader]
            self._limits[reader] *= 2
            self._over[reader] = not self._race.left[reader]
        self._steps[reader].append(step)
        return step

    def _known(self, selected: _Selected, reader: int) -> bool:
        """Go the steps that are known; whether they suffice."""
        steps = self._steps[reader]
        if any(selected.ends(*step) for step in steps):
            return True
        return bool(steps and selected.asked) and self._decided(reader, selected.asked)

    def _ends(self, selected: _Selected, reader: int, step: Step) -> bool:
        if selected.ends(*step) or self._over[reader]:
            return True
        return bool(selected.asked) and self._decided(reader, selected.asked)

    def _decided(self, reader: int, rows: Sequence[int]) -> bool:
        return not any([self._race.runs(reader, row) for row in rows])


class _Selected:
    """What the steps of a climb come to for `budget` words, in rows; `asked` are the rows that somebody waits for."""

    __slots__ = ("_used", "asked", "budget", "chosen")

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self.chosen: list[int] = []
        self.asked: Sequence[int] = ()
        self._used = 0

    def ends(self, row: int | None, words: int) -> bool:
        """Go one step on; whether it is the last."""
        if row is None:
            return words > self.budget and bool(self.chosen)
        self._used += words
        if self._used > self.budget:
            self.chosen = self.chosen or [row]
            return True
        self.chosen.append(row)
        return False


def _attach(race: Race, number: int, one: Runner, weigh: Weights) -> None:
    """What vectors say of one reader's units, where there are any."""
    if one.vectors is not None and weigh.facility:
        masses = one.attention if one.masses is None else one.attention * one.masses
        race.spread(number, one.vectors, one.rows, masses, weigh.facility)
    if weigh.apart and (one.vectors is not None or one.closeness is not None):
        near = np.zeros(len(one.rows)) if one.closeness is None else one.closeness
        vectors = np.zeros((len(one.rows), 0), np.float32) if one.vectors is None else one.vectors
        race.avoid(number, vectors, near, one.rows, weigh.apart)


def _sides(readers: Sequence[Runner], length: int, now: float) -> tuple[Ints, Floats]:
    """The side of each row of a window for each reader, -1 for none, and what each side has been shown."""
    names: dict[str, int] = {}
    of = np.full((len(readers), length), -1)
    for number, one in enumerate(readers):
        assert one.sides is not None, "expected all readers of a block to guess sides, or none"
        of[number, one.rows] = [-1 if side is None else names.setdefault(side, len(names)) for side in one.sides]
    return of, np.array([one.memory.rewards(list(names), now) for one in readers]).reshape(len(readers), len(names))


def _bins(window: Window, runs: Bools) -> Ints:
    """The part of the time that each row belongs to, [readers, window]; -1 for those that do not run."""
    costs = np.where(runs, window.costs, 0.0)
    before = np.cumsum(costs, axis=1) - costs
    of = (before / np.maximum(costs.sum(axis=1, keepdims=True), 1.0) * TIME_BINS).astype(np.int64)
    return np.where(runs, of, -1)
