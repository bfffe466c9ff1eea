"""The config of a compacted model: its expert counts, and the lists that name experts one by one.

Pure: objects in, bytes out.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from cadence.factory.anatomy import Anatomy
from cadence.factory.families.base import CONFIG
from cadence.factory.plan import Plan
from cadence.models.checkpoint import CheckpointError, shown
from cadence.models.servable import COUNT_KEYS

QUANTISATION_KEYS = ("quantization_config", "compression_config", "quantization")
RULE_FILES = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")  # the same, beside the config
DEPTH_MAX = 32  # of a quantisation config

_NUMBERED = re.compile(r"experts\W{0,4}\d")


def compacted_config(config: Mapping[str, Any], anatomy: Anatomy, plan: Plan, extra_after: int | None) -> bytes:
    """`config.json` of the result: every alias of the expert count says how many are left, all else stays as it was.

    `extra_after` is the number of multi-token-prediction layers left, None where none was dropped. Raises
    CheckpointError for a quantisation rule that names experts in a way that cannot be renumbered.
    """
    after = copy.deepcopy(dict(config))
    settings = anatomy.family.settings(after)
    assert isinstance(settings, dict)
    for scope in (after, settings):
        for key in COUNT_KEYS:
            if scope.get(key) is not None:
                scope[key] = plan.uniform
        if extra_after is not None and anatomy.family.extra is not None:
            key = anatomy.family.extra.count_key
            if key in scope:
                scope[key] = extra_after
    for scope in (after, settings):
        for key in QUANTISATION_KEYS:
            if key in scope:
                scope[key] = renumbered(scope[key], anatomy, plan, CONFIG)
    return (json.dumps(after, indent=2) + "\n").encode()


def renumbered(rules: Any, anatomy: Anatomy, plan: Plan, file: str, depth: int = 0) -> Any:
    """The rules of `file` with experts named by their new numbers, and without those that are gone."""
    if depth > DEPTH_MAX:
        raise CheckpointError(file, f"a quantisation config nests deeper than {DEPTH_MAX}", "correct it")
    if isinstance(rules, dict):
        renamed = ((_name(key, anatomy, plan, file), value) for key, value in rules.items())
        return {key: renumbered(value, anatomy, plan, file, depth + 1) for key, value in renamed if key is not None}
    if isinstance(rules, list):
        inner = [renumbered(item, anatomy, plan, file, depth + 1) for item in rules]
        return [item for item in inner if item is not None]
    return _name(rules, anatomy, plan, file) if isinstance(rules, str) else rules


def _name(name: str, anatomy: Anatomy, plan: Plan, file: str) -> str | None:
    """A module's name after surgery; None if its expert is gone."""
    family = anatomy.family
    for end in ("", ".any"):  # a module may be named whole, or down to a projection
        role = family.role(name + end, anatomy.layers)
        if role is not None and role.expert is not None:
            keep = plan.keep.get(role.layer, ())
            if role.expert not in keep:
                return None
            return family.renamed(name + end, keep.index(role.expert)).removesuffix(end)
    if _NUMBERED.search(name):
        fault = f"the quantisation rule {shown(name)} speaks of experts by number, in a way that cannot be renumbered"
        raise CheckpointError(file, fault, "replace it by the names of modules")
    return name
