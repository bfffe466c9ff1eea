"""How much an expert matters: every metric is a function of a profile, and of a seed where it is chance.

    reap             mean of g * ||f|| over the tokens routed to the expert (arXiv 2510.13999): the default. A mean does
                     not care how often an expert is asked, so a seldom but strong voice stays
    weighted_ean     sum of g * ||f||: best where the corpus is the workload
    ean              sum of ||f||
    count            how often the expert was asked
    router_l2        norm of its router row: no text needed, a baseline
    aimer            minus mean |w| over root mean square of w: no text needed, peaky weights stay (arXiv 2603.18492)
    random           a baseline, by seed

Where a text has several domains, a sum would follow the largest of them. So sums are divided, in each domain, by their
layer's total, and each domain has one vote. An expert that was never asked scores 0.

Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from cadence.factory.profile.sums import UNITS, Layer, Profile, ProfileError, by_domain

DEFAULT = "reap"

Scores = dict[int, tuple[float, ...]]


def scores(profile: Profile, metric: str = DEFAULT, *, seed: int = 0, domain: str | None = None) -> Scores:
    """The score of each expert of each layer, higher stays; by all domains of the profile, or by one of them.

    ProfileError where the metric is not known, the domain is not in the text, the profile is not whole, or the metric
    needs weights that were packed.
    """
    if metric not in METRICS:
        raise ProfileError(f"expected a metric of {', '.join(METRICS)}, got {metric!r}")
    if domain is not None and domain not in profile.text.mix:
        raise ProfileError(f"expected a domain of {', '.join(sorted(profile.text.mix))}, got {domain!r}")
    if not profile.whole and metric not in WEIGHTS_ONLY:
        raise ProfileError(
            f"the profile holds only batches {list(profile.done)} of {profile.text.batches}: join its parts, or resume"
        )
    found: Scores = {}
    for index, layer in sorted(profile.layers.items()):
        chosen = layer if domain is None else Layer(layer.router_l2, layer.aimer, {domain: layer.domains[domain]})
        try:
            found[index] = METRICS[metric](chosen, index, seed)
        except LookupError as missing:
            raise ProfileError(f"layer {index} has no {missing} in this profile; choose another metric") from None
    return found


def never_visited(profile: Profile) -> dict[int, tuple[int, ...]]:
    """The experts of each layer that no token was routed to; layers without any are left out."""
    found = {}
    for index, layer in sorted(profile.layers.items()):
        if idle := tuple(expert for expert, count in enumerate(layer.total().count) if not count):
            found[index] = idle
    return found


def _reap(layer: Layer, index: int, seed: int) -> tuple[float, ...]:
    total = layer.total()
    pairs = zip(total.gate_norm, total.count, strict=True)
    return tuple(units / (count * UNITS) if count else 0.0 for units, count in pairs)


def _shares(field: str) -> Callable[[Layer, int, int], tuple[float, ...]]:
    def score(layer: Layer, index: int, seed: int) -> tuple[float, ...]:
        columns = [_share(values) for values in by_domain(layer, field).values()]
        return tuple(sum(shares) / len(columns) for shares in zip(*columns, strict=True))

    return score


def _share(values: Sequence[int]) -> list[float]:
    total = sum(values)
    return [value / total if total else 0.0 for value in values]


def _router_l2(layer: Layer, index: int, seed: int) -> tuple[float, ...]:
    if layer.router_l2 is None:
        raise LookupError("router norms")
    return layer.router_l2


def _aimer(layer: Layer, index: int, seed: int) -> tuple[float, ...]:
    if layer.aimer is None:
        raise LookupError("weight statistics (AIMER)")
    return tuple(-value for value in layer.aimer)


def _random(layer: Layer, index: int, seed: int) -> tuple[float, ...]:
    experts = len(next(iter(layer.domains.values())).count)
    drawn = (hashlib.sha256(f"{seed}/{index}/{expert}".encode()).digest() for expert in range(experts))
    return tuple(int.from_bytes(digest[:6]) / 2**48 for digest in drawn)


METRICS: dict[str, Callable[[Layer, int, int], tuple[float, ...]]] = {
    "reap": _reap,
    "weighted_ean": _shares("gate_norm"),
    "ean": _shares("norm"),
    "count": _shares("count"),
    "router_l2": _router_l2,
    "aimer": _aimer,
    "random": _random,
}
WEIGHTS_ONLY = ("router_l2", "aimer", "random")
