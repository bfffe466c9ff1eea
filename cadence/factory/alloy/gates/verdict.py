"""What a gate says: a list of criteria, each with what was required, what was observed, the unit and the reason.

Pure: no clock, no files.

A gate is a function `(alloy, manifest, bundle) -> Report`. The same three values give the same report anywhere. Nothing
passes for lack of evidence: what cannot be known is `unknown`, and unknown does not ship.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cadence.factory.alloy.document import Path, show_path
from cadence.factory.alloy.parts import Count, Part, Size, Text

__all__ = ["Bundle", "Criterion", "FileFact", "Manifest", "Recount", "Report", "Verdict", "judged"]

Verdict = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True)
class FileFact:
    """One file of a bundle as it lies there: SHA-256 in 64 hex digits, size in bytes, its content if it is small."""

    sha256: str
    size: int
    content: bytes | None = None


Bundle = Mapping[str, FileFact]
"""Path inside the bundle, with slashes, to the file."""


class Recount(Part):
    """A corpus counted again by somebody who did not write the alloy."""

    examples: Count | None = None
    tokens: Count | None = None
    tokenizer: Text | None = None


class Manifest(Part):
    """What the assay adds to the alloy: recounts by corpus id, memory figures, benchmark items for the leak check."""

    corpora: dict[str, Recount] = {}
    kv_bytes_per_token: Size | None = None
    """Bytes of key and value cache for one token of context, all layers together."""
    context_tokens: Count | None = None
    """The context that the hardware fit is to hold for."""
    benchmark_items: dict[str, list[Text]] = {}
    """Benchmark name to the texts of its problems."""


@dataclass(frozen=True)
class Criterion:
    """One thing that must hold."""

    name: str
    verdict: Verdict
    required: Any
    observed: Any
    unit: str
    reason: str
    path: Path = ()

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        fields = ("name", "verdict", "required", "observed", "unit", "reason")
        return {**{field: getattr(self, field) for field in fields}, "path": show_path(self.path)}


@dataclass(frozen=True)
class Report:
    """The verdict of one gate: failed if one criterion failed, passed if all of them did and there is one."""

    gate: str
    criteria: tuple[Criterion, ...]
    mode: str | None = None

    @property
    def verdict(self) -> Verdict:
        """pass, fail or unknown."""
        verdicts = {one.verdict for one in self.criteria}
        if "fail" in verdicts:
            return "fail"
        return "pass" if verdicts == {"pass"} else "unknown"

    @property
    def ships(self) -> bool:
        """Only a pass does; unknown is fail."""
        return self.verdict == "pass"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: {gate, verdict, ships, mode, criteria}."""
        criteria = [one.as_dict() for one in self.criteria]
        return {
            "gate": self.gate,
            "verdict": self.verdict,
            "ships": self.ships,
            "mode": self.mode,
            "criteria": criteria,
        }


def judged(holds: bool | None) -> Verdict:
    """True passes, False fails, None is unknown."""
    return "unknown" if holds is None else "pass" if holds else "fail"
