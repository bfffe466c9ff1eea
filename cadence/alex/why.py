"""Why a turn is as it is: which units competed, how much attention each had, what became of it, and what a model did.

Kept for the last turns of a reader, in memory, as numbers and seqs only; texts are looked up when somebody asks, so
that what was redacted meanwhile is not there (protocol rule 8).

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cadence.alex.prose import Trace
from cadence.alex.selection import Choice
from cadence.alex.transcript import Entry
from cadence.alex.turns import EMBEDDED
from cadence.alex.waiting import Lineup
from cadence.lod.units import Unit
from cadence.rooms.wire import Turn

SCORES_MAX = 48  # units told of a turn: what was chosen, then the most attended
TURNS_KEPT = 64  # of each reader
FATES = ("waits", "shown", "retold", "counted")
_SCORE = np.dtype([("seq", "i8"), ("index", "i4"), ("attention", "f4"), ("fate", "u1")])

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """What decided one turn: who made it (`by`), how many units competed, and what wrote an answer (`trace`)."""

    by: str = EMBEDDED
    considered: int = 0
    scores: NDArray[np.void] | None = None
    trace: Trace | None = None

    def without(self, seq: int) -> Reasons:
        """The same, when message `seq` is gone: nothing that a model was shown of it stays."""
        return replace(self, trace=None) if self.trace is not None and seq in self.trace.seqs else self


def reasons_of(lineup: Lineup, weights: Floats, choice: Choice) -> Reasons:
    """What a choice among those of a lineup came to."""
    fates: dict[Unit, int] = {pick.unit: 1 for pick in choice.picks}
    fates |= {one.unit: 2 for retold in choice.retold for one in retold.candidates}
    fates |= dict.fromkeys(choice.counted, 3)
    fate = np.zeros(len(lineup), dtype=np.uint8)
    for i, unit in enumerate(lineup.units):
        if unit in fates:
            fate[i] = fates[unit]
    ranked = np.lexsort((-weights, fate == 0))[:SCORES_MAX]
    scores = np.empty(len(ranked), dtype=_SCORE)
    seqs, indices = lineup.places
    scores["seq"], scores["index"] = seqs[ranked], indices[ranked]
    scores["attention"], scores["fate"] = weights[ranked], fate[ranked]
    by = choice.retold[0].prose.trace.by if choice.retold else EMBEDDED
    return Reasons(by, len(lineup), scores)


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
        "units": None if scores is None else [_unit(row, entry(int(row["seq"]))) for row in scores],
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


def _unit(row: Any, entry: Entry | None) -> dict[str, Any]:
    """One unit that competed; without speaker and text if its message is gone."""
    seq, index = int(row["seq"]), int(row["index"])
    found = {"seq": seq, "index": index, "attention": round(float(row["attention"]), 4), "fate": FATES[row["fate"]]}
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
