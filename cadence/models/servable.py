"""Whether vLLM would serve a mixture-of-experts checkpoint right: what it takes without a word and answers wrongly.

vLLM assumes what a checkpoint should be and does not look: experts that are missing stay as memory happened to be, a
number too high is dropped, a setting it does not know is ignored (measured on vLLM 0.32). So it is looked at here,
before a server starts, by structure and whatever the family: names with `experts.<number>.`, tensors that hold all
experts at once, and the router beside them.

Pure: headers and a config in, faults out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cadence.models.checkpoint import Checkpoint, CheckpointError, Tensor, shown

CONFIG = "config.json"
HIDDEN_MULTIPLE = 32  # of vLLM's kernel for experts on a CPU
# What families call the number of experts in a layer, and of those that a token is sent to.
COUNT_KEYS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
TOP_K_KEYS = ("num_experts_per_tok", "num_experts_per_token", "num_active_experts", "moe_k", "moe_topk")
EXPERTS_MAX = 65_536  # of a layer
FAULTS_MAX = 20  # reported at once
AGAIN = "download it again, or compact it again"

_EXPERT = re.compile(r"(?P<block>.+)\.experts\.(?P<number>\d+)\.(?P<part>.+)")
_FUSED = re.compile(
    r"(?P<block>.+)\.experts\.[A-Za-z_]\w*|(?P<sparse>.+\.block_sparse_moe)\.(?:input|output)_linear\..+"
)
_ROUTER = re.compile(r"(?P<block>.+\.layers\..+?)\.(?:gate|router|router\.layer|gate\.wg)\.(?:weight|bias)")
_CORRECTION = re.compile(r"(?P<block>.+?)\.(?:gate\.|moe_statics\.)?e_score_correction_bias")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why not, in one sentence; `file` and `tensor` where it shows."""

    file: str
    tensor: str | None
    text: str
    remedy: str


@dataclass(slots=True)
class _Block:
    """The experts of one layer: tensors by number and part, those that hold all experts, and what routes to them."""

    apart: dict[int, dict[str, Tensor]] = field(default_factory=lambda: defaultdict(dict))
    fused: list[Tensor] = field(default_factory=list)
    routers: list[Tensor] = field(default_factory=list)
    biases: list[Tensor] = field(default_factory=list)

    @property
    def some(self) -> Tensor:
        return next(iter(next(iter(self.apart.values())).values())) if self.apart else self.fused[0]


def check_servable(checkpoint: Checkpoint, config: Mapping[str, Any], *, cpu: bool = True) -> None:
    """Raise CheckpointError for the first fault there is; `cpu` says where it will be served."""
    for fault in faults(checkpoint, config, cpu=cpu):
        raise CheckpointError(fault.file, fault.text, fault.remedy, fault.tensor)


def faults(checkpoint: Checkpoint, config: Mapping[str, Any], *, cpu: bool = True) -> list[Fault]:
    """All that would be served wrongly or not at all, at most 20; config first, then layer by layer.

    A model without experts has none of these. With `cpu` off, what only the kernels for CPUs cannot do is no fault.
    """
    blocks = _blocks(checkpoint)
    if not blocks:
        return []
    text = config.get("text_config")
    settings = text if isinstance(text, dict) and any(key in text for key in COUNT_KEYS) else config
    found: list[Fault] = []
    for source in (_of_config(settings, config, cpu), _of_blocks(blocks, settings)):
        for fault in source:
            found.append(fault)
            if len(found) == FAULTS_MAX:
                return found
    return found


def _of_config(settings: Mapping[str, Any], config: Mapping[str, Any], cpu: bool) -> Iterator[Fault]:
    counts = {key: settings[key] for key in COUNT_KEYS if settings.get(key) is not None}
    if not counts or any(not _is_count(value) for value in counts.values()) or len(set(counts.values())) > 1:
        text = f"expected one number of experts for all layers, got {shown(counts or 'none')}"
        yield Fault(CONFIG, None, text, "keep as many experts in each layer, and say so under one name")
        return
    experts = next(iter(counts.values()))
    top_k = next((settings[key] for key in TOP_K_KEYS if settings.get(key) is not None), None)
    if type(top_k) is not int or not 0 < top_k <= experts:
        text = f"each token asks for {shown(top_k)} of {experts} experts, which stops the server at its first token"
        yield Fault(CONFIG, None, text, f"keep {top_k} experts or more" if type(top_k) is int else "name the number")
    hidden = settings.get("hidden_size")
    if cpu and (type(hidden) is not int or hidden % HIDDEN_MULTIPLE):
        text = (
            f"hidden_size {shown(hidden)} is no multiple of {HIDDEN_MULTIPLE}, and the kernel for CPUs takes no other"
        )
        yield Fault(CONFIG, None, text, "serve it on a GPU, or with transformers")
    if config.get("model_type") == "olmoe" and settings.get("norm_topk_prob"):
        text = "norm_topk_prob is true, and vLLM's OLMoE never renormalises: it would answer otherwise, without a word"
        yield Fault(CONFIG, None, text, "serve it with transformers")
    if config.get("model_type") == "olmoe" and settings.get("rms_norm_eps", 1e-5) != 1e-5:
        text = f"rms_norm_eps is {shown(settings['rms_norm_eps'])}, and vLLM's OLMoE always takes 1e-5"
        yield Fault(CONFIG, None, text, "serve it with transformers")


def _of_blocks(blocks: Mapping[str, _Block], settings: Mapping[str, Any]) -> Iterator[Fault]:
    counts = [settings[key] for key in COUNT_KEYS if _is_count(settings.get(key))]
    if not counts:
        return
    for name, block in blocks.items():
        if block.apart or block.fused:
            yield from _of_block(name, block, counts[0])
            continue
        # Other things are called gates too; what has a row for each expert is none of those.
        for tensor in block.routers:
            if tensor.shape[:1] == (counts[0],):
                text = "a router without experts: chance would speak for them"
                yield Fault(tensor.file, tensor.name, text, AGAIN)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value <= EXPERTS_MAX


def _of_block(name: str, block: _Block, experts: int) -> Iterator[Fault]:
    if block.apart:
        numbers = sorted(block.apart)
        if numbers[-1] >= experts:
            text = f"expert {numbers[-1]} lies beyond the {experts} of {CONFIG}: it would be dropped without a word"
            yield Fault(block.some.file, f"{name}.experts.{numbers[-1]}", text, f"renumber from 0: {AGAIN}")
        missing = sorted(set(range(experts)) - set(numbers))
        if missing:
            text = f"{len(missing)} of {experts} experts are missing, first {missing[0]}: chance would speak for them"
            yield Fault(block.some.file, f"{name}.experts.{missing[0]}", text, AGAIN)
        yield from _unlike(name, block)
    along = [*((tensor, 0) for tensor in (*block.fused, *block.routers)), *((tensor, -1) for tensor in block.biases)]
    for tensor, axis in along:
        if not tensor.shape or tensor.shape[axis] != experts:
            text = f"expected an entry for each of {experts} experts, got the shape {list(tensor.shape)}"
            yield Fault(tensor.file, tensor.name, text, AGAIN)
    if not block.routers:
        yield Fault(block.some.file, None, f"no router beside the experts of {name}", AGAIN)


def _unlike(name: str, block: _Block) -> Iterator[Fault]:
    """Experts that do not have the same parts in the same shapes as the first."""
    first = block.apart[min(block.apart)]
    for number, parts in sorted(block.apart.items()):
        for part in sorted(set(first) ^ set(parts)):
            tensor = parts.get(part) or first[part]
            text = f"expert {number} {'alone has' if part in parts else 'lacks'} {part}"
            yield Fault(tensor.file, f"{name}.experts.{number}", text, AGAIN)
        for part in sorted(set(first) & set(parts)):
            if parts[part].shape != first[part].shape:
                text = f"the shape is {list(parts[part].shape)}, the first expert's {list(first[part].shape)}"
                yield Fault(parts[part].file, parts[part].name, text, AGAIN)


def _blocks(checkpoint: Checkpoint) -> dict[str, _Block]:
    """By the name of the module that holds experts and router. Shared experts are numbered nowhere."""
    blocks: dict[str, _Block] = defaultdict(_Block)
    for name, tensor in checkpoint.tensors.items():
        if match := _EXPERT.fullmatch(name):
            blocks[match["block"]].apart[int(match["number"])][match["part"]] = tensor
        elif match := _FUSED.fullmatch(name):
            blocks[match["block"] or match["sparse"]].fused.append(tensor)
    if not blocks:
        return {}
    for name, tensor in checkpoint.tensors.items():
        if match := _ROUTER.fullmatch(name):
            blocks[match["block"]].routers.append(tensor)
        elif match := _CORRECTION.fullmatch(name):
            blocks[match["block"]].biases.append(tensor)
    return dict(blocks)
