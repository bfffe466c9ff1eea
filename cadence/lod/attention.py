"""Where a reader's attention lies: a Gaussian over place, age and topic, never zero.

Arrays run over units. Only ratios of attention matter, so the nearest unit always has 1.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadence.lod.terms import Background, postings, variants
from cadence.lod.units import Unit

PLACE_STEPS = 1.0  # width of the Gaussian in each direction, at sigma 1
AGE_UNITS = 2.0
TOPIC_DISTANCE = 0.3
ATTENTION_MIN = 1e-12
AGE_WORDS = 20.0  # a backlog ages by the time it takes to read this much, if that is longer than the cadence
_SMOOTHING = np.array([1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0])
RARITY_MIN = 0.1  # even an everyday word of the room counts for something in an interest

Floats = NDArray[np.float64]


def attention(place: ArrayLike, age: ArrayLike, topic: ArrayLike, sigma: float) -> Floats:
    """Attention for each unit, in [1e-12, 1]: `place` in steps, `age` as `age_units` gives it, `topic` in [0, 1].

    `sigma` scales all three widths. A step of place weighs 7.4 times less at sigma 0.5, 1.65 at 1, 1.13 at 2.
    """
    return felt(squared_distance(place, age, topic, sigma))


def squared_distance(place: ArrayLike, age: ArrayLike, topic: ArrayLike, sigma: float) -> Floats:
    """How far away each unit is, as `attention` counts it, squared."""
    distance = _square(place, PLACE_STEPS) + _square(age, AGE_UNITS) + _square(topic, TOPIC_DISTANCE)
    return np.asarray(distance / sigma**2)


def felt(squared: Floats) -> Floats:
    """The attention for each unit, in [1e-12, 1], by its squared distance; the nearest has 1."""
    if squared.size == 0:
        return np.zeros(squared.shape)
    weights: Floats = np.maximum(np.exp(-(squared - squared.min()) / 2.0), ATTENTION_MIN)
    return weights


def _square(axis: ArrayLike, width: float) -> Floats | float:
    if isinstance(axis, float):
        return float((axis / width) ** 2)
    squared: Floats = (np.asarray(axis, dtype=np.float64) / width) ** 2
    return squared


def age_units(now: float, at: ArrayLike, cadence_s: float, rate: float) -> Floats:
    """Ages in looks, or, where reading is slower than the cadence, in the time that 20 words take to read.

    `now` and `at` in seconds since the epoch, `rate` in words per second. What lies in the future has age 0.
    """
    ages: Floats = np.maximum(0.0, now - np.asarray(at, dtype=np.float64)) / max(cadence_s, AGE_WORDS / rate)
    return ages


def topic_distance(interests: Sequence[str], units: Sequence[Unit], background: Background) -> Floats:
    """How far each unit is from the nearest interest, in [0, 1]; `units` in order of time.

    1 - cosine / best cosine of the window (tf-idf over stems), smoothed over neighbours in time: what is said next to
    a match is about it too. All zeros without interests, and where nothing matches: then there is no preference.
    """
    wanted = [words for interest in interests if (words := variants(interest))]
    best = np.zeros(len(units))
    if not wanted or not units:
        return best

    def rarity(*forms: str) -> float:
        count = max(map(background.count, forms))
        return max(RARITY_MIN, log((background.total + 1) / (count + 1)))

    using = postings(unit.terms for unit in units)
    weight = {term: rarity(term) ** 2 for term in using}
    norms = np.sqrt([sum(weight[term] for term in unit.terms) or 1.0 for unit in units])
    for words in wanted:
        weights = [rarity(*forms) ** 2 for forms in words]
        shared = np.zeros(len(units))
        for forms, own in zip(words, weights, strict=True):
            matching = sorted({i for form in forms for i in using.get(form, ())})
            shared[matching] += own
        np.maximum(best, shared / (norms * sqrt(sum(weights))), out=best)
    side = len(_SMOOTHING) // 2
    smooth: Floats = np.convolve(best, _SMOOTHING / _SMOOTHING.sum())[side : side + len(units)]
    return 1.0 - smooth / smooth.max() if smooth.max() > 0.0 else smooth
