"""What the commands of the forge print: rows of figures, aligned, and the same as plain objects for --json.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cadence.factory.estimate import TIERS, Estimate, Size
from cadence.factory.plan import Plan
from cadence.factory.profile.metrics import never_visited
from cadence.factory.profile.sums import Profile
from cadence.factory.ranking import Finding

LEFT_OUT = "-"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Lines of equal columns: the first to the left, figures to the right."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        columns = zip(row, widths, range(len(row)), strict=True)
        lines.append("  ".join(cell.ljust(w) if at == 0 else cell.rjust(w) for cell, w, at in columns).rstrip())
    return lines


def gigabytes(nbytes: int) -> str:
    """Bytes in 1e9, as disks are sold."""
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e8 else f"{nbytes / 1e6:.1f} MB"


def billions(parameters: int) -> str:
    """Parameters as models are named."""
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e8 else f"{parameters / 1e6:.1f}M"


def size_rows(found: Estimate, sizes: Sequence[Size]) -> list[str]:
    """An estimate, one line for each number of experts."""
    routing = found.routing
    groups = f", in {routing.groups} groups of which {routing.groups_used} are used" if routing.groups > 1 else ""
    lines = [
        f"{found.family.name}: {billions(found.parameters)} parameters, {billions(found.active)} active; "
        f"{len(found.moe_layers)} layers of {routing.experts} experts, {routing.top_k} for each token{groups}",
        f"{gigabytes(found.nbytes)} on disk; an expert is {gigabytes(found.expert_nbytes)} in {found.stored}",
    ]
    if found.extra_layers:
        lines.append(
            f"{len(found.extra_layers)} layer that predicts further on: nobody profiles it, and it is left out"
        )
    good = [size for size in sizes if size.fault is None]
    rows = [
        [f"keep {size.keep}", gigabytes(size.nbytes), f"{size.share:.1%}", billions(size.parameters)]
        + [gigabytes(size.tiers[tier]) for tier in TIERS]
        for size in good
    ]
    lines += ["", *table(["", "on disk", "of before", "parameters", *TIERS], rows)]
    return lines + [f"keep {size.keep}: {size.fault}" for size in sizes if size.fault is not None]


def size_object(found: Estimate, sizes: Sequence[Size]) -> dict[str, Any]:
    """An estimate for a program."""
    return {
        "family": found.family.name,
        "parameters": found.parameters,
        "active": found.active,
        "bytes": found.nbytes,
        "experts": found.routing.experts,
        "top_k": found.routing.top_k,
        "groups": found.routing.groups,
        "layers": len(found.moe_layers),
        "extra_layers": list(found.extra_layers),
        "stored": found.stored,
        "sizes": [
            {
                "keep": size.keep,
                "bytes": size.nbytes,
                "share": size.share,
                "parameters": size.parameters,
                "tiers": dict(size.tiers),
                "fault": size.fault,
            }
            for size in sizes
        ],
    }


def profile_rows(profile: Profile, sha256: str) -> list[str]:
    """What a profile is of."""
    subject, text = profile.subject, profile.text
    mix = ", ".join(f"{count} {domain}" for domain, count in sorted(text.mix.items()))
    done = "all" if profile.whole else " and ".join(f"{start} to {end}" for start, end in profile.done) or "none"
    rounded = f", weights rounded by {subject.quantised}" if subject.quantised else ""
    idle = sum(len(experts) for experts in never_visited(profile).values())
    checked = f"no passage in common with {text.benchmark_sha256[:16]}" if text.benchmark_sha256 else "not compared"
    return [
        f"profile {sha256}",
        f"of {subject.name} ({subject.family}), computed in {subject.dtype}{rounded}",
        f"{len(profile.layers)} layers of {subject.experts} experts, {subject.top_k} for each token",
        f"corpus {text.sha256}: {text.examples} examples, {text.tokens} tokens ({mix})",
        f"benchmark: {checked}",
        f"batches: {done} of {text.batches}, {text.batch} sequences of {text.length} tokens each",
        f"experts that no token went to: {idle}",
    ]


def profile_object(profile: Profile, sha256: str) -> dict[str, Any]:
    """The same for a program."""
    idle = {layer: list(experts) for layer, experts in never_visited(profile).items()}
    return {
        "kind": "profile",
        "sha256": sha256,
        "model": profile.subject.name,
        "family": profile.subject.family,
        "layers": sorted(profile.layers),
        "experts": profile.subject.experts,
        "top_k": profile.subject.top_k,
        "quantised": profile.subject.quantised,
        "corpus_sha256": profile.text.sha256,
        "examples": profile.text.examples,
        "tokens": profile.text.tokens,
        "mix": profile.text.mix,
        "benchmark_sha256": profile.text.benchmark_sha256,
        "whole": profile.whole,
        "never_visited": idle,
    }


def plan_rows(plan: Plan) -> list[str]:
    """What a plan keeps."""
    counts = sorted({len(kept) for kept in plan.keep.values()})
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    seed = f", seed {plan.seed}" if plan.seed is not None else ""
    loud = sum(len(experts) for experts in plan.protected.values())
    return [
        f"plan {plan.sha256}",
        f"for {plan.model} ({plan.family}): keeps {many} of {plan.experts_before} experts in {len(plan.keep)} layers",
        f"by {plan.metric}{seed}, from profile {plan.profile_sha256 or LEFT_OUT}; {loud} super-experts protected",
    ]


def plan_object(plan: Plan) -> dict[str, Any]:
    """The same for a program."""
    return {
        "kind": "plan",
        "sha256": plan.sha256,
        "model": plan.model,
        "family": plan.family,
        "metric": plan.metric,
        "seed": plan.seed,
        "profile_sha256": plan.profile_sha256,
        "experts_before": plan.experts_before,
        "uniform": plan.uniform,
        "layers": {layer: len(kept) for layer, kept in plan.keep.items()},
        "protected": {layer: list(experts) for layer, experts in plan.protected.items()},
    }


def finding_rows(found: Mapping[int, Finding]) -> list[str]:
    """What a plan does, layer by layer."""
    rows = [
        [f"layer {layer}", each.kept, each.traffic, each.weight, f"{each.margin:.3g}", len(each.never_visited)]
        for layer, each in found.items()
    ]
    return table(["", "kept", "of calls", "of g*|f|", "margin", "never asked"], rows)


def _cell(value: object) -> str:
    if value is None:
        return LEFT_OUT
    return f"{value:.1%}" if isinstance(value, float) else str(value)
