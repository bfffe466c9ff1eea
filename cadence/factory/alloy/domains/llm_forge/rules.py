"""What must be true across the fields of a forged model's alloy.

Pure: no clock, no files. An error is arithmetic that cannot be; a warning is a claim that is odd or counts for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.experts import ExpertActivationProfile, ExpertPrune
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.sizes import BITS, fits_estimate, size_gb
from cadence.factory.alloy.domains.llm_forge.training import Compact, Quant
from cadence.factory.alloy.problems import Problem

TENSORS_PER_EXPERT = 3  # gate, up and down projection
ROUNDING = 0.051  # published figures have one decimal; binary fractions add a hair
THREE_ROUNDINGS = 3 * 0.05 + 0.001  # both scores and their difference were rounded, each from exact figures
THRESHOLDS = ("dead_threshold", "dormant_threshold", "low_threshold", "medium_threshold", "high_threshold")


def something_to_do(alloy: ForgeAlloy) -> Iterator[Problem]:
    """Stages, or a target from which they are derived."""
    if not alloy.stages and alloy.target is None:
        why = "An alloy without stages says nothing to do unless `target` says what should change"
        yield Problem(("stages",), "expected at least one stage, got none", why, "Add a stage, or a target")


def expert_counts(alloy: ForgeAlloy) -> Iterator[Problem]:
    """prunePct, expertsDropped, expertsRenamed and routerSlicedLayers follow from layers, experts before and kept."""
    for number, stage in enumerate(alloy.stages):
        if not isinstance(stage, ExpertPrune):
            continue
        at: Path = ("stages", number)
        if stage.keep is None:
            why = "Without it nobody knows how many experts stay"
            yield Problem(at, "expected keepExpertsPerLayer, it is missing", why, "Add keepExpertsPerLayer")
        elif stage.keep_experts and stage.keep_experts_per_layer not in (None, stage.keep_experts):
            why = "They are two spellings of one number"
            what = f"keepExperts is {stage.keep_experts}, keepExpertsPerLayer {stage.keep_experts_per_layer}"
            yield Problem((*at, "keepExperts"), what, why, "Remove keepExperts, the older spelling")
        else:
            yield from _expert_arithmetic(alloy, stage, at)


def _expert_arithmetic(alloy: ForgeAlloy, stage: ExpertPrune, at: Path) -> Iterator[Problem]:
    before = stage.original_experts_per_layer or alloy.origin.num_experts_per_layer
    layers, sliced = alloy.origin.num_layers, stage.router_sliced_layers
    if layers is None or _has_dense_layers(alloy, stage):
        layers = sliced
    kept = stage.keep
    assert kept is not None
    if before is None:
        return
    if kept >= before:
        what = f"expected fewer experts than the {before} there are, got {kept}"
        yield Problem((*at, "keepExpertsPerLayer"), what, "There would be nothing to prune", "Lower it")
        return
    active = alloy.origin.num_activated_experts
    if active is not None and kept < active:
        what = f"expected at least the {active} experts a token uses, got {kept}"
        yield Problem((*at, "keepExpertsPerLayer"), what, "The router chooses that many", "Raise it")
    wanted: dict[str, tuple[float | None, float, str]] = {
        "prunePct": (stage.prune_pct, 100 * (before - kept) / before, "100 * (before - kept) / before")
    }
    if layers is not None and not _fused(alloy, stage):
        dropped = layers * (before - kept) * TENSORS_PER_EXPERT
        renamed = layers * kept * TENSORS_PER_EXPERT
        wanted["expertsDropped"] = (stage.experts_dropped, dropped, "layers * (before - kept) * 3 tensors")
        wanted["expertsRenamed"] = (stage.experts_renamed, renamed, "layers * kept * 3 tensors")
    if alloy.origin.num_layers is not None and not _has_dense_layers(alloy, stage):
        wanted["routerSlicedLayers"] = (sliced, alloy.origin.num_layers, "numLayers")
    for key, (given, right, rule) in wanted.items():
        if given is not None and abs(given - right) > ROUNDING:
            fix = f"Write {right:g}, or correct the numbers it follows from"
            yield Problem((*at, key), f"expected {right:g}, got {given:g}", f"It is {rule}", fix)


def _fused(alloy: ForgeAlloy, stage: ExpertPrune) -> bool:
    """Do all experts of a layer share their tensors, so that none is dropped or renamed?"""
    return "fused" in (stage.expert_tensor_layout or "").split("-") or alloy.origin.architecture.startswith("granite")


def _has_dense_layers(alloy: ForgeAlloy, stage: ExpertPrune) -> bool:
    """Some families begin with layers that have no router."""
    shared = stage.expert_tensor_layout == "deepseek-routed-shared"
    return shared or alloy.origin.architecture.startswith("deepseek")


def thresholds_ascend(alloy: ForgeAlloy) -> Iterator[Problem]:
    """Each threshold of `compact` lies strictly above the one before; defaults count."""
    for number, stage in enumerate(alloy.stages):
        if isinstance(stage, Compact):
            values = [getattr(stage, name) for name in THRESHOLDS]
            for low, high in zip(range(4), range(1, 5), strict=True):
                if values[low] >= values[high]:
                    key = Compact.model_fields[THRESHOLDS[high]].alias or ""
                    what = f"expected more than {values[low]:g}, got {values[high]:g}"
                    why = "Each class of precision needs a range of its own, from dead to high"
                    yield Problem(("stages", number, key), what, why, "Let the five thresholds ascend")


def known_quant_types(alloy: ForgeAlloy) -> Iterator[Problem]:
    """Names of quantisations that llama.cpp has."""
    for number, stage in enumerate(alloy.stages):
        if isinstance(stage, Quant) and stage.format == "gguf":
            for index, name in enumerate(stage.quant_types):
                if name not in BITS:
                    what = f"{name[:40]!r} is not a known GGUF type"
                    why, fix = "No size can be computed for it", f"Use one of {', '.join(sorted(BITS))}"
                    yield Problem(("stages", number, "quantTypes", index), what, why, fix, level="warning")


def tier_sizes(alloy: ForgeAlloy) -> Iterator[Problem]:
    """The stated size of a quantised file is near what its parameters and bits give."""
    params = alloy.results.forged_params_b if alloy.results else None
    for number, stage in enumerate(alloy.stages):
        for name in stage.tiers or {} if isinstance(stage, Quant) and params else ():
            tier = stage.tier(name) if isinstance(stage, Quant) else None
            stated = tier.size_gb if tier else None
            if stated is not None and params and fits_estimate(stated, params, name) is False:
                what = f"{stated:g} GB for {params:g} thousand million parameters in {name[:20]}"
                why = f"The bits of this type give about {size_gb(params, name):.1f} GB"
                at = ("stages", number, "tiers", name, "sizeGb")
                yield Problem(at, what, why, "Measure the file again", level="warning")


def benchmark_deltas(alloy: ForgeAlloy) -> Iterator[Problem]:
    """delta = score - baseScore, and no name measured twice under one metric."""
    seen: set[tuple[str, str | None, str | None]] = set()
    for number, one in enumerate(alloy.results.benchmarks if alloy.results else []):
        at: Path = ("results", "benchmarks", number)
        if one.score is not None and one.base_score is not None and one.delta is not None:
            right = one.score - one.base_score
            points = max(abs(one.score), abs(one.base_score)) > 1
            if not math.isclose(one.delta, right, abs_tol=THREE_ROUNDINGS if points else THREE_ROUNDINGS / 100):
                what = f"expected {right:.4g}, got {one.delta:g}"
                yield Problem((*at, "delta"), what, "It is score - baseScore", "Recompute it from the two scores")
        key = (one.name, one.subset, one.metric)
        if key in seen:
            what = f"the benchmark {one.name[:40]!r} stands here twice"
            why, fix = "A reader could pick either number", "Keep one, or give them a metric each"
            yield Problem(at, what, why, fix, level="warning")
        seen.add(key)


def improvement(alloy: ForgeAlloy) -> Iterator[Problem]:
    """improvementPct = (baseline - final) / baseline * 100."""
    found = alloy.results
    if found is None or found.improvement_pct is None or not found.baseline_perplexity:
        return
    if found.final_perplexity is None:
        return
    right = 100 * (found.baseline_perplexity - found.final_perplexity) / found.baseline_perplexity
    # Perplexities are rounded to two decimals before they are written, the percentage was computed from the exact ones.
    slack = ROUNDING + 100 * 0.01 / found.baseline_perplexity
    if abs(found.improvement_pct - right) > slack:
        what = f"expected {right:.1f}, got {found.improvement_pct:g}"
        why = "It is (baseline - final) / baseline * 100"
        yield Problem(("results", "improvementPct"), what, why, "Recompute it from the two perplexities")


def active_parameters(alloy: ForgeAlloy) -> Iterator[Problem]:
    """Pruning experts does not change how many a token uses."""
    before, found = alloy.origin.active_params_b, alloy.results
    pruned = any(isinstance(stage, ExpertPrune) for stage in alloy.stages)
    if pruned and found and before is not None and found.active_params_b is not None:
        if abs(found.active_params_b - before) > ROUNDING:
            what = f"{found.active_params_b:g} thousand million active parameters after, {before:g} before"
            why = "Pruning experts leaves the number a token uses as it was"
            yield Problem(("results", "activeParamsB"), what, why, "Measure both again", level="warning")


def named_corpora(alloy: ForgeAlloy) -> Iterator[Problem]:
    """A profile names a corpus that the alloy declares. Only a warning here: the gate on corpora is what refuses."""
    declared = {corpus.id for corpus in alloy.calibration_corpora}
    for number, stage in enumerate(alloy.stages):
        if isinstance(stage, ExpertActivationProfile) and stage.calibration_corpus not in declared:
            what = f"the corpus {stage.calibration_corpus[:60]!r} is not in calibrationCorpora"
            why = "Nobody can tell what steered the pruning"
            fix = "Declare it with id, path, sha256, tokens and distributionSummary"
            yield Problem(("stages", number, "calibrationCorpus"), what, why, fix, level="warning")


RULES = (
    something_to_do,
    expert_counts,
    thresholds_ascend,
    known_quant_types,
    tier_sizes,
    benchmark_deltas,
    improvement,
    active_parameters,
    named_corpora,
)
