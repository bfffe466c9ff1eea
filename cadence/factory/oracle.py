"""The proof of surgery: a compacted model answers as the original does with the dropped experts out of routing.

No data is needed, and nothing is taken on trust: both folders are loaded by transformers, and in the original the
dropped experts' router logits become minus infinity, and so do their correction biases, which alone could still win
(the sigmoid of minus infinity is 0). Each layer must send every token to the same experts, and the logits must agree:

    float64   to 1e-12 of the largest logit; all arithmetic runs in it, softmax and norms included
    float32   to 1e-4; a softmax over fewer entries adds them up in another order

What is masked is found by structure (beside `experts`), not by the name of an architecture. Needs the extra `forge`,
and memory for the larger of the models, unpacked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.overrides import TorchFunctionMode

from cadence.factory.anatomy import check_plan, dissect
from cadence.factory.loading import load_model
from cadence.factory.plan import Plan
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import CONFIG_FILE, read_checkpoint, read_config

Precision = Literal["float64", "float32"]

TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
ROWS, TOKENS = 2, 24  # of the text that is asked: made of the vocabulary's own numbers

_LAYER = re.compile(r"layers\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How close the two models came. `routed` counts choices of experts, `astray` those that differ."""

    precision: Precision
    difference: float  # largest, of any logit
    logit: float  # largest
    routed: int
    astray: int

    @property
    def holds(self) -> bool:
        """Whether this is the same model."""
        scale = max(1.0, self.logit) if self.precision == "float64" else 1.0
        return self.routed > 0 and self.astray == 0 and self.difference <= TOLERANCE[self.precision] * scale


def compare(original: Path, compacted: Path, plan: Plan, precision: Precision = "float64") -> Verdict:
    """Ask both models the same, one after the other. Never runs a program that lies beside the weights.

    Raises PlanError or CheckpointError where the three do not belong together, or transformers cannot load one of them.
    """
    _check_fit(original, compacted, plan)
    with _computing(precision):
        expected, whole_chosen = _answer(original, precision, plan.keep)
        found, half_chosen = _answer(compacted, precision, None)
    routed = astray = 0
    for layer, chosen in half_chosen.items():
        named = torch.tensor(plan.keep[layer])[chosen].sort(-1).values
        routed += named.numel()
        astray += int((named != whole_chosen[layer].sort(-1).values).sum())
    return Verdict(precision, (expected - found).abs().max().item(), expected.abs().max().item(), routed, astray)


def _check_fit(original: Path, compacted: Path, plan: Plan) -> None:
    check_plan(plan, dissect(read_checkpoint(original), read_config(original)))
    after = dissect(read_checkpoint(compacted), read_config(compacted)).routing.experts
    if after != plan.uniform:
        fault = f"it has {after} experts in a layer, the plan keeps {plan.uniform}"
        raise CheckpointError(compacted.name, fault, "name the plan that it was made by")


def _answer(
    folder: Path, precision: Precision, keep: Mapping[int, tuple[int, ...]] | None
) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
    """Logits [rows, tokens, words], and the experts of each token by layer; all but `keep` masked, where given."""
    model = load_model(folder, dtype=precision, attn_implementation="eager", experts_implementation="eager")
    words = model.config.get_text_config().vocab_size
    ids = (torch.arange(ROWS * TOKENS) * 7_919 % words).reshape(ROWS, TOKENS)
    chosen: dict[int, torch.Tensor] = {}
    masked = nullcontext() if keep is None else _masked(model, keep)
    with torch.no_grad(), masked, _choices(model, chosen):
        return model(input_ids=ids, use_cache=False).logits, chosen


def _blocks(model: Any) -> Iterator[tuple[int, Any]]:
    """Each module that has experts below it, with its layer."""
    for name, module in model.named_modules():
        match = _LAYER.search(f"{name}.")
        if match and hasattr(module, "experts") and isinstance(module.experts, torch.nn.Module):
            yield int(match[1]), module


@contextmanager
def _choices(model: Any, chosen: dict[int, torch.Tensor]) -> Iterator[None]:
    """Record which experts each token is sent to."""

    def record(layer: int) -> Any:
        return lambda _, args: chosen.__setitem__(layer, args[1].clone())

    hooks = [block.experts.register_forward_pre_hook(record(layer)) for layer, block in _blocks(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _masked(model: Any, keep: Mapping[int, tuple[int, ...]]) -> Iterator[None]:
    """Take the dropped experts out of routing; the model is not the same afterwards."""
    dropped: dict[int, torch.Tensor] = {}  # by where the router's weights lie
    for layer, block in _blocks(model):
        experts = next(block.experts.parameters()).shape[0]
        gone = torch.tensor([expert for expert in range(experts) if expert not in keep[layer]], dtype=torch.long)
        found = False
        for name, tensor in [*block.named_parameters(), *block.named_buffers()]:
            if "expert" in name:
                continue
            if name.endswith("bias") and tensor.shape[-1] == experts:
                tensor.data.index_fill_(-1, gone, -torch.inf)
            elif tensor.dim() == 2 and tensor.shape[0] == experts:
                dropped[tensor.data_ptr()] = gone
                found = True
        if not found:
            raise CheckpointError(CONFIG_FILE, f"no router found in layer {layer}", "this family needs another oracle")
    with _Mask(dropped):
        yield


class _Mask(TorchFunctionMode):  # type: ignore[misc]
    """Where a router computes its logits, those of dropped experts become minus infinity."""

    def __init__(self, dropped: Mapping[int, torch.Tensor]) -> None:
        super().__init__()
        self._dropped = dropped

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.nn.functional.linear and (gone := self._dropped.get(args[1].data_ptr())) is not None:
            return result.index_fill(-1, gone, -torch.inf)
        return result


@contextmanager
def _computing(precision: Precision) -> Iterator[None]:
    """In float64, whoever asks for float32 gets float64: routers and norms do, and would round the proof away."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, precision))
    try:
        if precision == "float64":
            with _Double():
                yield
        else:
            yield
    finally:
        torch.set_default_dtype(before)


class _Double(TorchFunctionMode):  # type: ignore[misc]
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        args = tuple(torch.float64 if arg is torch.float32 else arg for arg in args)
        kwargs = {key: torch.float64 if value is torch.float32 else value for key, value in (kwargs or {}).items()}
        return func(*args, **kwargs)
