"""What waits for one reader: open messages, each with the units not yet shown.

Pure: no clock, no files.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from cadence.alex.transcript import Entry
from cadence.lod.units import Unit
from cadence.lod.window import Window

OBJECTIONS_KEPT_MAX = 64  # beyond the time that other text waits; older ones are condensed away

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Windows = Callable[[Sequence[Unit]], Window | None]
New = tuple[Entry, float, bool]  # a message, since when it waits, whether it is urgent


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be shown.

    Urgent if it mentions the reader or answers them; passed if something that follows it in its message was shown.
    """

    entry: Entry
    unit: Unit
    urgent: bool
    passed: bool = False


Attend = Callable[[Sequence[Candidate]], Floats]


class OpenMessage:
    """A message of which some text waits: `left`, in units. `words` counts it, blocks whole. Never changes.

    `since` is when it began to wait, `touched` whether something of it was shown, `told` the index of the last unit
    shown.
    """

    __slots__ = ("candidates", "entry", "left", "since", "told", "touched", "urgent", "words")

    def __init__(self, entry: Entry, since: float, urgent: bool) -> None:
        self.entry = entry
        self.since = since
        self.urgent = urgent
        self.touched, self.told = False, -1
        self.left: Sequence[Unit] = entry.parsed.units
        self.words = entry.parsed.words
        self.candidates: Sequence[Candidate] = [Candidate(entry, unit, urgent) for unit in self.left]

    def without(self, unit: Unit) -> OpenMessage:
        """What waits of it when this unit is shown."""
        rest = OpenMessage.__new__(OpenMessage)
        rest.entry, rest.since, rest.urgent = self.entry, self.since, self.urgent
        rest.touched, rest.told = True, max(self.told, unit.index)
        rest.left = [one for one in self.left if one is not unit]
        rest.words = sum([one.block.words if one.block else one.n for one in rest.left])
        rest.candidates = [Candidate(self.entry, one, self.urgent, one.index < rest.told) for one in rest.left]
        return rest


def _fresh(new: New) -> OpenMessage:
    """A message of which nothing was shown: one object for all readers for whom it waits alike, while it is kept."""
    entry, since, urgent = new
    if urgent or not entry.kept:
        return OpenMessage(entry, since, urgent)
    if (fresh := entry.fresh) is None or fresh.since != since:
        fresh = entry.fresh = OpenMessage(entry, since, urgent)
    return fresh


class Waiting:
    """Open messages in the order of the log, split into units when first looked at."""

    def __init__(self) -> None:
        self._open: list[OpenMessage] = []
        self._new: list[New] = []  # not yet looked at
        self._units = self._words = 0  # of those that were looked at

    def __len__(self) -> int:
        return len(self._open) + len(self._new)

    def __iter__(self) -> Iterator[OpenMessage]:
        """Those of which some text waits; a message of white space alone never does."""
        return iter(self._settled())

    def __contains__(self, seq: int) -> bool:
        """Whether some text of a message waits, white space in a new one included: nothing is split to tell."""
        at = bisect_left(self._new, seq, key=lambda one: one[0].seq)
        return self._find(seq) is not None or (at < len(self._new) and self._new[at][0].seq == seq)

    @property
    def words(self) -> int:
        """How many words wait, blocks counted whole."""
        self._settled()
        return self._words

    def add(self, entry: Entry, now: float, *, urgent: bool) -> None:
        """A message waits from `now` on."""
        self._new.append((entry, now, urgent))

    def extend(self, news: Sequence[New]) -> None:
        """These messages wait, which came one after the other."""
        self._new.extend(news)

    def remove(self, *seqs: int) -> None:
        """These messages wait no longer."""
        self._keep([message for message in self._settled() if message.entry.seq not in seqs])

    def keep_untouched(self, above: int) -> None:
        """Keep only messages above seq `above` of which nothing was shown."""
        self._keep([message for message in self._settled() if message.entry.seq > above and not message.touched])

    def clear(self, *, but_urgent: bool = False) -> None:
        """Condense away what waits; urgent text may stay."""
        self._keep([message for message in self._settled() if message.urgent] if but_urgent else [])
        self._new.clear()

    def shown(self, units: Iterable[Unit]) -> None:
        """These units wait no longer; units of messages that do not wait are ignored."""
        self._settled()
        for unit in units:
            at = self._find(unit.seq)
            if at is not None:
                before, rest = self._open[at], self._open[at].without(unit)
                self._units -= len(before.left) - len(rest.left)
                self._words -= before.words - rest.words
                if rest.left:
                    self._open[at] = rest
                else:
                    del self._open[at]

    def drop_older(self, than: float) -> None:
        """Condense away what has waited since before `than`, unless it is urgent or an objection (LOD section 3)."""
        waiting, old = self._settled(), 0
        while old < len(waiting) and waiting[old].since < than:
            old += 1
        if not old:
            return
        late, kept = waiting[:old], set[int]()
        if any([message.entry.objects_to is not None for message in late]):
            objections = [message for message in waiting if message.entry.objects_to is not None]
            kept = {message.entry.seq for message in objections[-OBJECTIONS_KEPT_MAX:]}
        stays = [one for one in late if one.urgent or (one.entry.seq in kept and not one.touched)]
        if len(stays) < old:
            self._units -= sum([len(one.left) for one in late]) - sum([len(one.left) for one in stays])
            self._words -= sum([one.words for one in late]) - sum([one.words for one in stays])
            waiting[:old] = stays

    def keep_most_attended(self, units_max: int, attend: Attend) -> None:
        """Condense away the least attended messages beyond `units_max` units; urgent ones stay."""
        waiting = self._settled()
        if self._units <= units_max:
            return
        kept = [message for message in waiting if message.urgent]
        others = [message for message in waiting if not message.urgent]
        weights = attend([Candidate(message.entry, message.left[0], False) for message in others])
        room = units_max
        for i in np.argsort(-weights, kind="stable"):
            room -= len(others[i].left)
            if room < 0:
                break
            kept.append(others[i])
        self._keep(sorted(kept, key=lambda message: message.entry.seq))

    def _settled(self) -> list[OpenMessage]:
        if self._new:
            found = [
                fresh if (fresh := one[0].fresh) is not None and fresh.since == one[1] and not one[2] else _fresh(one)
                for one in self._new
            ]
            new = [message for message in found if message.left]
            self._new.clear()
            self._open += new
            self._units += sum([len(message.left) for message in new])
            self._words += sum([message.words for message in new])
        return self._open

    def _keep(self, messages: list[OpenMessage]) -> None:
        """These wait, and no others that were looked at."""
        self._open = messages
        self._units = sum([len(message.left) for message in messages])
        self._words = sum([message.words for message in messages])

    def _find(self, seq: int) -> int | None:
        """Where the message of this seq stands among those that were looked at."""
        at = bisect_left(self._open, seq, key=lambda message: message.entry.seq)
        return at if at < len(self._open) and self._open[at].entry.seq == seq else None


def candidates(messages: Iterable[OpenMessage]) -> list[Candidate]:
    """Each unit that waits."""
    return list(chain.from_iterable([message.candidates for message in messages]))


_unit, _urgent, _passed = attrgetter("unit"), attrgetter("urgent"), attrgetter("passed")


def _where(flags: list[bool]) -> list[int]:
    return [i for i, flag in enumerate(flags) if flag] if True in flags else []


class Lineup:
    """Units that compete for a turn, in order of time, and their rows in the window that a room shares.

    There is none (`window` and `rows` are None) where it is not worth while, or one of them is gone from it.
    """

    __slots__ = ("candidates", "passed", "rows", "units", "urgent", "window")

    def __init__(self, candidates: Sequence[Candidate], window: Windows = lambda units: None) -> None:
        self.candidates = candidates
        self.units: list[Unit] = list(map(_unit, candidates))
        self.window = window(self.units) if candidates else None
        self.rows = None if self.window is None else self.window.places(self.units)
        if self.rows is None:
            self.window = None
        self.urgent = _where(list(map(_urgent, candidates)))
        self.passed = _where(list(map(_passed, candidates)))

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def at(self) -> Floats:
        """When each was said."""
        if self.window is not None:
            return self.window.at[self.rows]
        return np.array([unit.at for unit in self.units])

    @property
    def places(self) -> tuple[Ints, Ints, Ints]:
        """Seqs and indices, and where among them each unit stands."""
        if self.window is not None and self.rows is not None:
            return self.window.seqs, self.window.indices, self.rows
        seqs, indices = [unit.seq for unit in self.units], [unit.index for unit in self.units]
        return np.array(seqs, dtype=np.int64), np.array(indices, dtype=np.int64), np.arange(len(seqs))
