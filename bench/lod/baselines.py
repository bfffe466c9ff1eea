"""What a person would think of first: ways to choose units for a budget, each from its own paper or none.

A selector takes units in order of time, their vectors (or None) and a budget in words, and gives indices. None may
overdraw. Those that compare sentences use MiniLM where there is an encoder, else tf-idf over stems.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.rouge import tokens
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix

LEXRANK_COSINE_MIN = 0.1
LEXRANK_DAMPING = 0.15
LEXRANK_STEPS = 50
MMR_LAMBDA = 0.7
FACILITY_LENGTH_EXPONENT = 0.3
ORACLE_POOL = 400

Select = Callable[[Sequence[Unit], Matrix | None, float], list[int]]
Floats = NDArray[np.float64]


def fill(order: Iterable[int], units: Sequence[Unit], budget: float) -> list[int]:
    """Take units in this order as long as they fit."""
    taken: list[int] = []
    for i in order:
        if units[i].n <= budget:
            budget -= units[i].n
            taken.append(i)
    return taken


def rate_limit(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    """Everything from the beginning on until the words are used up, nothing skipped."""
    taken: list[int] = []
    for i, unit in enumerate(units):
        if unit.n > budget:
            break
        budget -= unit.n
        taken.append(i)
    return taken


def lead(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    """The first units that say anything (five words or more)."""
    return fill((i for i, unit in enumerate(units) if unit.n >= 5), units, budget)


def longest(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    return fill(sorted(range(len(units)), key=lambda i: (-units[i].n, i)), units, budget)


def at_random(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    order = list(range(len(units)))
    random.Random(len(units)).shuffle(order)
    return fill(order, units, budget)


def lexrank(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    """Erkan & Radev 2004: the stationary distribution of a walk between sentences with tf-idf cosine over 0.1."""
    return fill(_walked(tuple(units)), units, budget)


@lru_cache(maxsize=4)  # the same meeting is asked for at many budgets
def _walked(units: tuple[Unit, ...]) -> tuple[int, ...]:
    known = tf_idf(units)
    linked = (known @ known.T > LEXRANK_COSINE_MIN).astype(np.float64)
    walk = linked / np.maximum(linked.sum(axis=1, keepdims=True), 1.0)
    rank = np.full(len(units), 1.0 / len(units))
    for _ in range(LEXRANK_STEPS):
        rank = LEXRANK_DAMPING / len(units) + (1.0 - LEXRANK_DAMPING) * (rank @ walk)
    return tuple(np.argsort(-rank, kind="stable").tolist())


def mmr(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    """Carbonell & Goldstein 1998: close to the centre, far from what is taken."""
    known = _known(units, vectors)
    centre = known.mean(axis=0)
    relevant = known @ centre / (np.linalg.norm(centre) or 1.0)
    taken: list[int] = []
    nearest = np.zeros(len(units))
    open_ = np.ones(len(units), dtype=bool)
    n = np.array([unit.n for unit in units])
    while (fits := open_ & (n <= budget)).any():
        value = np.where(fits, MMR_LAMBDA * relevant - (1 - MMR_LAMBDA) * nearest, -np.inf)
        best = int(value.argmax())
        taken.append(best)
        open_[best] = False
        budget -= units[best].n
        nearest = np.maximum(nearest, known @ known[best])
    return taken


def facility(units: Sequence[Unit], vectors: Matrix | None, budget: float) -> list[int]:
    """Facility location weighed by content words, gain over n^0.3 (Lin & Bilmes 2011)."""
    known = _known(units, vectors)
    weight = np.sqrt([len(unit.terms) for unit in units])
    likeness = np.clip(known @ known.T, 0.0, 1.0)
    n = np.array([unit.n for unit in units])
    best = np.zeros(len(units))
    open_ = np.ones(len(units), dtype=bool)
    taken: list[int] = []
    while (fits := open_ & (n <= budget)).any():
        gain = weight @ np.maximum(likeness - best[:, None], 0.0) / n**FACILITY_LENGTH_EXPONENT
        pick = int(np.where(fits, gain, -1.0).argmax())
        taken.append(pick)
        open_[pick] = False
        budget -= units[pick].n
        best = np.maximum(best, likeness[:, pick])
    return taken


def oracle(answer: str, units: Sequence[Unit], budget: float) -> list[int]:
    """What would score best if one knew the answer: greedy by ROUGE-1 within the budget (an upper figure)."""
    want: dict[str, int] = {}
    for word in tokens(answer):
        want[word] = want.get(word, 0) + 1
    bags = [tokens(unit.text) for unit in units]
    taken: list[int] = []
    while True:
        best, best_gain = -1, 0.0
        for i, bag in enumerate(bags):
            if units[i].n > budget or i in taken:
                continue
            left = dict(want)
            hits = 0
            for word in bag:
                if left.get(word, 0) > 0:
                    left[word] -= 1
                    hits += 1
            gain = hits / max(len(bag), 1) ** 0.6
            if gain > best_gain:
                best, best_gain = i, gain
        if best < 0:
            return taken
        taken.append(best)
        budget -= units[best].n
        for word in bags[best]:
            want[word] = max(0, want.get(word, 0) - 1)


def tf_idf(units: Sequence[Unit]) -> Floats:
    """[units, terms], rows of length 1 (or 0)."""
    ids: dict[str, int] = {}
    rows = [[ids.setdefault(term, len(ids)) for term in unit.terms] for unit in units]
    used = np.zeros(len(ids))
    for row in rows:
        used[row] += 1
    matrix = np.zeros((len(units), len(ids)))
    for i, row in enumerate(rows):
        matrix[i, row] = np.log(len(units) / used[row])
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    found: Floats = matrix / np.where(lengths > 0, lengths, 1.0)
    return found


def _known(units: Sequence[Unit], vectors: Matrix | None) -> Floats:
    return tf_idf(units) if vectors is None else vectors.astype(np.float64)


BASELINES: dict[str, Select] = {
    "rate limit only": rate_limit,
    "lead": lead,
    "longest": longest,
    "random": at_random,
    "LexRank": lexrank,
    "MMR": mmr,
    "facility location": facility,
}
