"""From scores to a plan: order the experts of each layer once, and cut the order where a size is asked for.

Layers are ranked by themselves, never against each other: expert 3 of one layer has nothing to do with expert 3 of
another. Equal scores go to the lower index. One order serves every size, so that a smaller plan is always a part of a
larger one of the same profile and metric.

An expert whose output peaks far above all others ("super-expert", arXiv 2507.23279) is kept whatever its score: models
that lose three of them begin to repeat themselves. By REAP's rule that is a peak above the 99.5th percentile of all
experts and above a tenth of the highest, in the first three quarters of the layers.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cadence.factory.anatomy import check_keep
from cadence.factory.families.base import Routing
from cadence.factory.plan import Plan, PlanError
from cadence.factory.profile.metrics import DEFAULT, WEIGHTS_ONLY, Scores, never_visited, scores
from cadence.factory.profile.sums import Profile

SUPER_PERCENTILE = 99.5
SUPER_SHARE_OF_HIGHEST = 0.1
SUPER_LAYERS = 0.75
MULTIPLE_ADVISED = 8

Experts = Mapping[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a plan does to one layer."""

    kept: int
    traffic: float | None  # share of all expert calls that the kept experts answered; None: no text was read
    weight: float | None  # the same for the sum of g * ||f||
    margin: float  # score of the worst kept minus that of the best dropped; below 0 where protection or groups decided
    never_visited: tuple[int, ...]


def order(found: Scores, protected: Experts | None = None) -> dict[int, tuple[int, ...]]:
    """The experts of each layer, best first: the protected ones, then by score, then by lower index."""

    def best_first(row: tuple[float, ...], first: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(range(len(row)), key=lambda expert: (expert not in first, -row[expert], expert)))

    return {layer: best_first(row, (protected or {}).get(layer, ())) for layer, row in found.items()}


def super_experts(profile: Profile) -> dict[int, tuple[int, ...]]:
    """The experts that no plan should drop, by layer; layers without any are left out."""
    layers = sorted(profile.layers)
    peaks = np.array([profile.layers[layer].total().peak for layer in layers])
    least = max(float(np.percentile(peaks, SUPER_PERCENTILE)), float(peaks.max()) * SUPER_SHARE_OF_HIGHEST)
    found = {}
    for layer, row in zip(layers[: max(1, int(len(layers) * SUPER_LAYERS))], peaks, strict=False):
        if experts := tuple(int(expert) for expert in np.flatnonzero(row > least)):
            found[layer] = experts
    return found


def choose(orders: Experts, routing: Routing, keep: int | Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    """The experts that stay, ascending: the first of each order, as many from each group where there are groups.

    `keep` is one number, or one for each layer. PlanError where the router could not choose among them.
    """
    counts = dict.fromkeys(orders, keep) if isinstance(keep, int) else dict(keep)
    if set(counts) != set(orders):
        odd = min(set(counts) ^ set(orders))
        raise PlanError(f"expected a number of experts for each of {len(orders)} layers; layer {odd} is odd")
    chosen = {}
    for layer, best_first in orders.items():
        count = counts[layer]
        if not 0 < count < routing.experts:
            raise PlanError(
                f"layer {layer}: expected to keep 1 to {routing.experts - 1} of {routing.experts}, not {count}"
            )
        if count % routing.groups:
            raise PlanError(
                f"layer {layer}: the router has {routing.groups} groups that must stay equal; keep a multiple of "
                f"{routing.groups}, such as {count - count % routing.groups or routing.groups}, not {count}"
            )
        size, each = routing.experts // routing.groups, count // routing.groups
        groups = [[expert for expert in best_first if expert // size == group] for group in range(routing.groups)]
        chosen[layer] = tuple(sorted(expert for group in groups for expert in group[:each]))
        check_keep(layer, chosen[layer], routing)
    return chosen


def make_plan(
    profile: Profile,
    keep: int | Mapping[int, int],
    *,
    metric: str = DEFAULT,
    seed: int = 0,
    domain: str | None = None,
    protect: bool = True,
) -> Plan:
    """A plan that keeps `keep` experts in each layer. PlanError, ProfileError: what is wrong with the wish."""
    protected = super_experts(profile) if protect and metric not in WEIGHTS_ONLY else {}
    orders = order(scores(profile, metric, seed=seed, domain=domain), protected)
    chosen = choose(orders, profile.subject.routing, keep)
    for layer, experts in protected.items():
        if lost := sorted(set(experts) - set(chosen[layer])):
            raise PlanError(
                f"layer {layer} has {len(experts)} super-experts and keeps {len(chosen[layer])}; expert {lost[0]} "
                "would go: keep more, or plan without protection"
            )
    return Plan(
        family=profile.subject.family,
        model=profile.subject.name,
        experts_before=profile.subject.experts,
        keep=chosen,
        metric=metric if domain is None else f"{metric} on {domain}",
        profile_sha256=profile.sha256,
        seed=seed if metric == "random" else None,
        protected=protected,
    )


def findings(profile: Profile, plan: Plan, found: Scores) -> dict[int, Finding]:
    """What the plan does to each layer, by the profile it was made from and the scores it was made by."""
    idle = never_visited(profile) if profile.done else {}
    report = {}
    for layer, kept in plan.keep.items():
        total, row = profile.layers[layer].total(), found[layer]
        dropped = set(range(plan.experts_before)) - set(kept)
        report[layer] = Finding(
            kept=len(kept),
            traffic=_share(total.count, kept),
            weight=_share(total.gate_norm, kept),
            margin=min(row[expert] for expert in kept) - max(row[expert] for expert in dropped),
            never_visited=idle.get(layer, ()),
        )
    return report


def advice(plan: Plan, routing: Routing) -> list[str]:
    """What would make the result easier to serve, in sentences; empty where nothing would."""
    said = []
    if plan.uniform is None:
        said.append("layers keep different numbers of experts: neither transformers nor vLLM can load that")
    elif (each := plan.uniform // routing.groups) % MULTIPLE_ADVISED:
        where = "in each group " if routing.groups > 1 else ""
        lower, upper = (each // MULTIPLE_ADVISED + step for step in (0, 1))
        sizes = [f * MULTIPLE_ADVISED * routing.groups for f in (lower, upper)]
        better = " or ".join(str(size) for size in sizes if routing.top_k <= size < routing.experts)
        if better:
            said.append(
                f"{each} {where}is no multiple of {MULTIPLE_ADVISED}, so experts divide badly among devices and "
                f"kernels: {better} would serve better"
            )
    return said


def _share(values: tuple[int, ...], kept: tuple[int, ...]) -> float | None:
    total = sum(values)
    return sum(values[expert] for expert in kept) / total if total else None
