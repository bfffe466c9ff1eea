"""How large a model will be with fewer experts, from its config and its index alone: no weights, for any size.

An index names every tensor and says how many bytes they have together. The config says how large an expert is; where
the shards are there, their headers do. So the experts' bytes are known exactly, everything else is the rest, and what
goes with a dropped expert is subtracted: its matrices with their scales, and its router row. Multi-token-prediction
layers are never profiled, so their experts go; what else they hold is not visible in an index and stays counted, which
makes the sizes upper bounds by that much.

Parameters and bytes at other precisions follow from that. Bits a weight of the GGUF tiers are those of the llama.cpp
mixes measured on a compacted Qwen3-Coder-30B (19.7e9 parameters in 20.9, 13.99 and 11.96 GB).

Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cadence.factory.families import family_of
from cadence.factory.families.base import CONFIG, Family, Pattern, Routing
from cadence.factory.ranking import MULTIPLE_ADVISED, choose
from cadence.models.checkpoint import Checkpoint, CheckpointError, Index, shown

TIERS = {"bf16": 16.0, "fp8": 8.0, "Q8_0": 8.5, "Q6_K": 6.56, "Q5_K_M": 5.69, "Q4_K_M": 4.86, "mxfp4": 4.25}
SHARES_PROPOSED = (0.875, 0.75, 0.625, 0.5)
MATRICES = 3  # of an expert: gate, up and down, in all families there are adapters for

_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
_NAMES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F8_E4M3": "fp8"}
_BLOCK = 128  # of FP8 weights that share a float32 scale, unless the config says otherwise
_MX_BITS = 4.25  # four bits, and a byte of scale for 32 of them


@dataclass(frozen=True, slots=True)
class Size:
    """A model with `keep` experts in each layer."""

    keep: int
    nbytes: int  # as the checkpoint is stored
    share: float  # of the bytes before
    parameters: int
    tiers: Mapping[str, int]  # bytes by name of the precision
    fault: str | None = None  # why a router could not work with so many


@dataclass(frozen=True, slots=True)
class Estimate:
    """What config and index say of a model."""

    family: Family
    routing: Routing
    moe_layers: tuple[int, ...]  # extra layers are not among them
    extra_layers: tuple[int, ...]
    stored: str  # how experts are stored
    nbytes: int
    expert_nbytes: int  # one expert of one layer, with its scales
    row_nbytes: int  # its row in the router
    expert_parameters: int
    row_parameters: int
    parameters: int  # of the whole

    @property
    def active(self) -> int:
        """Parameters that work on one token."""
        idle = len(self.moe_layers) * (self.routing.experts - self.routing.top_k)
        idle += len(self.extra_layers) * self.routing.experts
        return self.parameters - idle * self.expert_parameters

    def size(self, keep: int) -> Size:
        """The model with `keep` experts in each layer, or with all of them."""
        gone = len(self.moe_layers) * (self.routing.experts - keep)
        if keep < self.routing.experts:
            gone += len(self.extra_layers) * self.routing.experts
        nbytes = self.nbytes - gone * (self.expert_nbytes + self.row_nbytes)
        parameters = self.parameters - gone * (self.expert_parameters + self.row_parameters)
        tiers = {name: round(parameters * bits / 8) for name, bits in TIERS.items()}
        return Size(keep, nbytes, nbytes / self.nbytes, parameters, tiers, self._fault(keep))

    def _fault(self, keep: int) -> str | None:
        if keep == self.routing.experts:
            return None
        try:
            choose({self.moe_layers[0]: tuple(range(self.routing.experts))}, self.routing, keep)
        except ValueError as error:
            return str(error)
        return None

    def proposed(self) -> list[int]:
        """Sizes worth looking at: some shares of all experts, rounded to what serves well."""
        step = MULTIPLE_ADVISED * self.routing.groups
        if self.routing.experts < 4 * step:
            step = self.routing.groups * 2
        rounded = {round(self.routing.experts * share / step) * step for share in SHARES_PROPOSED}
        good = [keep for keep in rounded if 0 < keep < self.routing.experts and self._fault(keep) is None]
        return sorted(good, reverse=True)


def estimate(config: Mapping[str, Any], index: Index, checkpoint: Checkpoint | None = None) -> Estimate:
    """Read off what is known without weights; where headers are there too, experts are measured by them.

    CheckpointError where config and index disagree, or say too little.
    """
    family = family_of(config)
    routing, layers = family.routing(config), family.layers(config)
    settings = family.settings(config)
    found = _experts(index, family, routing, layers)
    hidden, inner = _count(settings, ("hidden_size",)), _count(settings, ("moe_intermediate_size", "intermediate_size"))
    total = index.metadata.get("total_size")
    if not isinstance(total, int) or isinstance(total, bool) or total <= 0:
        raise CheckpointError(index.file, f"expected metadata.total_size in bytes, got {shown(total)}", "correct it")
    biases = 2 * inner + hidden if any(name.endswith("down_proj_bias") for name in index.weight_map) else 0
    parameters = MATRICES * hidden * inner + biases
    if checkpoint is None:
        stored, matrix_nbytes = _stored(config, settings, inner, hidden)
        expert_nbytes = MATRICES * matrix_nbytes + biases * _BYTES[_dtype(settings, config)]
    else:
        stored, expert_nbytes = _measured(checkpoint, family, routing, layers)
    row_nbytes = hidden * _BYTES[_dtype(settings, config)]
    rest = total - len(found) * routing.experts * (expert_nbytes + row_nbytes)
    if rest <= 0:
        fault = (
            f"{len(found)} layers of {routing.experts} experts of {expert_nbytes} bytes are more than its total_size "
            f"of {total}"
        )
        raise CheckpointError(index.file, fault, f"{CONFIG} and the index are of different models: download both again")
    return Estimate(
        family=family,
        routing=routing,
        moe_layers=tuple(layer for layer in found if layer < layers),
        extra_layers=tuple(layer for layer in found if layer >= layers),
        stored=stored,
        nbytes=total,
        expert_nbytes=expert_nbytes,
        row_nbytes=row_nbytes,
        expert_parameters=parameters,
        row_parameters=hidden,
        parameters=len(found) * routing.experts * (parameters + hidden) + _parameters(rest, stored, index, settings),
    )


def _experts(index: Index, family: Family, routing: Routing, layers: int) -> tuple[int, ...]:
    """The layers with experts, ascending. CheckpointError where one of the experts, or a router, is not named."""
    experts: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    whole: dict[int, set[str]] = defaultdict(set)
    routed: set[int] = set()
    for name in index.weight_map:
        if (role := family.role(name, layers)) is None:
            continue
        if role.pattern.router:
            routed.add(role.layer)
        elif role.expert is None:
            whole[role.layer].add(role.part)
        else:
            experts[role.layer][role.part].add(role.expert)
    for layer, parts in experts.items():
        for part, numbers in parts.items():
            if lost := set(range(routing.experts)) ^ numbers:
                fault = f"layer {layer} names {len(numbers)} of {routing.experts} {part}, expert {min(lost)} is odd"
                raise CheckpointError(index.file, fault, f"the index and {CONFIG} must agree: download both again")
    found = tuple(sorted(set(experts) | set(whole)))
    if not found:
        fault = f"no tensor is named as {family.name} names its experts"
        raise CheckpointError(index.file, fault, f"correct model_type in {CONFIG}, or add an adapter")
    if silent := sorted(set(found) - routed):
        raise CheckpointError(index.file, f"layer {silent[0]} has experts and no router", "download it again")
    for layer in found:
        wanted = _wanted(family.patterns, fused=layer in whole)
        names = whole.get(layer) or set(experts[layer])
        if absent := [part for part in wanted if not any(name.startswith(part) for name in names)]:
            raise CheckpointError(index.file, f"layer {layer} has experts without {absent[0]}", "download it again")
    return found


def _wanted(patterns: tuple[Pattern, ...], *, fused: bool) -> tuple[str, ...]:
    return next(pattern.parts for pattern in patterns if not pattern.router and pattern.fused == fused)


def _measured(checkpoint: Checkpoint, family: Family, routing: Routing, layers: int) -> tuple[str, int]:
    """How experts of the decoder are stored by the headers, and the bytes of one of them."""
    nbytes: dict[str, int] = defaultdict(int)
    moe_layers = set()
    for tensor in checkpoint.tensors.values():
        role = family.role(tensor.name, layers)
        if role is not None and not role.pattern.router and role.layer < layers:
            nbytes[tensor.dtype] += tensor.nbytes
            moe_layers.add(role.layer)
    stored = max(nbytes, key=lambda dtype: (nbytes[dtype], dtype))
    return _NAMES.get(stored, stored.lower()), sum(nbytes.values()) // (len(moe_layers) * routing.experts)


def _stored(config: Mapping[str, Any], settings: Mapping[str, Any], inner: int, hidden: int) -> tuple[str, int]:
    """How a matrix of an expert is stored, and its bytes."""
    packed = config.get("quantization_config") or settings.get("quantization_config")
    if not packed:
        dtype = _dtype(settings, config)
        return dtype, inner * hidden * _BYTES[dtype]
    method = packed.get("quant_method") if isinstance(packed, dict) else None
    if method == "fp8":
        block = packed.get("weight_block_size") or [_BLOCK, _BLOCK]
        if not (isinstance(block, list) and len(block) == 2 and all(type(each) is int and each > 0 for each in block)):
            raise CheckpointError(
                CONFIG, f"expected a weight_block_size like [128, 128], got {shown(block)}", "correct it"
            )
        return "fp8", inner * hidden + 4 * -(-inner // block[0]) * -(-hidden // block[1])
    if method == "mxfp4":
        return "mxfp4", round(inner * hidden * _MX_BITS / 8)
    fault = f"how large a weight is by quant_method {shown(method)} cannot be told without the shards' headers"
    raise CheckpointError(CONFIG, fault, "make a plan and dry-run it on the whole checkpoint")


def _parameters(nbytes: int, stored: str, index: Index, settings: Mapping[str, Any]) -> int:
    """Parameters outside of the experts, about: where experts are FP8, so is all but embeddings and heads."""
    if stored != "fp8":
        return nbytes // _BYTES.get(stored, 2)
    tables = sum(name.endswith(("embed_tokens.weight", "head.weight")) for name in index.weight_map)
    wide = min(tables * _count(settings, ("vocab_size",)) * _count(settings, ("hidden_size",)), nbytes // 2)
    return nbytes - wide


def _dtype(settings: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    keys = [scope.get(key) for scope in (settings, config) for key in ("dtype", "torch_dtype")]
    dtype = next((key for key in keys if key is not None), "bfloat16")
    if dtype not in _BYTES:
        raise CheckpointError(CONFIG, f"expected a dtype of {', '.join(_BYTES)}, got {shown(dtype)}", "correct it")
    return str(dtype)


def _count(settings: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    for key in keys:
        if settings.get(key) is not None:
            if type(settings[key]) is not int or settings[key] < 1:
                raise CheckpointError(CONFIG, f"expected a whole {key}, got {shown(settings[key])}", "correct it")
            return int(settings[key])
    raise CheckpointError(CONFIG, f"expected {' or '.join(keys)}", "name the config of the whole model")
