"""What an adapter knows of one family of models: how its experts and routers are named on disk, and its config keys.

An adapter is data. The algorithms ask it for the role of a tensor name and never branch on an architecture:

    expert   belongs to one expert and is dropped or renumbered with it, scales and biases included
    sliced   has one axis with an entry for each expert (a router, its bias, fused experts), and is cut along it
    None     has nothing to do with routed experts, and is copied bit by bit (attention, norms, shared experts)

A name inside a block of experts that the adapter does not know is refused: to copy it could be silently wrong.

Pure: data and arithmetic, without torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cadence.models.checkpoint import CheckpointError, shown
from cadence.models.servable import COUNT_KEYS, TOP_K_KEYS

CONFIG = "config.json"
COUNT_MAX = 65_536  # experts of a layer, layers, groups

_NUMBER = "0|[1-9][0-9]{0,5}"  # one spelling for each number, so that no expert has two names


@dataclass(frozen=True, slots=True)
class Pattern:
    """Names of tensors below a layer, with `{expert}` and `{part}` in them.

    With `{expert}` they belong to one expert; without it they have one entry for each expert along `axis`. `parts` are
    those a layer cannot do without, each the start of what `{part}` stands for.
    """

    text: str
    parts: tuple[str, ...]
    axis: int = 0
    router: bool = False

    @property
    def fused(self) -> bool:
        """Whether all experts of a layer lie in one tensor."""
        return not self.router and "{expert}" not in self.text


@dataclass(frozen=True, slots=True)
class Role:
    """What a tensor is to the experts of a layer. `layer` counts as a plan does.

    `expert` is the one it belongs to; where that is None, it has an entry for each along the pattern's `axis`.
    """

    layer: int
    part: str
    pattern: Pattern
    expert: int | None


@dataclass(frozen=True, slots=True)
class Extra:
    """Where a family keeps its multi-token-prediction layers, and the config key that counts them.

    Without a `tree` they lie behind the last decoder layer, in the same tree; with one, its layers count on from there,
    and everything else below `prefix` belongs to them too.
    """

    count_key: str
    tree: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """How tokens find their experts: `experts` in a layer, `top_k` of them for each token, perhaps in groups.

    A token first picks `groups_used` of `groups` equal groups, each judged by its `group_best` best experts.
    """

    experts: int
    top_k: int
    groups: int = 1
    groups_used: int = 1
    group_best: int = 1


@dataclass(frozen=True)
class Family:
    """One family of models. Exactly one adapter claims a `config.model_type`."""

    name: str
    model_types: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    untouched: tuple[str, ...] = ()  # starts of names below a layer that lie among the experts, and stay as they are
    trees: tuple[str, ...] = ("model.layers.{layer}",)
    extra: Extra | None = None
    group_best: int | None = None  # experts that speak for a group; None: the family has no groups
    block: str = "mlp."  # below a layer: where its experts and router lie

    def settings(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part of a config that speaks of experts: the whole, or its `text_config`."""
        text = config.get("text_config")
        if isinstance(text, dict) and any(key in text for key in COUNT_KEYS):
            return text
        return config

    def routing(self, config: Mapping[str, Any]) -> Routing:
        """Counts from a config. Raises CheckpointError where they are missing or contradict each other."""
        settings = self.settings(config)
        experts, top_k = _one(settings, COUNT_KEYS, "experts"), _one(settings, TOP_K_KEYS, "experts for each token")
        if top_k > experts:
            raise _config(f"{top_k} experts for each token of {experts}", "correct it")
        if self.group_best is None or settings.get("n_group") in (None, 1):
            return Routing(experts, top_k)
        groups, used = _one(settings, ("n_group",), "groups"), _one(settings, ("topk_group",), "groups for each token")
        if used > groups or experts % groups:
            raise _config(f"{experts} experts in {groups} groups, {used} of them used", "correct it")
        return Routing(experts, top_k, groups, used, self.group_best)

    def layers(self, config: Mapping[str, Any]) -> int:
        """Number of decoder layers, dense ones included, extra layers not."""
        return _one(self.settings(config), ("num_hidden_layers",), "layers")

    def role(self, name: str, layers: int) -> Role | None:
        """What the tensor `name` is to the experts, in a model of `layers` decoder layers."""
        for regex, pattern, extra in self._names:
            if match := regex.fullmatch(name):
                found = match.groupdict()
                expert = None if "expert" not in found else int(found["expert"])
                return Role(int(found["layer"]) + (layers if extra else 0), found["part"], pattern, expert)
        return None

    def renamed(self, name: str, expert: int) -> str:
        """The name of the same tensor for another expert."""
        for regex, _, _ in self._names:
            if (match := regex.fullmatch(name)) and "expert" in regex.groupindex:
                return f"{name[: match.start('expert')]}{expert}{name[match.end('expert') :]}"
        raise ValueError(f"{name} belongs to no expert")

    def layer_of(self, name: str, layers: int) -> tuple[int, str] | None:
        """The layer a tensor lies in, counted as a plan does, and the rest of its name; None outside of layers.

        What belongs to extra layers as a whole lies in the first of them.
        """
        for tree, extra in self._trees:
            if match := _regex(f"{tree}.{{rest}}").fullmatch(name):
                return int(match["layer"]) + (layers if extra else 0), match["rest"]
        if self.extra is not None and self.extra.prefix is not None and name.startswith(self.extra.prefix):
            return layers, name
        return None

    def unknown(self, name: str, layers: int) -> bool:
        """Whether `name` lies among the experts of its layer and the adapter does not know what it is to them."""
        found = self.layer_of(name, layers)
        if found is None:
            return ".experts." in name
        return found[1].startswith(self.block) and not found[1].startswith(self.untouched)

    @cached_property
    def _trees(self) -> tuple[tuple[str, bool], ...]:
        """Where layers lie, and whether those are the extra ones, counted from 0 again."""
        own = tuple((tree, False) for tree in self.trees)
        return own if self.extra is None or self.extra.tree is None else (*own, (self.extra.tree, True))

    @cached_property
    def _names(self) -> tuple[tuple[re.Pattern[str], Pattern, bool], ...]:
        trees = ((tree, extra, pattern) for tree, extra in self._trees for pattern in self.patterns)
        return tuple((_regex(f"{tree}.{pattern.text}"), pattern, extra) for tree, extra, pattern in trees)


@cache
def _regex(text: str) -> re.Pattern[str]:
    groups = {
        "layer": f"(?P<layer>{_NUMBER})",
        "expert": f"(?P<expert>{_NUMBER})",
        "part": r"(?P<part>[A-Za-z_][\w.]*)",
        "rest": "(?P<rest>.+)",
    }
    pieces = re.split(r"\{(\w+)\}", text)
    return re.compile("".join(groups[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)))


def _one(settings: Mapping[str, Any], keys: tuple[str, ...], what: str) -> int:
    found = {key: settings[key] for key in keys if settings.get(key) is not None}
    values = list(found.values())
    if not found:
        raise _config(f"expected the number of {what} under {' or '.join(keys)}", "is this a mixture of experts?")
    if any(type(value) is not int or not 0 < value <= COUNT_MAX for value in values) or len(set(values)) > 1:
        raise _config(f"expected one whole number of {what} up to {COUNT_MAX}, got {shown(found)}", "correct it")
    return int(values[0])


def _config(fault: str, remedy: str) -> CheckpointError:
    return CheckpointError(CONFIG, fault, remedy)
