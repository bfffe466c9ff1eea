"""Answering a question with quotes: which units are about it, and the best of them within a budget of words.

A unit is about a question as far as the question's words stand in it and near it: what is said next to a match is
about it too. Each word counts by how rare it is, its uses nearby by a saturating sum (as in BM25, Robertson &
Zaragoza 2009), so that a passage with all of the words beats one that repeats a single word:

    near(i)      = sum over words t of idf_t * tf / (tf + k),   tf = uses of t around i, by a Gaussian over units
    relevance(i) = near(i) + 0.15 * own(i), each over its maximum;  own(i) = sum of idf_t over the words in i itself
    attention(i) = exp(-((1 - relevance(i)) / s_topic)^2 / 2)

Where there are vectors, relevance is three fifths of this and two fifths the smoothed cosine with the question. Who is
asked about by name counts more. The digest then covers words among the attended units, as it does everywhere else.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from cadence.lod.digest import SpeakerMemory, Weights, rank
from cadence.lod.terms import Background, postings, terms, variants
from cadence.lod.units import Unit
from cadence.lod.vectors import Matrix, Vector

NEAR_UNITS = 14.0  # standard deviation of the Gaussian along the conversation
SATURATION = 3.0  # uses nearby that count half
OWN_WEIGHT = 0.15  # of the unit's own words beside those around it
VECTOR_SHARE = 0.4  # of the relevance, where there are vectors
VECTOR_UNITS = 1.5  # standard deviation for the cosine: a sentence says more than a word
OTHER_SPEAKERS = 0.85  # relevance of the others, where the question names somebody
TOPIC_WIDTH = 0.25  # s_topic
POOL_UNITS_MAX = 256  # the digest looks at so many of the most relevant
RELEVANCE_MIN = 1e-9
ANSWER = Weights(facility=0.1, voices=0.05, length=0.2, apart=0.0)  # attention has already chosen the passage

Floats = NDArray[np.float64]

# What questions are made of, as stems: it says nothing about what is asked for.
_ASKING = frozenset(
    stem
    for word in (
        "summarize summary discussion discuss discussed meeting group team think thought opinion opinions mention"
        " mentioned recommend decision decide decided conclude conclusion talk main point points view views attitude"
        " introduce explain explained suggest suggested suggestion describe described propose proposed reason reasons"
        " question answer ask asked agree agreed participants according during"
    ).split()
    for stem in terms(word, "english")
)


def retrieve(
    units: Sequence[Unit],
    question: str,
    words: float,
    background: Background,
    *,
    names: Mapping[str, str] | None = None,
    vectors: Matrix | None = None,
    asked: Vector | None = None,
) -> tuple[int, ...]:
    """The units that answer `question` best within `words`, in the order they were picked; () if none is about it.

    `units` in order of time; of a long conversation the caller may pass a selection. `names` gives the names that
    speakers are called by, where their ids are not. `vectors` [units, d] and the question's own `asked` are optional.
    """
    about = relevance(units, question, background, names=names, vectors=vectors, asked=asked)
    pool = np.sort(np.argsort(-about, kind="stable")[:POOL_UNITS_MAX])
    pool = pool[about[pool] > RELEVANCE_MIN]
    if not len(pool):
        return ()
    attention = np.exp(-(((1.0 - about[pool]) / TOPIC_WIDTH) ** 2) / 2.0)
    ladder = rank(
        [units[i] for i in pool],
        attention,
        background,
        SpeakerMemory(),
        0.0,
        words,
        vectors=None if vectors is None else vectors[pool],
        weigh=ANSWER,
        exact=True,
    )
    return tuple(int(pool[i]) for i in ladder.select(words))


def relevance(
    units: Sequence[Unit],
    question: str,
    background: Background,
    *,
    names: Mapping[str, str] | None = None,
    vectors: Matrix | None = None,
    asked: Vector | None = None,
) -> Floats:
    """How much each unit is about `question`, [units], in 0..1, the best having 1; all 0 where nothing is."""
    if not units:
        return np.zeros(0)
    named = _named(question, units, names or {})
    own = {stem for name in named.values() for form in variants(name) for stem in form}
    wanted = [forms for forms in variants(question) if own.isdisjoint(forms) and _ASKING.isdisjoint(forms)]
    by_words = _by_words(units, wanted, background)
    if vectors is not None and asked is not None:
        cosine = _smoothed(np.clip(vectors @ asked, 0.0, 1.0).astype(np.float64), VECTOR_UNITS)
        found = (1.0 - VECTOR_SHARE) * by_words + VECTOR_SHARE * _to_one(cosine - cosine.min())
    else:
        found = by_words
    if named:
        others = np.array([unit.speaker not in named for unit in units])
        found = found if found.any() else np.ones(len(units))
        found = np.where(others, found * OTHER_SPEAKERS, found)
    return _to_one(found)


def _by_words(units: Sequence[Unit], wanted: Sequence[tuple[str, ...]], background: Background) -> Floats:
    using = postings(unit.terms for unit in units)
    near, own = np.zeros(len(units)), np.zeros(len(units))
    for forms in wanted:
        matching = sorted({i for form in forms for i in using.get(form, ())})
        if not matching:
            continue
        known = max(max(background.count(form) for form in forms), len(matching))
        idf = log((max(background.total, len(units)) + 1.0) / (known + 0.5))
        uses = np.zeros(len(units))
        uses[matching] = 1.0
        own += idf * uses
        around = _smoothed(uses, NEAR_UNITS)
        near += idf * around / (around + SATURATION / (NEAR_UNITS * 2.5))
    return _to_one(near) + OWN_WEIGHT * _to_one(own)


def _named(question: str, units: Sequence[Unit], names: Mapping[str, str]) -> dict[str, str]:
    """The speakers whom the question names, with their names: whole, or by a part of five letters or more."""
    asked = _plain(question)
    found: dict[str, str] = {}
    for speaker in {unit.speaker for unit in units}:
        name = names.get(speaker, speaker)
        parts = _plain(name).split()
        if f" {' '.join(parts)} " in asked or any(len(part) >= 5 and f" {part} " in asked for part in parts):
            found[speaker] = name
    return found


def _plain(text: str) -> str:
    """Words in lower case between single spaces, one before the first and one after the last."""
    return f" {' '.join(''.join(c if c.isalnum() else ' ' for c in text.casefold()).split())} "


def _smoothed(values: Floats, width: float) -> Floats:
    """A Gaussian mean over neighbours; beyond the ends there is nothing."""
    reach = int(3 * width)
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-((steps / width) ** 2) / 2.0)
    found: Floats = np.convolve(values, kernel / kernel.sum())[reach : reach + len(values)]
    return found


def _to_one(values: Floats) -> Floats:
    most = values.max()
    return values / most if most > 0.0 else np.zeros(len(values))
