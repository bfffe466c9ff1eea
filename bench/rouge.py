"""ROUGE-1, -2 and -L as `rouge-score` with its stemmer computes them (Lin 2004), F measure, in per cent.

Words are runs of a-z and 0-9 of the lower-cased text; those of more than three characters are stemmed (Porter 1980, see
`bench.porter`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.porter import stem

STEMMED_CHARACTERS_MIN = 4
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Rouge:
    """F measures in per cent, and precision and recall of single words."""

    r1: float
    r2: float
    rl: float
    precision: float
    recall: float


def rouge(reference: str, candidate: str) -> Rouge:
    """How much `candidate` shares with `reference`."""
    want, got = tokens(reference), tokens(candidate)
    precision, recall, r1 = _overlap(_grams(want, 1), _grams(got, 1))
    _, _, r2 = _overlap(_grams(want, 2), _grams(got, 2))
    common = _longest_common(want, got)
    _, _, rl = _scores(common, len(want), len(got))
    return Rouge(r1, r2, rl, precision, recall)


def tokens(text: str) -> list[str]:
    """The stemmed words of a text."""
    return [stem(word) if len(word) >= STEMMED_CHARACTERS_MIN else word for word in _WORD.findall(text.lower())]


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


def _overlap(want: Counter[tuple[str, ...]], got: Counter[tuple[str, ...]]) -> tuple[float, float, float]:
    return _scores((want & got).total(), want.total(), got.total())


def _scores(common: int, want: int, got: int) -> tuple[float, float, float]:
    precision, recall = 100.0 * common / max(got, 1), 100.0 * common / max(want, 1)
    return precision, recall, 2 * precision * recall / (precision + recall) if common else 0.0


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence in the bits of one number (Hyyro 2004)."""
    where: dict[str, int] = {}
    for i, word in enumerate(one):
        where[word] = where.get(word, 0) | 1 << i
    everything = (1 << len(one)) - 1
    open_ = everything
    for word in other:
        matched = open_ & where.get(word, 0)
        open_ = ((open_ + matched) | (open_ - matched)) & everything
    return len(one) - open_.bit_count()
