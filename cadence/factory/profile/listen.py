"""Listening to the experts of a model while it computes what it computes anyway.

Transformers calls the experts of every family through one interface: experts(states [T, H], index [T, k],
weights [T, k]). `Listener` stands in it, and hands the weights on as a tensor that listens: at the one place where
routing weights are multiplied with the experts' outputs, both factors, and which expert it was, are at hand. So what
is recorded is what the model really used, whatever its router does (softmax, sigmoid with bias, groups), whichever
implementation runs, and nothing is computed twice.

The sums of a layer stay on its device until they are taken out. Each summand is split into three words, multiples of
1, 2^-26 and 2^-52, and each word is summed in float64 where such numbers add without error: the order in which threads
or batches add them makes no difference (see `sums`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

from cadence.factory.profile.sums import SUMS, NotFiniteError, ProfileError, Tally

INTERFACE = "cadence_listen"
WORD_BITS = 26
WORDS = 3
# A word is below 2^26 and a float64 adds exactly below 2^53: so many summands fit before the words must be taken out.
ROWS_MAX = 2**26

# What an implementation may do with routing weights before it multiplies; the bins follow step by step.
_FOLLOWED = {
    torch.Tensor.__getitem__,
    torch.Tensor.reshape,
    torch.Tensor.view,
    torch.Tensor.flatten,
    torch.Tensor.unsqueeze,
    torch.Tensor.squeeze,
    torch.Tensor.transpose,
    torch.Tensor.t,
    torch.Tensor.index_select,
}
_SAME_SHAPE = {
    torch.Tensor.to,
    torch.Tensor.type,
    torch.Tensor.float,
    torch.Tensor.contiguous,
    torch.Tensor.detach,
}
_PRODUCTS = {torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.mul_, torch.mul}


class _Weights(torch.Tensor):  # type: ignore[misc]
    """Routing weights that know the bin of each entry, and report when they are multiplied with outputs."""

    bins: torch.Tensor
    layer: _LayerSums

    @classmethod
    def of(cls, weights: torch.Tensor, bins: torch.Tensor, layer: _LayerSums) -> _Weights:
        listening: _Weights = weights.as_subclass(cls)
        listening.bins, listening.layer = bins, layer
        return listening

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            first = args[0]
            if func in _PRODUCTS and len(args) == 2 and all(isinstance(each, torch.Tensor) for each in args):
                outputs, weights = (args[1], first) if isinstance(first, cls) else (first, args[1])
                weights.layer.add(weights.bins, weights.as_subclass(torch.Tensor), outputs)
            result = func(*args, **kwargs)
            if not isinstance(result, torch.Tensor):
                return result
            result = result.as_subclass(torch.Tensor)
            if isinstance(first, cls):
                if func in _FOLLOWED:
                    return cls.of(result, func(first.bins, *args[1:], **kwargs), first.layer)
                if func in _SAME_SHAPE:
                    return cls.of(result, first.bins, first.layer)
            return result


class _LayerSums:
    """The sums of one layer, on the device: by bin, which is domain * experts + expert; the last one is for padding."""

    def __init__(self, bins: int, device: torch.device) -> None:
        self._bins = bins + 1
        # A row for each bin: how many summands there were, then the words of each sum.
        self._sums = torch.zeros(self._bins, 1 + len(SUMS) * WORDS, dtype=torch.float64, device=device)
        self._peak = torch.zeros(self._bins, dtype=torch.float64, device=device)
        self._rows = 0

    def add(self, bins: torch.Tensor, weights: torch.Tensor, outputs: torch.Tensor) -> None:
        """Add one summand a row: bins and weights [S] or [S, 1], outputs [S, H] before they are weighted."""
        bins, gate = bins.reshape(-1), weights.reshape(-1).double()
        outputs = outputs.detach().reshape(-1, outputs.shape[-1])
        if outputs.shape[0] != bins.shape[0]:
            raise ProfileError(
                f"expected one weight for each of {outputs.shape[0]} expert outputs, got {bins.shape[0]}; "
                "this model multiplies elsewhere, and cannot be profiled yet"
            )
        self._rows += bins.shape[0]
        if self._rows > ROWS_MAX:
            raise ProfileError(f"more than {ROWS_MAX} expert calls between two readings of the sums; take() more often")
        exact = torch.float64 if outputs.dtype == torch.float64 else torch.float32
        norm = torch.linalg.vector_norm(outputs, dim=-1, dtype=exact).double()
        peak = torch.maximum(outputs.amax(-1), -outputs.amin(-1)).double()
        self._peak.scatter_reduce_(0, bins, peak, "amax")
        words = [word for summand in (gate, norm, norm * norm, gate * norm) for word in _words(summand)]
        # All at once: to count word by word, a GPU was asked for its bins each time, and waited for (2.1 ms a layer of
        # 131,072 rows on an H200, now 0.8; on a CPU it makes no difference).
        self._sums.index_add_(0, bins, torch.stack([torch.ones_like(gate), *words], dim=1))

    def take(self, domains: int, experts: int) -> list[Tally]:
        """The sums since the last call, one tally a domain. _Broken where an output was not finite."""
        count, words, peak = self._sums[:, 0].tolist(), self._sums[:, 1:].tolist(), self._peak.tolist()
        self._sums.zero_(), self._peak.zero_()
        self._rows = 0
        found = []
        for domain in range(domains):
            span = range(domain * experts, (domain + 1) * experts)
            sums = {
                name: tuple(_whole(words[bin][at : at + WORDS], bin % experts) for bin in span)
                for name, at in zip(SUMS, range(0, len(SUMS) * WORDS, WORDS), strict=True)
            }
            counted = tuple(int(count[bin]) for bin in span)
            found.append(Tally(count=counted, peak=tuple(peak[span.start : span.stop]), **sums))
        return found


class _Broken(Exception):
    """The number of an expert whose output was not finite, or whose sums outgrew their words."""


def _words(summand: torch.Tensor) -> Iterator[torch.Tensor]:
    """A summand as multiples of 1, 2^-26 and 2^-52, each counted in its own unit; the last one is rounded."""
    for _ in range(WORDS - 1):
        whole = summand.floor()
        yield whole
        summand = (summand - whole) * 2**WORD_BITS
    yield summand.round()


def _whole(words: list[float], expert: int) -> int:
    """Three words as one int, in units of 2^-52."""
    total = 0
    for word in words:
        if not abs(word) < 2**53:  # also where it is NaN
            raise _Broken(expert)
        total = (total << WORD_BITS) + int(word)
    return total


@dataclass(frozen=True, slots=True)
class Experts:
    """The routed experts of one layer, as they lie in the model."""

    index: int  # of the decoder layer
    name: str
    module: Any


class Listener:
    """Sums over everything the experts of `model` do while `listening`.

    `tell` must say before each forward pass which token is of which domain. `take` hands the sums out and starts anew.
    """

    def __init__(self, model: Any, domains: int) -> None:
        self._model = model
        self._domains = domains
        self.experts = find_experts(model)
        self.count = int(self.experts[0].module.num_experts)
        bins = domains * self.count
        self._sums = {
            id(found.module): _LayerSums(bins, next(found.module.parameters()).device) for found in self.experts
        }
        self._wanted: dict[int, str] = {}  # the implementation that each module's experts run by
        self._token_domains: torch.Tensor | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stand in the experts' interface for so long; afterwards the model is as it was."""
        before = self._model.get_experts_implementation()
        self._wanted = {id(each.module): each.module.config._experts_implementation for each in self.experts}
        ALL_EXPERTS_FUNCTIONS[INTERFACE] = self._call
        self._model.set_experts_implementation(INTERFACE)
        try:
            yield
        finally:
            self._model.set_experts_implementation(before)
            del ALL_EXPERTS_FUNCTIONS[INTERFACE]

    def tell(self, domains: torch.Tensor) -> None:
        """The domain of each token of the next forward pass, [batch, length]; -1 is padding."""
        self._token_domains = domains.reshape(-1)

    def take(self) -> dict[int, list[Tally]]:
        """The sums by layer, one tally a domain, since the last call."""
        found = {}
        for experts in self.experts:
            try:
                found[experts.index] = self._sums[id(experts.module)].take(self._domains, self.count)
            except _Broken as broken:
                raise NotFiniteError(
                    f"{experts.name}: the output of expert {broken} is not finite, or beyond any measure; run the "
                    "model in a wider dtype"
                ) from None
        return found

    def _call(self, module: Any, states: torch.Tensor, index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        domains = self._token_domains
        if domains is None or domains.shape[0] != index.shape[0]:
            told = "none" if domains is None else domains.shape[0]
            raise ProfileError(f"expected the domains of {index.shape[0]} tokens before a forward pass, got {told}")
        domains = domains.to(index.device)
        padding = self._domains * self.count
        bins = torch.where(domains[:, None] < 0, padding, domains[:, None] * self.count + index)
        listening = _Weights.of(weights.detach(), bins, self._sums[id(module)])
        wanted = self._wanted[id(module)]
        if wanted == "eager":
            result = type(module).forward.__wrapped__(module, states, index, listening)
        else:
            result = ALL_EXPERTS_FUNCTIONS[wanted](module, states, index, listening)
        return result.as_subclass(torch.Tensor)


def find_experts(model: Any) -> list[Experts]:
    """The routed experts of each layer, by what they are, not by the name of an architecture.

    Modules behind the experts' interface carry its flags. ProfileError where there are none, or two in a layer.
    """
    found: dict[int, Experts] = {}
    for name, module in model.named_modules():
        if not (hasattr(module, "is_concatenated") and hasattr(module, "num_experts")):
            continue
        numbers = re.findall(r"(?:^|\.)(\d+)(?=\.)", name)
        if not numbers:
            raise ProfileError(f"expected a layer's number in {name!r}; this model cannot be profiled yet")
        index = int(numbers[-1])
        if index in found:
            raise ProfileError(f"two sets of experts in layer {index}: {found[index].name} and {name}")
        found[index] = Experts(index, name, module)
    if not found:
        raise ProfileError(
            f"{type(model).__name__} has no routed experts behind transformers' experts interface; "
            "only mixture-of-experts models can be profiled"
        )
    if len(counts := {int(experts.module.num_experts) for experts in found.values()}) > 1:
        raise ProfileError(f"expected one number of experts in all layers, got {sorted(counts)}")
    return [found[index] for index in sorted(found)]
