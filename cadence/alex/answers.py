"""What a reader asked for or missed, out of the pyramid: which units, then which segments.

An answer names who speaks and quotes them: `Name: their words`. Like every turn it is cut from the log, so it cannot
say what nobody said.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp

import msgspec
import numpy as np
from numpy.typing import NDArray

from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick, quoted, segment_words
from cadence.alex.waiting import Candidate, OpenMessage, candidates
from cadence.lod.attention import AGE_UNITS, attention, topic_distance
from cadence.lod.digest import SpeakerMemory
from cadence.lod.nodes import Kept
from cadence.lod.reading import Choice, Interval
from cadence.lod.terms import Background
from cadence.lod.units import Unit
from cadence.rooms.wire import Segment, SegmentKind, View

SPARE = 1.5  # how much more is chosen than fits: names cost words, and what is objected to needs room
Placed = tuple[int, int]  # seq, index of a unit


@dataclass(frozen=True, slots=True)
class Missed:
    """What to show of an absence: units by their place, and the messages that do not wait any more.

    Without places everything that waits competes.
    """

    places: frozenset[Placed] | None = None
    older: tuple[Entry, ...] = ()

    def among(self, waiting: Sequence[OpenMessage], now: float) -> tuple[list[OpenMessage], list[Candidate]]:
        """All messages that may be shown of the absence, and the units that compete.

        What concerns the reader always does; nothing is urgent, as nothing may overdraw here.
        """
        here = {message.entry.seq for message in waiting}
        older = [OpenMessage(entry, now, False) for entry in self.older if entry.seq not in here and not entry.human]
        messages = sorted([*waiting, *older], key=lambda message: message.entry.seq)
        places = self.places
        if places is None:
            return messages, [replace(one, urgent=False) for one in candidates(messages)]
        seqs = {seq for seq, _ in places}
        near = candidates(message for message in messages if message.urgent or message.entry.seq in seqs)
        units = [one for one in near if one.urgent or (one.unit.seq, one.unit.index) in places]
        return messages, [replace(one, urgent=False) for one in units]


def weigh(now: float, since: float, sigma: float) -> Callable[[float], float]:
    """How much a time weighs for somebody who looks back to `since`: Gaussian in age."""
    length = max(now - since, 1.0)
    return lambda at: exp(-(((now - at) / length / AGE_UNITS / sigma) ** 2) / 2.0)


def overview(
    interval: Interval,
    view: View,
    near: Collection[str],
    background: Background,
    now: float,
    words: float,
    *,
    speakers: SpeakerMemory | None = None,
    refuse: Callable[[Sequence[Unit], Sequence[Kept]], NDArray[np.bool_]] | None = None,
) -> list[Choice]:
    """The units that best stand for an interval, for one reader."""
    if not interval.kept:
        return []
    units = [kept.unit() for kept in interval.kept]
    ages = np.maximum(now - interval.at, 0.0) / max(
        now - float(interval.at.min()), 1.0
    )  # over the length of the absence
    place = np.array([0.0 if kept.speaker in near else 1.0 for kept in interval.kept])
    weights = attention(place, ages, topic_distance(view.interests, units, background), view.sigma)
    refused = refuse(units, interval.kept) if refuse is not None else None
    return interval.choose(weights, words, speakers or SpeakerMemory(), now, refused=refused)


def unshown(
    memory: ReaderMemory, waits: Callable[[int], bool]
) -> Callable[[Sequence[Unit], Sequence[Kept]], NDArray[np.bool_]]:
    """Refuses what the reader has been shown, or got as `message`: human speech that does not wait."""

    def refuse(units: Sequence[Unit], kept: Sequence[Kept]) -> NDArray[np.bool_]:
        human = np.array([one.human and not waits(one.seq) for one in kept], dtype=np.bool_)
        return memory.units.repeats(units) | human

    return refuse


def compose(
    choices: Sequence[tuple[Placed, float]],
    entries: Mapping[int, Entry],
    objections: Mapping[int, Sequence[Entry]],
    kind: SegmentKind,
    words: int,
) -> tuple[list[Pick], list[Segment]]:
    """As many of `choices` (a unit's place and weight), best first, as fit into `words`, in the order of the log.

    What is objected to comes with its objection or not at all. Units that are gone from the log are left out.
    """
    picks: list[Pick] = []
    segments: list[Segment] = []
    taken: set[Placed] = set()
    for (seq, index), weight in choices:
        entry = entries.get(seq)
        unit = _prose(entry, index) if entry is not None else None
        if entry is None or unit is None or (seq, index) in taken:
            continue
        more = [Pick(entry, unit, weight)]
        for objecting in objections.get(seq, ())[:1]:
            said = next((one for one in objecting.parsed.units if one.block is None), None)
            if said is not None and (said.seq, said.index) not in taken:
                more.append(Pick(objecting, said, weight, objects_to=seq))
        tried = _named(quoted([*picks, *more]), [*picks, *more], kind)
        if sum(segment_words(segment) for segment in tried) <= words:
            picks, segments = [*picks, *more], tried
            taken |= {(pick.unit.seq, pick.unit.index) for pick in more}
    return picks, segments


def _prose(entry: Entry, index: int) -> Unit | None:
    units = entry.parsed.units
    return units[index] if index < len(units) and units[index].block is None else None


def _named(segments: Sequence[Segment], picks: Sequence[Pick], kind: SegmentKind) -> list[Segment]:
    """Quotes as sentences that name their speaker."""
    names = {pick.entry.speaker: pick.entry.message.from_.name for pick in picks}
    return [
        msgspec.structs.replace(segment, kind=kind, text=f"{names[segment.speakers[0]]}: {segment.text}")
        for segment in segments
    ]
