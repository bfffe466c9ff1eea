"""Adapters, one file for each family of models; a file dropped into this folder is found without further words.

Pure: imports the adapters, none of which needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from cadence.factory.families.base import CONFIG, Family
from cadence.models.checkpoint import CheckpointError, shown

__all__ = ["families", "family_of", "family_named"]


@cache
def families() -> Mapping[str, Family]:
    """All adapters by the `model_type` they claim, in the order of their names."""
    found: dict[str, Family] = {}
    for module in sorted(module.name for module in iter_modules(__path__) if module.name != "base"):
        family = import_module(f"{__name__}.{module}").FAMILY
        for model_type in family.model_types:
            other = found.setdefault(model_type, family)
            assert other is family, f"{other.name} and {family.name} both claim {model_type}"
    return found


def family_named(model_type: str) -> Family | None:
    """The adapter for a `config.model_type`, or None."""
    return families().get(model_type)


def family_of(config: Mapping[str, Any]) -> Family:
    """The adapter for a model's config. Raises CheckpointError, naming those there are."""
    known = families()
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in known:
        fault = f"no adapter knows the model_type {shown(model_type)}; known are {', '.join(known)}"
        raise CheckpointError(CONFIG, fault, "add a file to cadence/factory/families, or compact another model")
    return known[model_type]
