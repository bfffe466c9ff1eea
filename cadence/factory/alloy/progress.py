"""Checkpoints of a run under way: each finished stage must have taken in what the one before it put out.

This is the unsigned, older form (`results.stageCheckpoints`, one entry per station of the line, null until reached). It
finds accidents: a resumed run that continued from another run's files. Against intent only signatures help
(`cadence.factory.alloy.chain`).

Pure: values in, breaks out.
"""

from __future__ import annotations

from typing import Any

from cadence.factory.alloy.custody import Break
from cadence.factory.alloy.hashes import digits
from cadence.factory.alloy.older import checkpoints

ORDER = ("profile", "prune", "quant", "eval", "publish")


def check(alloy: dict[str, Any]) -> tuple[Break, ...]:
    """The first break of the checkpoints and those after it; `stage` is the station's place in the order above."""
    results = alloy.get("results")
    if not isinstance(results, dict) or "stageCheckpoints" not in results:
        return ()
    found, known = [], checkpoints(alloy)
    stated = results["stageCheckpoints"] if isinstance(results["stageCheckpoints"], dict) else {}
    for name in known:
        if name not in ORDER:
            found.append(Break("edited", None, name[:40], f"expected one of {', '.join(ORDER)}"))
    before: tuple[str, str | None] | None = None
    gap = ""
    for i, name in enumerate(ORDER):
        point = known.get(name)
        if point is None:
            if stated.get(name) is not None:
                found.append(Break("edited", i, name, "it has no form of a checkpoint"))
            gap = gap or name
            continue
        if gap and name in known and stated.get(gap, "absent") is None:
            found.append(Break("dropped", ORDER.index(gap), gap, f"it is not reached, but {name} after it is"))
        gap = ""
        taken = {digits(value) for value in point.input_hashes.values()} - {None}
        if before is not None and before[1] is not None and before[1] not in taken:
            found.append(Break("broken flow", i, name, f"it does not take in what {before[0]} put out"))
        output = digits(point.output_hash)
        if output is None:
            found.append(Break("missing data", i, name, "it names no output"))
        before = (name, output)
    return tuple(found)
