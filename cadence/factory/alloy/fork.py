"""A new recipe from an alloy: what shall be done is kept, what was done and what proves it is left behind.

Pure: no clock, no files.
"""

from __future__ import annotations

import copy
from typing import Any

from cadence.factory.alloy.hashes import alloy_hash

__all__ = ["fork"]

# What belongs to one run, or to its publication.
LEFT = (
    "results",
    "receipt",
    "integrity",
    "chainId",
    "amendments",
    "retention",
    "forgedModelIds",
    "priorMetricBaselines",
    "limitations",
    "userSummary",
    "sourceAlloyId",
)
LEFT_OF_STAGES = ("link", "inputHashes", "outputHash", "signatures", "signature", "cardHash")


def fork(alloy: dict[str, Any], *, name: str, version: str = "1.0.0", kind: str = "fork") -> dict[str, Any]:
    """A recipe that names `alloy` as its parent, by hash. The original is not touched."""
    kept = {key: copy.deepcopy(value) for key, value in alloy.items() if key not in LEFT}
    kept |= {"name": name, "version": version}
    stages = kept.get("stages")
    if isinstance(stages, list):
        for stage in stages:
            for key in LEFT_OF_STAGES if isinstance(stage, dict) else ():
                stage.pop(key, None)
    parent = {"name": alloy.get("name"), "version": alloy.get("version")}
    kept["derivedFrom"] = {**parent, "alloyHash": alloy_hash(alloy), "kind": kind}
    return kept
