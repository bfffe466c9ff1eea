"""Which experts stay: a small file, apart from the weights, that says it for each layer.

A plan is made from a profile (see `ranking`), read by people, and carried out by surgery. It holds no weights and needs
none to be checked. The same plan gives the same bytes, so its hash names it.

Pure: reads and writes text, touches no file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

SCHEMA = "cadence.plan.v1"
LAYERS_MAX = 1_024
EXPERTS_MAX = 65_536


class PlanError(ValueError):
    """A plan that cannot be carried out: what was expected, what came, what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The experts that stay in each mixture-of-experts layer.

    `keep` maps the layer's index in the decoder to the ids of its kept experts, ascending; they are renumbered from 0
    in this order. Dense layers are not in it. A multi-token-prediction layer is counted on behind the last decoder
    layer, as on disk; one that is not in `keep` was never profiled, and surgery leaves the whole layer out.
    """

    family: str  # config.model_type
    model: str  # how people call it; never a path
    experts_before: int  # routed experts of each layer
    keep: Mapping[int, tuple[int, ...]]
    metric: str = "given"
    profile_sha256: str | None = None  # of the profile's bytes
    seed: int | None = None  # of metric `random`
    protected: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # super-experts kept whatever their score

    def __post_init__(self) -> None:
        for name in ("family", "model", "metric"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value or "\n" in value:
                raise PlanError(f"a plan's {name} is one line of text, not {value!r}")
        if not _is_count(self.experts_before) or not 0 < self.experts_before <= EXPERTS_MAX:
            raise PlanError(f"experts_before is 1 to {EXPERTS_MAX}, not {self.experts_before!r}")
        if self.seed is not None and not _is_count(self.seed):
            raise PlanError(f"a seed is a whole number, not {self.seed!r}")
        if self.profile_sha256 is not None and not _is_sha256(self.profile_sha256):
            raise PlanError(f"profile_sha256 is 64 hexadecimal digits, not {self.profile_sha256!r}")
        if not 0 < len(self.keep) <= LAYERS_MAX:
            raise PlanError(f"a plan is for 1 to {LAYERS_MAX} layers, not {len(self.keep)}")
        for layer, experts in self.keep.items():
            _check_experts(layer, experts, self.experts_before)
            if not experts:
                raise PlanError(f"layer {layer} keeps no expert; leave the layer out of the plan, or keep some")
        for layer, experts in self.protected.items():
            _check_experts(layer, experts, self.experts_before)
            if not set(experts) <= set(self.keep.get(layer, ())):
                raise PlanError(f"layer {layer} drops an expert that the plan itself calls protected; plan again")
        object.__setattr__(self, "keep", _frozen(self.keep))
        object.__setattr__(self, "protected", _frozen(self.protected))

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers this plan is about, ascending."""
        return tuple(self.keep)

    @property
    def uniform(self) -> int | None:
        """How many experts every layer keeps, or None where layers differ."""
        counts = {len(experts) for experts in self.keep.values()}
        return counts.pop() if len(counts) == 1 else None

    @property
    def sha256(self) -> str:
        """The hash of `to_json()`: the plan's name in an alloy."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The plan as text, one layer a line: equal plans give equal bytes."""
        head = {
            "schema": SCHEMA,
            "family": self.family,
            "model": self.model,
            "experts_before": self.experts_before,
            "metric": self.metric,
            "profile_sha256": self.profile_sha256,
            "seed": self.seed,
        }
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
        return "\n".join(["{", *lines, *_block("protected", self.protected, ","), *_block("keep", self.keep), "}", ""])

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read a plan; PlanError names what is wrong with it."""
        try:
            read = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise PlanError(f"a plan is JSON, and this is not: {error}") from None
        if not isinstance(read, dict) or read.get("schema") != SCHEMA:
            found = read.get("schema") if isinstance(read, dict) else type(read).__name__
            raise PlanError(f"expected a plan with schema {SCHEMA!r}, got {found!r}; make it with `cadence forge plan`")
        wanted = {"schema", *cls.__dataclass_fields__}
        if set(read) != wanted:
            odd = ", ".join(sorted(set(read) ^ wanted))
            raise PlanError(f"a plan has exactly the fields {', '.join(sorted(wanted))}; missing or unknown: {odd}")
        del read["schema"]
        for name in ("keep", "protected"):
            read[name] = _layers(name, read[name])
        return cls(**read)


def overlap(one: Plan, other: Plan) -> dict[int, float]:
    """The share of experts, layer by layer, that both plans keep, of the larger of the two counts; 0 to 1.

    PlanError where the plans are about different layers or expert counts.
    """
    if one.layers != other.layers or one.experts_before != other.experts_before:
        raise PlanError(
            f"only plans of one model can be compared: {one.model} has {len(one.keep)} layers of {one.experts_before} "
            f"experts, {other.model} {len(other.keep)} of {other.experts_before}"
        )
    pairs = ((layer, set(one.keep[layer]), set(other.keep[layer])) for layer in one.keep)
    return {layer: len(a & b) / max(len(a), len(b)) for layer, a, b in pairs}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _check_experts(layer: object, experts: object, before: int) -> None:
    if not _is_count(layer):
        raise PlanError(f"a layer is its index in the decoder, not {layer!r}")
    whole = isinstance(experts, tuple) and all(_is_count(expert) for expert in experts)
    if not isinstance(experts, tuple) or not whole:
        raise PlanError(f"layer {layer}: expected expert ids, got {str(experts)[:80]}")
    if list(experts) != sorted(set(experts)):
        raise PlanError(f"layer {layer}: expert ids are ascending and named once, got {str(list(experts))[:80]}")
    if experts and experts[-1] >= before:
        raise PlanError(f"layer {layer} names expert {experts[-1]}, but the model has {before}, counted from 0")


def _frozen(keep: Mapping[int, tuple[int, ...]]) -> Mapping[int, tuple[int, ...]]:
    return MappingProxyType({layer: keep[layer] for layer in sorted(keep)})


def _block(name: str, keep: Mapping[int, tuple[int, ...]], end: str = "") -> list[str]:
    if not keep:
        return [f"  {json.dumps(name)}: {{}}{end}"]
    lines = [f'    "{layer}": {json.dumps(list(experts))}' for layer, experts in keep.items()]
    return [f"  {json.dumps(name)}: {{", ",\n".join(lines), f"  }}{end}"]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ValueError(f"{twice[0]!r} is there twice")
    return dict(pairs)


def _layers(name: str, read: object) -> dict[int, tuple[int, ...]]:
    if not isinstance(read, dict) or len(read) > LAYERS_MAX:
        raise PlanError(f"{name} maps layers to lists of expert ids, at most {LAYERS_MAX} layers")
    layers: dict[int, tuple[int, ...]] = {}
    for layer, experts in read.items():
        if not (layer.isascii() and layer.isdigit() and str(int(layer[:9])) == layer):
            raise PlanError(f"{name}: a layer is a number like 0 or 12, not {layer[:40]!r}")
        if not isinstance(experts, list):
            raise PlanError(f"{name}: layer {layer} is a list of expert ids, not {str(experts)[:80]}")
        layers[int(layer)] = tuple(experts)
    return layers
