"""Who seems to stand with whom in an argument, guessed from sentence vectors where nobody says so.

An argument is many voices on one topic, so two things are read off the vectors of what was said last. How much it is
one: the mean cosine between any two of them, chat having about 0.1 and arguments about one motion 0.5 and more. And who
stands where: what each speaker said, less what all said (which is the topic), is seen along the directions in which the
two sides of other arguments differed, and two speakers are the more opposed the more these point apart,

    tie(a, b) = sum over k of (a . w_k) * (b . w_k)         a, b: sums over n units of one speaker, over sqrt(n)

The w_k are learned from arguments of known stance about other topics (`bench/lod/stances.py`). They are right more
often than not, and no more: a guess may steer what is shown, which costs a little where it is wrong, and is never told
to anybody (LOD.md section 5, law 9).

Pure: NumPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cadence.lod.vectors import Matrix

UNITS_MIN = 8  # fewer are no argument yet
SPEAKERS_MIN = 3
ALIKE_NONE, ALIKE_FULL = 0.3, 0.45  # mean cosine: up to the one it is no argument, from the other on it is one

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """How much of an argument something is, in 0..1, and how much its speakers seem to agree.

    `ties` [speakers, speakers] lie within -1..1, below 0 for those who seem opposed; `places` are their rows.
    """

    heat: float = 0.0
    places: dict[str, int] = field(default_factory=dict)
    ties: Floats = field(default_factory=lambda: np.zeros((0, 0)))

    def groups(self, speakers: Sequence[str]) -> Ints:
        """The row of each of these speakers in `favours`, [n]; the last one for those who are not known."""
        return np.array([self.places.get(speaker, len(self.places)) for speaker in speakers], dtype=np.int64)

    def favours(self, weight: float) -> Floats:
        """By how much a pick of row i multiplies the gain of row j: e^weight for the wholly opposed, at full heat."""
        found: Floats = np.exp(-weight * self.heat * np.pad(self.ties, (0, 1)))
        return found


CALM = Argument()


class Leanings:
    """The learned directions w_k: the columns of `basis` [d, rank]."""

    def __init__(self, basis: Matrix) -> None:
        self._basis = basis

    def argument(self, vectors: Matrix, speakers: Sequence[str]) -> Argument:
        """What units of these `vectors` [n, d], of length 1, are as an argument; `speakers` [n] said them."""
        count, places = len(vectors), {speaker: i for i, speaker in enumerate(sorted(set(speakers)))}
        if count < UNITS_MIN or len(places) < SPEAKERS_MIN or vectors.shape[1] != len(self._basis):
            return CALM
        middle = vectors.mean(axis=0)
        alike = (count * float(middle @ middle) - 1.0) / (count - 1)  # of two different ones
        heat = min(max((alike - ALIKE_NONE) / (ALIKE_FULL - ALIKE_NONE), 0.0), 1.0)
        if not heat:
            return CALM
        said = np.zeros((len(places), count), dtype=np.float32)
        said[[places[speaker] for speaker in speakers], np.arange(count)] = 1.0
        said /= np.sqrt(said.sum(axis=1, keepdims=True))
        stands = ((said @ (vectors - middle)) @ self._basis).astype(np.float64)
        ties = stands @ stands.T
        return Argument(heat, places, np.clip(ties / max(float(np.diag(ties).mean()), 1e-12), -1.0, 1.0))
