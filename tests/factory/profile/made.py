"""Profiles without a model, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Sequence

from cadence.factory.profile.sums import UNITS, Layer, Profile, Subject, Tally, Text

TOP_K = 2


def units(values: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(value * UNITS) for value in values)


def tally(count: Sequence[int], gate_norm: Sequence[float], peak: Sequence[float] | None = None) -> Tally:
    """Every gate is 0.5, so that the norm is twice the weighted norm."""
    return Tally(
        count=tuple(count),
        gate=units([n / 2 for n in count]),
        norm=units([2 * value for value in gate_norm]),
        norm_sq=units([4 * value * value / n if n else 0.0 for value, n in zip(gate_norm, count, strict=True)]),
        gate_norm=units(gate_norm),
        peak=tuple(peak or [1.0] * len(count)),
    )


def profile(
    layers: dict[int, dict[str, Tally]],
    *,
    done: tuple[tuple[int, int], ...] = ((0, 4),),
    groups: int = 1,
    groups_used: int = 1,
    mix: dict[str, int] | None = None,
    top_k: int = TOP_K,
) -> Profile:
    """A profile of one tiny model; its tokens follow from the counts of its first layer."""
    first = next(iter(layers.values()))
    tokens = {domain: sum(tally.count) // top_k for domain, tally in first.items()}
    experts = len(next(iter(first.values())).count)
    rows = tuple(float(expert % 3) for expert in range(experts))
    flat = tuple(0.5 + expert / 100 for expert in range(experts))
    return Profile(
        subject=Subject(
            "olmoe", "tiny", "c" * 64, "float32", None, experts, top_k, groups, groups_used, 2 if groups > 1 else 1
        ),
        text=Text("d" * 64, 3, mix or tokens, length=8, batch=2, batches=4),
        done=done,
        tokens=tokens,
        layers={index: Layer(rows, flat, domains) for index, domains in layers.items()},
    )
