"""What waits for one reader: open messages, each with the units not yet shown.

Pure: no clock, no files.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadence.alex.transcript import Entry
from cadence.lod.units import Unit

OBJECTIONS_KEPT_MAX = 64  # beyond the time that other text waits; older ones are condensed away

Floats = NDArray[np.float64]


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
    """A message of which some text waits. `left` is made when first looked at."""

    __slots__ = ("_candidates", "_left", "entry", "since", "told", "touched", "urgent")

    def __init__(self, entry: Entry, since: float, urgent: bool) -> None:
        self.entry = entry
        self.since = since
        self.urgent = urgent
        self.touched = False  # something of it was shown
        self.told = -1  # index of the last unit shown
        self._left: list[Unit] | None = None
        self._candidates: list[Candidate] | None = None

    @property
    def left(self) -> list[Unit]:
        if self._left is None:
            self._left = list(self.entry.parsed.units)
        return self._left

    @property
    def waits(self) -> bool:
        """Whether any text waits; told without splitting the message where that is plain."""
        message = self.entry.message
        if self._left is None and not message.spoken:
            return bool(message.parts or message.text.strip())
        return bool(self.left)

    @property
    def candidates(self) -> list[Candidate]:
        """What waits of it, for a choice."""
        if self._candidates is None:
            self._candidates = [Candidate(self.entry, unit, self.urgent, unit.index < self.told) for unit in self.left]
        return self._candidates

    def show(self, unit: Unit) -> None:
        self.touched = True
        self.told = max(self.told, unit.index)
        self._candidates = None
        if unit in self.left:
            self.left.remove(unit)

    @property
    def words(self) -> int:
        """What waits of it, blocks counted whole."""
        if not self.touched:
            return self.entry.words
        return sum(unit.block.words if unit.block else unit.n for unit in self.left)


class Waiting:
    """Open messages in the order of the log."""

    def __init__(self) -> None:
        self._open: list[OpenMessage] = []

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[OpenMessage]:
        """Those of which some text waits; a message of white space alone never does."""
        return (message for message in self._open if message.waits)

    def __contains__(self, seq: int) -> bool:
        at = bisect_left(self._open, seq, key=lambda message: message.entry.seq)
        return at < len(self._open) and self._open[at].entry.seq == seq

    def add(self, entry: Entry, now: float, *, urgent: bool) -> None:
        """A message waits from `now` on."""
        self._open.append(OpenMessage(entry, now, urgent))

    def remove(self, *seqs: int) -> None:
        """These messages wait no longer."""
        self._open = [message for message in self._open if message.entry.seq not in seqs]

    def keep_untouched(self, above: int) -> None:
        """Keep only messages above seq `above` of which nothing was shown."""
        self._open = [message for message in self._open if message.entry.seq > above and not message.touched]

    def clear(self, *, but_urgent: bool = False) -> None:
        """Condense away what waits; urgent text may stay."""
        self._open = [message for message in self._open if but_urgent and message.urgent and message.left]

    def shown(self, units: Iterable[Unit]) -> None:
        """These units wait no longer; units of messages that do not wait are ignored."""
        by_seq = {message.entry.seq: message for message in self._open}
        for unit in units:
            if unit.seq in by_seq:
                by_seq[unit.seq].show(unit)
        self._open = [message for message in self._open if message.waits]

    def drop_older(self, than: float) -> None:
        """Condense away what has waited since before `than`, unless it is urgent or an objection (LOD section 3)."""
        if not self._open or self._open[0].since >= than:
            return
        objections = [message for message in self._open if message.entry.objects_to is not None]
        kept = {message.entry.seq for message in objections[-OBJECTIONS_KEPT_MAX:]}
        self._open = [
            message
            for message in self._open
            if message.urgent or message.since >= than or (message.entry.seq in kept and not message.touched)
        ]

    def keep_most_attended(self, units_max: int, attend: Attend) -> None:
        """Condense away the least attended messages beyond `units_max` units; urgent ones stay."""
        if sum([len(message.left) for message in self._open]) <= units_max:
            return
        kept = [message for message in self._open if message.urgent]
        others = [message for message in self._open if not message.urgent and message.left]
        weights = attend([Candidate(message.entry, message.left[0], False) for message in others])
        room = units_max
        for i in np.argsort(-weights, kind="stable"):
            room -= len(others[i].left)
            if room < 0:
                break
            kept.append(others[i])
        self._open = sorted(kept, key=lambda message: message.entry.seq)


def candidates(messages: Iterable[OpenMessage]) -> list[Candidate]:
    """Each unit that waits."""
    return [candidate for message in messages for candidate in message.candidates]
