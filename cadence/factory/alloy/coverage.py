"""How much of a chain is attested, what is missing and whose it is, and what falls when a stage turns out to be bad.

Coverage is attested stages over stages, nothing else; 6 of 8 is 75 %, and percentages are rounded down.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cadence.factory.alloy.custody import Custody
from cadence.factory.alloy.hashes import digits, integrity_of

LINEAGE_MAX = 10_000  # alloys that are looked through for descendants
NOBODY = "nobody is named"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who looks after a kind of stage, where to report, and what to run."""

    name: str = NOBODY
    issues: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stage that is not attested, why, and whose it is."""

    stage: int
    type: str
    reason: str
    owner: Owner


@dataclass(frozen=True, slots=True)
class Coverage:
    """Attested stages, all stages, and the gaps between the two."""

    attested: int
    stages: int
    gaps: tuple[Gap, ...]

    @property
    def percent(self) -> int:
        """Rounded down; 0 where there are no stages."""
        return 100 * self.attested // self.stages if self.stages else 0

    def __str__(self) -> str:
        return f"{self.attested} of {self.stages} stages attested ({self.percent} %)"


def cover(alloy: dict[str, Any], custody: Custody, owners: Mapping[str, Owner] | None = None) -> Coverage:
    """The coverage of an alloy whose chain was checked; `owners` are by stage type."""
    stages = alloy.get("stages")
    types = [_type(stage) for stage in stages] if isinstance(stages, list) else []
    broken = {one.stage: str(one) for one in custody.breaks}
    attested = set(custody.attested)
    gaps = tuple(
        Gap(i, type_, broken.get(i, "not signed"), (owners or {}).get(type_, Owner()))
        for i, type_ in enumerate(types)
        if i not in attested
    )
    return Coverage(len(types) - len(gaps), len(types), gaps)


def parent_of(alloy: dict[str, Any]) -> str | None:
    """The 64 digits of the parent's alloy hash; None where there is none, or only a claim without a hash."""
    derived = alloy.get("derivedFrom")
    stated = integrity_of(alloy).get("parentAlloyHash")
    other = derived.get("alloyHash") if isinstance(derived, dict) else None
    one, two = digits(stated), digits(other)
    return None if one is not None and two is not None and one != two else one or two


def is_derived(alloy: dict[str, Any]) -> bool:
    """Whether an alloy says that it comes from another; then `parent_of` must know which."""
    return bool(alloy.get("sourceAlloyId") or alloy.get("derivedFrom") or integrity_of(alloy).get("parentAlloyHash"))


def lowered(parents: Mapping[str, str | None], compromised: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Which alloys lose their standing when those in `compromised` do: each with the way down from there to it.

    `parents` maps each known alloy hash (64 digits) to its parent's. At most 10,000 are looked at. The compromised ones
    themselves are included, with a way of one step.
    """
    children: dict[str, list[str]] = {}
    for child, parent in list(parents.items())[:LINEAGE_MAX]:
        if parent is not None:
            children.setdefault(parent, []).append(child)
    found: dict[str, tuple[str, ...]] = {bad: (bad,) for bad in sorted(compromised)}
    waiting = list(found)
    while waiting:
        at = waiting.pop()
        for child in children.get(at, ()):
            if child not in found:
                found[child] = (*found[at], child)
                waiting.append(child)
    return found


def _type(stage: Any) -> str:
    name = stage.get("type") if isinstance(stage, dict) else None
    return name[:40] if isinstance(name, str) else ""
