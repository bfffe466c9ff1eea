"""How a reader's words are divided between scopes: water-filling by attention, and credit for shares too small to read.

    b_i = N_i * min(1, lambda * a_i)        lambda such that  sum b_i = min(B, sum N_i)

N_i are the raw words of scope i since the last look, a_i the attention it has, B the words the reader can take in
(LOD.md section 4). No scope is ever cut to zero: what is too small to read adds up until it is (error diffusion, as
in dithering). Exact by sorting on a; rows are readers, so ten thousand of them are one matrix operation.

Law 4: more attention never means less. Law 5: b moves with focus, sigma and pace without a seam. With d the steps,
D the largest of them and e a change of every d (of sigma, of B),

    |change of b_i| <= B*D/(2*sigma^2) * e        (focus; of sigma B*D^2/(2*sigma^3), of B one)

because ln a_i = -(d_i/sigma)^2/2, and a change of logarithms within +-h moves a share w of B by at most 2h * w*(1-w).

Pure: NumPy only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadence.lod.attention import ATTENTION_MIN, PLACE_STEPS

BLOCK_ROWS = 1_000  # of readers handled at once: what they need stays in the cache
READABLE_WORDS = 6.0  # less than this is not shown, but kept as credit
CREDIT_WORDS_MAX = 80.0  # two of the longest units; lawful credit never gets there (28 words at worst, measured)

Floats = NDArray[np.float64]


def scope_attention(steps: ArrayLike, sigma: ArrayLike) -> Floats:
    """Attention of each reader for each scope, in [1e-12, 1], the nearest having 1.

    `steps` [readers, scopes] as of `cadence.lod.scopes`, `sigma` one number or [readers].
    """
    distance = np.asarray(steps, dtype=np.float64) / PLACE_STEPS
    width = np.asarray(sigma, dtype=np.float64).reshape(-1, 1)
    squared = (distance / width) ** 2
    if squared.size == 0:
        return np.zeros(squared.shape)
    weights: Floats = np.maximum(np.exp((squared.min(axis=1, keepdims=True) - squared) / 2.0), ATTENTION_MIN)
    return weights


def allocate(words: ArrayLike, attention: ArrayLike, budget: ArrayLike) -> Floats:
    """Each scope's share b in words, [readers, scopes].

    `words` and `attention` are [readers, scopes], not negative; `budget` is [readers]. Shares sum to the budget or to
    all words, whichever is less; a scope of which all is shown gets exactly its words.
    """
    raw = np.atleast_2d(np.asarray(words, dtype=np.float64))
    weights = np.atleast_2d(np.asarray(attention, dtype=np.float64))
    limits = np.atleast_1d(np.asarray(budget, dtype=np.float64))
    shares = np.zeros(raw.shape)
    if not raw.size:
        return shares
    for start in range(0, len(raw), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        shares[rows] = _block(raw[rows], weights[rows], limits[rows])
    return shares


def _block(words: Floats, attention: Floats, budget: Floats) -> Floats:
    """Water-filling of some rows: the most attended scopes fill up first, the rest share by attention."""
    order = np.argsort(-attention, axis=1)
    rank_attention = np.take_along_axis(attention, order, axis=1)
    rank_words = np.take_along_axis(words, order, axis=1)
    full = np.cumsum(rank_words, axis=1)
    left = np.maximum(budget[:, None] - (full - rank_words), 0.0)  # once the scopes before are full
    wanted = np.cumsum((rank_attention * rank_words)[:, ::-1], axis=1)[:, ::-1]
    # The first scope that does not fill up; a scope of no words neither does nor tells lambda.
    partly = (left * rank_attention <= wanted) & (wanted > 0.0)
    first = partly.argmax(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.take_along_axis(left / wanted, first, axis=1)
    level = np.where((full[:, -1] <= budget)[:, None], np.inf, level)
    with np.errstate(invalid="ignore"):
        shares: Floats = words * np.minimum(1.0, np.where(attention > 0.0, level * attention, 0.0))
    return shares


class ScopeCredit:
    """What each scope is owed by one reader, in words. It does not expire, and a payment may leave a debt."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    def earn(self, shares: Mapping[str, float]) -> None:
        """Add the shares of one look. Scopes not named keep what they have."""
        for scope, words in shares.items():
            self._owed[scope] = min(self._owed.get(scope, 0.0) + words, CREDIT_WORDS_MAX)

    def due(self) -> list[str]:
        """The scopes of which something can be read, the largest credit first."""
        due = [scope for scope, words in self._owed.items() if words >= READABLE_WORDS]
        return sorted(due, key=lambda scope: (-self._owed[scope], scope))

    def pay(self, scope: str, words: float) -> None:
        """So much of the scope was shown."""
        self._owed[scope] = self._owed.get(scope, 0.0) - words

    def all(self) -> dict[str, float]:
        """What each scope is owed."""
        return dict(self._owed)

    def keep(self, scopes: Mapping[str, object]) -> None:
        """Forget all scopes but these, which are still in hearing."""
        self._owed = {scope: words for scope, words in self._owed.items() if scope in scopes}

    def __getitem__(self, scope: str) -> float:
        return self._owed.get(scope, 0.0)
