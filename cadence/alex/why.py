"""Why a turn is as it is: which units competed, how much attention each had, what became of it, and what a model did.

Kept for the last turns of a reader, in memory, as numbers and seqs only; texts are looked up when somebody asks, so
that what was redacted meanwhile is not there (protocol rule 8).

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadence.alex.prose import Trace
from cadence.alex.selection import Choice
from cadence.alex.transcript import Entry
from cadence.alex.turns import EMBEDDED
from cadence.alex.waiting import Lineup
from cadence.rooms.wire import Turn

SCORES_MAX = 48  # units told of a turn: what was chosen, then the most attended
TURNS_KEPT = 64  # of each reader
FATES = ("waits", "shown", "retold", "counted")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Scores:
    """Units that competed: `rows` of what `seqs` and `indices` name, and the `attention` each had.

    `fates` are by seq and index; those that are not there wait. Arrays are shared with whoever looked at the same time.
    """

    seqs: Ints
    indices: Ints
    rows: Ints
    attention: Floats
    fates: Mapping[tuple[int, int], int]

    def told(self) -> list[tuple[int, int, float, int]]:
        """(seq, index, attention, fate) of what was chosen, then of the most attended; `SCORES_MAX` at most."""
        places = zip(self.seqs[self.rows].tolist(), self.indices[self.rows].tolist(), strict=True)
        found = [
            (*place, attention, self.fates.get(place, 0))
            for place, attention in zip(places, self.attention.tolist(), strict=True)
        ]
        return sorted(found, key=lambda one: (not one[3], -one[2]))[:SCORES_MAX]


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """What decided one turn: who made it (`by`), how many units competed, and what wrote an answer (`trace`)."""

    by: str = EMBEDDED
    considered: int = 0
    scores: Scores | None = None
    trace: Trace | None = None

    def without(self, seq: int) -> Reasons:
        """The same, when message `seq` is gone: nothing that a model was shown of it stays."""
        return replace(self, trace=None) if self.trace is not None and seq in self.trace.seqs else self


def reasons_of(lineup: Lineup, weights: Floats, choice: Choice) -> Reasons:
    """What a choice among those of a lineup came to."""
    fates = {(pick.unit.seq, pick.unit.index): 1 for pick in choice.picks}
    for retold in choice.retold:
        fates |= {(one.unit.seq, one.unit.index): 2 for one in retold.candidates}
    for unit in choice.counted:
        fates[unit.seq, unit.index] = 3
    by = choice.retold[0].prose.trace.by if choice.retold else EMBEDDED
    return Reasons(by, len(lineup), Scores(*lineup.places, weights, fates))


def explained(
    turn: Turn, reasons: Reasons | None, traces: Sequence[Trace], entry: Callable[[int], Entry | None]
) -> dict[str, Any]:
    """The answer of `why`: {turn, by, segments, considered, units, prose}. `entry` finds messages that are not gone.

    `units` is null where the reasons are not kept any more, or everything was shown as it is.
    """
    scores = None if reasons is None else reasons.scores
    told = [*traces, *([reasons.trace] if reasons is not None and reasons.trace is not None else [])]
    return {
        "room": turn.room,
        "turn": turn.turn,
        "mode": turn.mode,
        "by": turn.by,
        "covers": None if turn.covers is None else {"from": turn.covers.from_, "to": turn.covers.to},
        "segments": [_segment(segment) for segment in turn.segments],
        "considered": 0 if reasons is None else reasons.considered,
        "units": None if scores is None else [_unit(*one, entry(one[0])) for one in scores.told()],
        "prose": [_trace(trace) for trace in told],
    }


def _segment(segment: Any) -> dict[str, Any]:
    return {
        "kind": segment.kind,
        "speakers": list(segment.speakers),
        "sources": list(segment.sources),
        "text": segment.text,
        "weight": segment.weight,
    }


def _unit(seq: int, index: int, attention: float, fate: int, entry: Entry | None) -> dict[str, Any]:
    """One unit that competed; without speaker and text if its message is gone."""
    found = {"seq": seq, "index": index, "attention": round(attention, 4), "fate": FATES[fate]}
    if entry is not None and index < len(entry.parsed.units):
        unit = entry.parsed.units[index]
        found |= {"speaker": unit.speaker, "words": unit.n, "text": unit.text}
    return found


def _trace(trace: Trace) -> dict[str, Any]:
    return {
        "by": trace.by,
        "outcome": trace.outcome,
        "prompt": trace.prompt,
        "attempts": [
            {"answer": one.answer, "verdict": [{"rule": f.rule, "text": str(f)} for f in one.verdict.faults]}
            for one in trace.attempts
        ],
    }
