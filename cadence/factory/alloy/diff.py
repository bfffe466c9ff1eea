"""What differs between two alloys: in the recipe, in the report, in the proof. Layout, key order and 1.0 for 1 do not.

Pure: no clock, no files.

Stages are matched by their types in order, so that one more stage does not make all that follow look changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from cadence.factory.alloy.document import Path, show_path
from cadence.factory.alloy.roundtrip import first_difference

__all__ = ["Change", "changes"]

CHANGES_MAX = 1_000
_REPORT = ("results", "forgedModelIds", "limitations", "priorMetricBaselines", "hardware")
_PROOF = ("receipt", "integrity", "chainId", "amendments", "retention", "derivedFrom", "sourceAlloyId")
_STAGE_PROOF = ("link", "inputHashes", "outputHash", "signatures")
_ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One difference. `path` is in the right alloy, for what was removed in the left one."""

    kind: Literal["added", "removed", "changed"]
    part: Literal["recipe", "report", "proof"]
    path: Path
    left: Any = None
    right: Any = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "part": self.part,
            "path": show_path(self.path),
            "left": self.left,
            "right": self.right,
        }


def changes(left: dict[str, Any], right: dict[str, Any]) -> tuple[Change, ...]:
    """All differences in the order of the left alloy, then of the right one; at most 1,000."""
    found = []
    for change in _between(left, right, ()):
        found.append(change)
        if len(found) == CHANGES_MAX:
            break
    return tuple(found)


def _between(left: Any, right: Any, at: Path) -> Iterator[Change]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            yield from _between(left.get(key, _ABSENT), right.get(key, _ABSENT), (*at, key))
    elif at == ("stages",) and isinstance(left, list) and isinstance(right, list):
        yield from _stages(left, right)
    elif isinstance(left, list) and isinstance(right, list):
        for number in range(max(len(left), len(right))):
            one = left[number] if number < len(left) else _ABSENT
            other = right[number] if number < len(right) else _ABSENT
            yield from _between(one, other, (*at, number))
    elif left is _ABSENT:
        yield Change("added", _part(at), at, None, right)
    elif right is _ABSENT:
        yield Change("removed", _part(at), at, left, None)
    elif first_difference(left, right):
        yield Change("changed", _part(at), at, left, right)


def _stages(left: list[Any], right: list[Any]) -> Iterator[Change]:
    matcher = SequenceMatcher(None, [_type(one) for one in left], [_type(one) for one in right], autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            for number in range(i_end - i):
                yield from _between(left[i + number], right[j + number], ("stages", j + number))
        else:
            for number in range(i, i_end):
                yield Change("removed", "recipe", ("stages", number), left[number], None)
            for number in range(j, j_end):
                yield Change("added", "recipe", ("stages", number), None, right[number])


def _type(stage: Any) -> str:
    type = stage.get("type") if isinstance(stage, dict) else None
    return type if isinstance(type, str) else ""


def _part(at: Path) -> Literal["recipe", "report", "proof"]:
    if at[0] in _PROOF or "integrity" in at[:2] or (at[0] == "stages" and at[2:3] and at[2] in _STAGE_PROOF):
        return "proof"
    return "report" if at[0] in _REPORT else "recipe"
