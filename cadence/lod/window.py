"""Units that wait, as arrays: made once for a room and a moment, and shared by all who look at it then.

What of a digest does not depend on the reader is here: which words a unit uses, how rare these are, who spoke, and
which units say the same again. A reader's own part is attention, memory and budget (see `digest`).

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np
import regex
from numpy.typing import NDArray

from cadence.lod.repeats import OVERLAP_MAX, TERMS_MIN
from cadence.lod.terms import Background
from cadence.lod.units import Unit

CROWD_MIN = 4  # so many saying the very same, however short, are a crowd: one is shown, the others are counted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_LETTERS = regex.compile(r"[\p{L}\p{M}\p{N}\p{Extended_Pictographic}+]+")


class Window:
    """`units` in order of time, and how rare their words are by `background` as it is now."""

    def __init__(self, units: Sequence[Unit], background: Background) -> None:
        self.units = units
        ids: dict[str, int] = {}
        self.words = [[ids.setdefault(term, len(ids)) for term in unit.terms] for unit in units]
        self.terms = list(ids)
        self.sizes: Ints = np.array([len(own) for own in self.words], dtype=np.int64)  # words of each unit
        self.flat: Ints = np.array([term for own in self.words for term in own], dtype=np.int64)
        self.owner: Ints = np.repeat(np.arange(len(units)), self.sizes)
        self.n = [unit.n for unit in units]
        self.costs: Floats = np.array(self.n, dtype=np.float64)
        self.salience: Floats = np.array([unit.salience for unit in units], dtype=np.float64)
        known = np.array([background.count(term) for term in ids], dtype=np.float64)
        self.rarity: Floats = np.maximum(0.0, np.log((background.total + 1.0) / (known + 1.0)))
        self._pack = background.pack
        self._priors = None if self._pack is None else self._pack.priors(ids)
        speakers: dict[str, int] = {}
        self.speaker_of: Ints = np.array([speakers.setdefault(unit.speaker, len(speakers)) for unit in units], np.int64)
        self.speakers = list(speakers)
        self._scaled: dict[float, Floats] = {}
        self._again: dict[int, list[int]] = {}
        self._shared: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.units)

    @cached_property
    def rows(self) -> dict[Unit, int]:
        """The row of each unit."""
        return {unit: i for i, unit in enumerate(self.units)}

    @property
    def packed(self) -> bool:
        """Whether a domain pack weighs its words."""
        return self._pack is not None

    def places(self, units: Sequence[Unit]) -> Ints | None:
        """The row of each of these units; None if one of them is not in it."""
        known = self.rows
        try:
            return np.array([known[unit] for unit in units], dtype=np.int64)
        except KeyError:
            return None

    def scaled(self, exponent: float) -> Floats:
        """What a unit's gain is multiplied by: its salience over its words to this exponent."""
        if exponent not in self._scaled:
            self._scaled[exponent] = self.salience / self.costs**exponent
        return self._scaled[exponent]

    def uses(self, attention: Floats) -> Floats:
        """How often each word is used, [terms], by attention for each unit."""
        return np.bincount(self.flat, weights=attention[self.owner], minlength=len(self.terms)).astype(
            np.float64, copy=False
        )

    def shares(self, worth: Floats) -> Floats:
        """What each unit says of all that is worth saying, [units]."""
        return np.bincount(self.owner, weights=worth[self.flat], minlength=len(self.units)).astype(
            np.float64, copy=False
        )

    def worth(self, used: Floats) -> Floats:
        """The share of each word in all that is worth saying, [terms]; `used` is how often each is used."""
        if self._pack is not None and self._priors is not None:
            worth = self._pack.worth(self._priors, used, self.rarity)
        else:
            worth = used * self.rarity
        total = worth.sum()
        if total <= 0.0:  # a new room, or one where everybody says the same: all words are equally rare
            worth, total = used, used.sum()
        shares: Floats = worth / (total or 1.0)
        return shares

    def again(self, row: int) -> list[int]:
        """Those that say again what unit `row` says: more than 60 % of their words, at least three, are its.

        In a crowd (`CROWD_MIN`) also those that say the very same in fewer words.
        """
        if row not in self._again:
            found = set(self._sharing(row))
            if len(self.words[row]) < TERMS_MIN:
                crowd = self._crowds.get(_said(self.units[row]), ())
                found.update(crowd if len(crowd) >= CROWD_MIN else ())
            self._again[row] = sorted(found - {row})
        return self._again[row]

    def saying_again(self, terms: Collection[str], unit: Unit | None) -> list[Unit]:
        """The units of which more than 60 % of the words, at least three, are these `terms`: those of `unit`, if it is
        known who said them."""
        row = None if unit is None else self.rows.get(unit)
        if row is not None:
            return [self.units[other] for other in self._sharing(row)]
        shared = self.shares(np.array([term in terms for term in self.terms], dtype=np.float64))
        return [self.units[i] for i in np.flatnonzero((self.sizes >= TERMS_MIN) & (shared > OVERLAP_MAX * self.sizes))]

    def _sharing(self, row: int) -> list[int]:
        """The rows that share more than 60 % of their own words, at least three, with this one; it may be one of them."""
        if row not in self._shared:
            shared: dict[int, int] = {}
            for term in self.words[row]:
                for other in self._users[term]:
                    shared[other] = shared.get(other, 0) + 1
            self._shared[row] = [
                other
                for other, count in shared.items()
                if len(self.words[other]) >= TERMS_MIN and count > OVERLAP_MAX * len(self.words[other])
            ]
        return self._shared[row]

    @cached_property
    def _crowds(self) -> dict[tuple[str, tuple[str, ...]], list[int]]:
        """Who says the very same in few words; not what only signs say, and no blocks."""
        found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for i, unit in enumerate(self.units):
            if len(unit.terms) < TERMS_MIN and (said := _said(unit))[0]:
                found.setdefault(said, []).append(i)
        return found

    @cached_property
    def _users(self) -> list[list[int]]:
        users: list[list[int]] = [[] for _ in self.terms]
        for i, own in enumerate(self.words):
            for term in own:
                users[term].append(i)
        return users


def _said(unit: Unit) -> tuple[str, tuple[str, ...]]:
    """What a unit says but for case and signs."""
    return " ".join(_LETTERS.findall(unit.text.casefold())), unit.terms
