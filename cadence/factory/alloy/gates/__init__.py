"""The gates at the door: what must hold before a forged model ships. Pure functions of alloy, manifest and bundle.

Pure: no clock, no files.

    for report in judge(alloy, manifest, bundle):
        report.gate, report.verdict, report.ships, report.criteria
"""

from __future__ import annotations

from collections.abc import Callable

from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates.acceptance import acceptance
from cadence.factory.alloy.gates.anchor import anchor
from cadence.factory.alloy.gates.completeness import completeness
from cadence.factory.alloy.gates.corpus import corpus
from cadence.factory.alloy.gates.hardware import hardware
from cadence.factory.alloy.gates.integrity import integrity
from cadence.factory.alloy.gates.verdict import Bundle, Manifest, Report

Gate = Callable[[ForgeAlloy, Manifest, Bundle], Report]
# In the order in which they are told: what was measured, on what, how good, where it runs, whether it is this one.
GATES: tuple[Gate, ...] = (anchor, corpus, acceptance, hardware, integrity, completeness)


def judge(alloy: ForgeAlloy, manifest: Manifest | None = None, bundle: Bundle | None = None) -> tuple[Report, ...]:
    """Every gate's report. Without a manifest and a bundle, what they would show is unknown, and unknown is fail."""
    return tuple(gate(alloy, manifest or Manifest.model_validate({}), bundle or {}) for gate in GATES)
