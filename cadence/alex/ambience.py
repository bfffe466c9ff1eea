"""What a room lets its surroundings overhear: the best of what its AIs said lately, ranked once for all who listen.

Only the words of AIs are overheard. What a human says stays in the room where it was said, unless someone goes there.

The ranking is made on a grid of `RANK_SECONDS`, out of what had arrived by then: who looks, and when, changes nothing
about it (law 12). Bounded by `MESSAGES_MAX` and `WORDS_MAX`; a message can be overheard for `HEARD_SECONDS`.

Pure: no clock, no files.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from msgspec import UNSET

from cadence.alex.disputes import telling
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick, quoted
from cadence.lod.allocation import READABLE_WORDS
from cadence.lod.digest import SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.rooms.wire import Segment

MESSAGES_MAX = 200
WORDS_MAX = 6_000
HEARD_SECONDS = 60.0
RANK_SECONDS = 5.0
SETTLED_SECONDS = 1.0  # what came this shortly before a point of the grid waits for the next
RANKED_WORDS = 160.0
ITEM_WORDS_MAX = 60  # an objection with its target; a longer pair is for those who are there


@dataclass(frozen=True, slots=True, eq=False)
class Overheard:
    """Something that can be told in one go: a unit, or an objection with what it objects to."""

    picks: tuple[Pick, ...]

    @property
    def words(self) -> int:
        return sum(pick.unit.n for pick in self.picks)

    @property
    def seqs(self) -> frozenset[int]:
        return frozenset(pick.unit.seq for pick in self.picks)

    def segments(self, room: str | None, weight: float) -> list[Segment]:
        """As segments of kind `ambient`; `room` is None for another pod of the reader's own room."""
        picks = [replace(pick, weight=weight) for pick in self.picks]
        return [
            msgspec.structs.replace(segment, kind="ambient", room=UNSET if room is None else room)
            for segment in quoted(picks)
        ]


class Ambience:
    """One room as others overhear it."""

    def __init__(self, room: str) -> None:
        self.room = self.title = room
        self.last = 0  # seq of the last message
        self.words = 0  # ever said here; listeners take differences
        self._entries: OrderedDict[int, tuple[Entry, float]] = OrderedDict()  # with when it came
        self._held = 0  # words of these
        self._ranked: tuple[float, tuple[Overheard, ...]] = (-math.inf, ())

    def add(self, entry: Entry, now: float) -> None:
        """A message was posted in the room. Call once per message, in order of seq."""
        self.last = entry.seq
        if entry.human:
            return
        self.words += entry.words
        self._held += entry.words
        self._entries[entry.seq] = (entry, now)
        while len(self._entries) > MESSAGES_MAX or (self._held > WORDS_MAX and len(self._entries) > 1):
            _, (dropped, _) = self._entries.popitem(last=False)
            self._held -= dropped.words

    def redact(self, seq: int) -> None:
        """A message is gone: nobody overhears it any more (law 17)."""
        if (held := self._entries.pop(seq, None)) is not None:
            self._held -= held[0].words
        tick, items = self._ranked
        self._ranked = (tick, tuple(item for item in items if seq not in item.seqs))

    def after(self, seq: int) -> list[Entry]:
        """The messages above `seq` that are still held, ascending."""
        found: list[Entry] = []
        for held, (entry, _) in reversed(self._entries.items()):
            if held <= seq:
                break
            found.append(entry)
        return found[::-1]

    def items(self, now: float) -> Sequence[Overheard]:
        """What can be overheard at `now`, the best first; each message at most once."""
        tick = math.floor(now / RANK_SECONDS) * RANK_SECONDS
        if tick != self._ranked[0]:
            came = [
                entry for entry, at in self._entries.values() if tick - HEARD_SECONDS < at <= tick - SETTLED_SECONDS
            ]
            self._ranked = (tick, tuple(ranked(came, now=tick)))
        return self._ranked[1]


def ranked(entries: Sequence[Entry], now: float) -> list[Overheard]:
    """What a digest of these messages would hold, what says most of all that was said first; no blocks.

    A digest prefers what says much for its words; where a single line is told, the line that says much is wanted.
    """
    saying = [unit for entry in entries for unit in entry.parsed.units if unit.block is None and unit.terms]
    if not saying:
        return []
    # Scraps say little to those who were not there; where there is nothing else they are heard all the same.
    units = [unit for unit in saying if unit.n >= READABLE_WORDS] or saying
    ladder = rank(units, np.ones(len(units)), Background(), SpeakerMemory(), now, RANKED_WORDS)
    chosen = sorted((i for rung in ladder.rungs for i in rung.added), key=lambda i: -ladder.shares[i])
    return _items((units[i] for i in chosen), {entry.seq: entry for entry in entries})


def _items(units: Iterable[Unit], entries: Mapping[int, Entry]) -> list[Overheard]:
    objections: dict[int, list[Entry]] = {}
    for entry in entries.values():
        if entry.objects_to is not None:
            objections.setdefault(entry.objects_to, []).append(entry)
    found: list[Overheard] = []
    told: set[int] = set()
    for unit in units:
        entry = entries[unit.seq]
        if entry.agrees_with is not None:
            continue
        against = objections.get(entry.seq, [])
        if entry.objects_to is None and not against:
            item: Overheard | None = Overheard((Pick(entry, unit, 1.0),))
        elif entry.objects_to is None:
            item = _pair(entry, unit, against[0], None) if len(against) == 1 else None
        else:
            target = entries.get(entry.objects_to)
            alone = target is not None and len(objections[target.seq]) == 1 and target.objects_to is None
            item = _pair(target, None, entry, unit) if target is not None and alone else None
        disputed = any(seq in objections for seq in item.seqs - {entry.objects_to, entry.seq}) if item else True
        if item is None or (entry.objects_to is not None and against) or disputed:
            continue  # half of a dispute is not overheard, nor one that goes on and on (law 9)
        if item.words <= ITEM_WORDS_MAX and not told & item.seqs:
            found.append(item)
            told |= item.seqs
    return found


def _pair(target: Entry, target_unit: Unit | None, objection: Entry, unit: Unit | None) -> Overheard | None:
    prose = [one for one in target.parsed.units if one.block is None]
    objecting = [one for one in objection.parsed.units if one.block is None]
    if not prose or not objecting:
        return None
    unit = unit or telling(objecting, ())
    target_unit = target_unit or telling(prose, unit.terms)
    return Overheard((Pick(target, target_unit, 1.0), Pick(objection, unit, 1.0, objects_to=target.seq)))
