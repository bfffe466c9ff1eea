"""Units that wait, as arrays: made once for a room and a moment, and shared by all who look at it then.

What of a digest does not depend on the reader is here: which words a unit uses, how rare these are, who spoke, and
which units say the same again. A reader's own part is attention, memory and budget (see `digest`).

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from cadence.lod.attention import age_units, squared_distance
from cadence.lod.repeats import OVERLAP_MAX, TERMS_MIN
from cadence.lod.terms import Background
from cadence.lod.units import Unit

LOOKS_KEPT_MAX = 64  # of readers of different pace
CROWD_MIN = 4  # so many saying the very same, however short, are a crowd: one is shown, the others are counted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_LETTERS = regex.compile(r"[\p{L}\p{M}\p{N}\p{Extended_Pictographic}+]+")


class Window:
    """`units` in order of time, and how rare their words are by `background` as it is now."""

    def __init__(self, units: Sequence[Unit], background: Background, before: Window | None = None) -> None:
        """`before` is a window whose units come first; it stays as it is, and nothing of it is looked at again."""
        known = len(before) if before else 0
        self.units: Sequence[Unit] = [*(before.units if before else ()), *units]
        self._ids: dict[str, int] = dict(before._ids) if before else {}
        ids = self._ids
        own = [[ids.setdefault(term, len(ids)) for term in unit.terms] for unit in units]
        self.words: list[list[int]] = [*(before.words if before else ()), *own]
        self.terms = list(ids)
        sizes = np.array([len(terms) for terms in own], dtype=np.int64)
        self.sizes: Ints = _joined(before.sizes if before else None, sizes)  # words of each unit
        self.flat: Ints = _joined(
            before.flat if before else None, np.array([term for terms in own for term in terms], np.int64)
        )
        self.owner: Ints = _joined(
            before.owner if before else None, np.repeat(np.arange(known, known + len(units)), sizes)
        )
        self.n: list[int] = [*(before.n if before else ()), *[unit.n for unit in units]]
        self.costs: Floats = np.array(self.n, dtype=np.float64)
        at = np.array([unit.at for unit in units], dtype=np.float64)
        self.at: Floats = _joined(before.at if before else None, at)
        seqs = np.array([unit.seq for unit in units], dtype=np.int64)
        self.seqs: Ints = _joined(before.seqs if before else None, seqs)
        indices = np.array([unit.index for unit in units], dtype=np.int64)
        self.indices: Ints = _joined(before.indices if before else None, indices)
        self.salience: Floats = _joined(
            before.salience if before else None, np.array([unit.salience for unit in units], dtype=np.float64)
        )
        counts = background.counts()
        used = np.array([counts.get(term, 0) for term in self.terms], dtype=np.float64)
        self.rarity: Floats = np.maximum(0.0, np.log((background.total + 1.0) / (used + 1.0)))
        self._pack = background.pack
        self._priors = None if self._pack is None else self._pack.priors(ids)
        self._speakers: dict[str, int] = dict(before._speakers) if before else {}
        speakers = self._speakers
        spoken = np.array([speakers.setdefault(unit.speaker, len(speakers)) for unit in units], dtype=np.int64)
        self.speaker_of: Ints = _joined(before.speaker_of if before else None, spoken)
        self.speakers = list(speakers)
        self._scaled: dict[float, Floats] = {}
        self._again: dict[int, list[int]] = {}
        self._far: dict[tuple[float, float, float, float], Floats] = {}
        self._shared: dict[int, list[int]] = {}
        self._told: list[tuple[str, tuple[str, ...]] | None] = before.__dict__.get("_sayings", []) if before else []

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
            return np.fromiter(map(known.__getitem__, units), np.int64, len(units))
        except KeyError:
            return None

    def scaled(self, exponent: float) -> Floats:
        """What a unit's gain is multiplied by: its salience over its words to this exponent."""
        if exponent not in self._scaled:
            self._scaled[exponent] = self.salience / self.costs**exponent
        return self._scaled[exponent]

    @cached_property
    def words_of(self) -> Ints:
        """The words of each unit, [units, most words of one], filled up with the number that follows the last word."""
        found = np.full((len(self.units), int(self.sizes.max(initial=0))), len(self.terms), dtype=np.int64)
        found[np.arange(found.shape[1]) < self.sizes[:, None]] = self.flat
        return found

    def shares(self, worth: Floats) -> Floats:
        """What each unit says of all that is worth saying, [units]."""
        return np.bincount(self.owner, weights=worth[self.flat], minlength=len(self.units)).astype(
            np.float64, copy=False
        )

    def worth(self, used: Floats) -> Floats:
        """The share of each word in all that is worth saying, [readers, terms]; `used` is how often each is used."""
        if self._pack is not None and self._priors is not None:
            worth = np.stack([self._pack.worth(self._priors, by, self.rarity) for by in used])
        else:
            worth = used * self.rarity
        total = worth.sum(axis=1, keepdims=True)
        if (total <= 0.0).any():  # a new room, or one where everybody says the same: all words are equally rare
            worth = np.where(total <= 0.0, used, worth)
            total = worth.sum(axis=1, keepdims=True)
        shares: Floats = worth / np.where(total > 0.0, total, 1.0)
        return shares

    def far(self, now: float, cadence_s: float, rate: float, sigma: float) -> Floats:
        """The squared distance of each unit for a reader who is near to nobody: made once for readers of equal pace."""
        look = now, cadence_s, rate, sigma
        if look not in self._far:
            if len(self._far) >= LOOKS_KEPT_MAX:
                self._far.clear()
            self._far[look] = squared_distance(1.0, age_units(now, self.at, cadence_s, rate), 0.0, sigma)
        return self._far[look]

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
        if row is None:
            ids = self._ids
            return [self.units[other] for other in self._with([ids[term] for term in terms if term in ids])]
        return [self.units[other] for other in self._sharing(row)]

    def _sharing(self, row: int) -> list[int]:
        """The rows that share more than 60 % of their own words, at least three, with this one, itself included."""
        if row not in self._shared:
            self._shared[row] = self._with(self.words[row])
        return self._shared[row]

    def _with(self, terms: Sequence[int]) -> list[int]:
        """The rows of which more than 60 % of the words, at least three, are these."""
        these = np.zeros(len(self.terms))
        these[terms] = 1.0
        found = (self.sizes >= TERMS_MIN) & (self.shares(these) > OVERLAP_MAX * self.sizes)
        return [int(row) for row in np.flatnonzero(found)]

    @cached_property
    def _crowds(self) -> dict[tuple[str, tuple[str, ...]], list[int]]:
        """Who says the very same in few words; not what only signs say, and no blocks."""
        found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for i, said in enumerate(self._sayings):
            if said is not None:
                found.setdefault(said, []).append(i)
        return found

    @cached_property
    def _sayings(self) -> list[tuple[str, tuple[str, ...]] | None]:
        """What each unit says that says it in few words. A window follows each message: nothing is read twice."""
        return [*self._told, *map(_saying, self.units[len(self._told) :])]


def _joined(before: NDArray[Any] | None, own: NDArray[Any]) -> NDArray[Any]:
    return own if before is None else np.concatenate([before, own])


def _saying(unit: Unit) -> tuple[str, tuple[str, ...]] | None:
    said = _said(unit) if len(unit.terms) < TERMS_MIN else ("", ())
    return said if said[0] else None


def _said(unit: Unit) -> tuple[str, tuple[str, ...]]:
    """What a unit says but for case and signs."""
    return " ".join(_LETTERS.findall(unit.text.casefold())), unit.terms
