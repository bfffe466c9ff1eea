"""What is lost when the encoder cannot keep up: the richest part of the units encoded, or none.

A unit is the richer the more content words it has, which is what the server goes by while the encoder is behind.
Everything else stays as it is.
"""

from __future__ import annotations

import numpy as np

from bench.lod.data import Absent, meetings
from bench.lod.figures import Score, score
from bench.lod.ours import digest
from bench.lod.qmsum import COLUMNS, DIGITS, QUICK_MEETINGS, cells
from bench.lod.report import Criterion, Found, Given, Table
from cadence.lod.vectors import Matrix

SHARES = (1.0, 0.5, 0.25, 0.1, 0.0)


def run(given: Given) -> Found:
    """General questions at the length of the answer, by share of encoded units."""
    if not given.encodings.available:
        raise Absent("there is no encoder whose delay could matter")
    held = meetings(given.shared, given.split, most=QUICK_MEETINGS if given.quick else None)
    scores: dict[str, list[Score]] = {}
    for share in SHARES:
        name = f"{share:.0%} encoded"
        given.say(name)
        scores[name] = []
        for meeting in held:
            full = given.encodings.of(meeting.texts)
            assert full is not None
            rich = np.array([len(unit.terms) for unit in meeting.units])
            known = richest(full, rich, share)
            for one in meeting.general:
                chosen = digest(meeting.units, known, one.words, meeting.background, exact=True)
                scores[name].append(score(meeting, one.answer, [meeting.units[i] for i in chosen]))
    reference = scores[f"{1.0:.0%} encoded"]
    table = Table("QMSum, the richest units encoded; differences from all encoded, paired", COLUMNS, digits=DIGITS)
    for name, found in scores.items():
        table.add(name, **cells(found, reference))
    return Found([table], [_criterion(scores)])


def richest(vectors: Matrix, rich: np.ndarray, share: float) -> Matrix | None:
    """The vectors of that share of the units with the most content words, zeros for the rest; None for none."""
    count = round(share * len(vectors))
    if not count:
        return None
    kept = np.argsort(-rich, kind="stable")[:count]
    known = np.zeros_like(vectors)
    known[kept] = vectors[kept]
    return known


def _criterion(scores: dict[str, list[Score]]) -> Criterion:
    def lost(name: str, key: str) -> float:
        pairs = zip(scores["100% encoded"], scores[name], strict=True)
        return sum(float(getattr(full, key)) - float(getattr(part, key)) for full, part in pairs) / len(scores[name])

    kinds = ("50% encoded", "0% encoded")
    losses = {name: (lost(name, "r1"), lost(name, "topics")) for name in kinds}
    measured = "; ".join(f"{name}: {r1:+.1f} R1, {topics:+.3f} topics lost" for name, (r1, topics) in losses.items())
    met = any(r1 <= 1.0 and topics <= 0.03 for r1, topics in losses.values())
    return Criterion("encoder behind: the richer half, or none", "-1 R1, -.03 topics", "no loss", measured, met)
