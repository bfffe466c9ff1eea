"""A domain pack: which words a community's own minutes pick up from what was said.

A word is worth saying in so far as minutes would mention it. That is learned from pairs of a talk and its minutes, by a
logistic model of three things that a digest knows of a word anyway, so it costs nothing at run time:

    prior  = ln((minutes that mention it + 0.5) / (talks that use it + 10))
    used   = ln(1 + how often it is used)
    telling = ln(1 + how often it is used * how rare it is in the room)

While it is fitted, a talk's own minutes are left out of its priors. A pack is worth 3 ROUGE-1 in its own domain and
does not travel to another (docs/lod.md), so none is shipped. It holds words and counts, no sentences.

Pure: text in, numbers out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from cadence.lod.languages import guess_language
from cadence.lod.terms import terms
from cadence.lod.units import Source, parse

VERSION = 1
TALKS_MIN = 5  # fewer teach nothing that holds for the next
WORDS_MAX = 50_000
_MENTIONED_MORE, _USED_MORE = 0.5, 10.0  # so that what was hardly seen has no strong prior
_STEPS = 25  # of Newton's method; it takes about ten
_RIDGE = 1e-3

Floats = NDArray[np.float64]


class PackError(Exception):
    """The text is no pack, or nothing can be learned from it; one sentence: what was expected, what came."""


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said, as the terms of each unit, and the terms of its minutes."""

    units: tuple[tuple[str, ...], ...]
    minutes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pack:
    """`words` gives for each stem how many minutes mention it and how many talks use it; `weights` are the model's."""

    talks: int
    words: Mapping[str, tuple[int, int]]
    weights: tuple[float, float, float, float]  # constant, prior, used, telling

    def priors(self, stems: Iterable[str]) -> Floats:
        """How readily minutes take up each of `stems`, in logarithms."""
        unknown = (0, 0)
        return np.array([_prior(*self.words.get(stem, unknown)) for stem in stems], dtype=np.float64)

    def worth(self, priors: Floats, used: Floats, rarity: Floats) -> Floats:
        """The chance that minutes would mention each word, 0 for those nobody uses."""
        z = _features(priors, used, rarity) @ np.array(self.weights)
        chances: Floats = np.where(used > 0.0, 1.0 / (1.0 + np.exp(-z)), 0.0)
        return chances

    def to_json(self) -> str:
        """The pack as one JSON object."""
        words = {stem: list(counts) for stem, counts in sorted(self.words.items())}
        return json.dumps(
            {"pack": VERSION, "talks": self.talks, "weights": self.weights, "words": words}, ensure_ascii=False
        )


def from_json(text: str) -> Pack:
    """The pack that `to_json` wrote. Raises `PackError`."""
    try:
        raw = json.loads(text)
        found = Pack(
            int(raw["talks"]),
            {str(stem): (int(mentioned), int(used)) for stem, (mentioned, used) in raw["words"].items()},
            tuple(float(weight) for weight in raw["weights"]),  # type: ignore[arg-type]
        )
        sane = raw["pack"] == VERSION and len(found.weights) == 4 and all(map(isfinite, found.weights))
        counted = all(0 <= mentioned <= used for mentioned, used in found.words.values())
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PackError(f"expected a pack of version {VERSION}, got something else ({type(error).__name__})") from None
    if not (sane and counted and len(found.words) <= WORDS_MAX):
        raise PackError(f"expected a pack of version {VERSION} with four weights and counts that can be, got others")
    return found


def talk_of(line: str) -> Talk:
    """A talk with its minutes, from a line of JSON. Raises `PackError`.

    Either `said`, a text or a list of texts, and `minutes`, a text; or a meeting of QMSum with its general questions.
    """
    try:
        raw = json.loads(line)
        if "meeting_transcripts" in raw:
            said = [str(turn["content"]) for turn in raw["meeting_transcripts"]]
            minutes, spoken = [str(one["answer"]) for one in raw["general_query_list"]], True
        else:
            said = [raw["said"]] if isinstance(raw["said"], str) else [str(one) for one in raw["said"]]
            minutes, spoken = [str(raw["minutes"])], bool(raw.get("spoken"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PackError(
            f"expected a JSON object with `said` and `minutes`, got something else ({type(error).__name__})"
        ) from None
    sources = (Source(seq, "", 0.0, text, spoken=spoken) for seq, text in enumerate(said, 1))
    units = tuple(unit.terms for source in sources for unit in parse(source).units if unit.terms)
    return Talk(units, frozenset(stem for text in minutes for stem in terms(text, guess_language(text))))


def count(talks: Sequence[Talk]) -> Pack:
    """The pack that these talks teach. Raises `PackError` if they are too few."""
    known = [talk for talk in talks if talk.units and talk.minutes]
    if len(known) < TALKS_MIN:
        raise PackError(f"expected at least {TALKS_MIN} talks with minutes, got {len(known)}")
    used, mentioned = Counter[str](), Counter[str]()
    for talk in known:
        used.update({stem for unit in talk.units for stem in unit} | talk.minutes)
        mentioned.update(talk.minutes)
    rows = [_rows(talk, used, mentioned) for talk in known]
    features, targets = np.concatenate([x for x, _ in rows]), np.concatenate([y for _, y in rows])
    words = {stem: (mentioned[stem], often) for stem, often in used.most_common(WORDS_MAX)}
    constant, prior, use, telling = _fitted(features, targets).tolist()
    return Pack(len(known), words, (constant, prior, use, telling))


def _rows(talk: Talk, used: Counter[str], mentioned: Counter[str]) -> tuple[Floats, Floats]:
    """What the model sees of each word of a talk, and whether its minutes mention it."""
    uses = Counter(stem for unit in talk.units for stem in unit)
    target = np.array([stem in talk.minutes for stem in uses], dtype=np.float64)
    priors = np.array([_prior(mentioned[stem] - (stem in talk.minutes), used[stem] - 1) for stem in uses])
    often = np.array(list(uses.values()), dtype=np.float64)
    return _features(priors, often, np.log((len(talk.units) + 1.0) / (often + 1.0))), target


def _prior(mentioned: int, used: int) -> float:
    return log((mentioned + _MENTIONED_MORE) / (used + _USED_MORE))


def _features(priors: Floats, used: Floats, rarity: Floats) -> Floats:
    return np.stack([np.ones(len(used)), priors, np.log1p(used), np.log1p(used * rarity)], axis=1)


def _fitted(features: Floats, targets: Floats) -> Floats:
    """Logistic regression with a small ridge, by Newton's method."""
    weights = np.zeros(features.shape[1])
    ridge = _RIDGE * len(targets) * np.eye(len(weights)) / len(weights)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-features @ weights))
        curve = (features * (chance * (1.0 - chance))[:, None]).T @ features + ridge
        step = np.linalg.solve(curve, features.T @ (targets - chance) - ridge @ weights)
        weights = weights + step
    return weights
