"""Stages from a target: an alloy that says only what should change gets the stages that change it.

Pure: no clock, no files. What cannot be known from the target (an encoder, an organisation, a corpus) is asked for by
name and never invented. The result is still to be validated with the alloy it is put into.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy, Target

__all__ = ["DeriveError", "derive"]

Stage = dict[str, Any]


class DeriveError(ValueError):
    """A target that does not say enough; the message says what is missing."""


def derive(alloy: ForgeAlloy) -> list[Stage]:
    """The stages that reach `alloy.target` from `alloy.source`, in the order of their phases; raises `DeriveError`."""
    target = alloy.target
    if target is None:
        raise DeriveError("expected a target, this alloy has none. Say what should change, or write its stages")
    return [*_context(alloy, target), *_surgery(alloy, target), *_training(target), *_delivery(target)]


def _context(alloy: ForgeAlloy, target: Target) -> Iterator[Stage]:
    added = [one for one in target.modalities or [] if one != "text"]
    if added:
        raise DeriveError(f"modalities: {added[0][:40]!r} needs an encoder. Write a `modality` stage that names it")
    wanted, given = target.context_length, alloy.origin.context_length
    if wanted is not None and (given is None or wanted > given):
        yield {"type": "context-extend", "targetLength": wanted, "method": "yarn"}


def _surgery(alloy: ForgeAlloy, target: Target) -> Iterator[Stage]:
    if target.prune_ratio is None and target.experts is None:
        return
    if not alloy.origin.is_moe:
        if target.prune_ratio is None:
            raise DeriveError("experts: the source has none (isMoE is false). Use pruneRatio")
        yield {"type": "prune", "strategy": "entropy", "level": target.prune_ratio}
        return
    kept = _experts_kept(alloy, target)
    if len(alloy.calibration_corpora) != 1:
        raise DeriveError("experts are chosen by one calibration corpus. Declare it in calibrationCorpora")
    corpus = alloy.calibration_corpora[0].id
    yield {"type": "expert-activation-profile", "calibrationCorpus": corpus}
    yield {
        "type": "expert-prune",
        "strategy": "calibration-aware-activation-count",
        "keepExpertsPerLayer": kept,
        "calibrationCorpus": corpus,
    }


def _experts_kept(alloy: ForgeAlloy, target: Target) -> int:
    if isinstance(target.experts, int) and not isinstance(target.experts, bool):
        return target.experts
    total = alloy.origin.num_experts_per_layer or alloy.origin.total_experts
    if total is None or target.prune_ratio is None:
        raise DeriveError("pruneRatio of experts needs numExpertsPerLayer in the source, or `experts`. Add one of them")
    return max(1, round(total * (1 - target.prune_ratio)))


def _training(target: Target) -> Iterator[Stage]:
    if target.domain is not None:
        yield {"type": "train", "domain": target.domain}


def _delivery(target: Target) -> Iterator[Stage]:
    if target.quant_types:
        devices = {"deviceTargets": target.target_devices} if target.target_devices else {}
        yield {"type": "quant", "format": "gguf", "quantTypes": target.quant_types, **devices}
    if target.benchmarks:
        named = [{"name": one} if isinstance(one, str) else one for one in target.benchmarks]
        yield {"type": "eval", "benchmarks": named}
    places = [target.deploy_to] if isinstance(target.deploy_to, str) else target.deploy_to or []
    if not isinstance(places, list) or not all(isinstance(one, str) for one in places):
        raise DeriveError("deployTo: expected the name of a target, or a list of names. Name where it shall run")
    yield from ({"type": "deploy", "target": one} for one in places)
    if target.publish:
        org = target.publish.get("org") if isinstance(target.publish, dict) else None
        if not isinstance(org, str):
            raise DeriveError(
                'publish: expected {"org": ...}, since somebody has to answer for it. Name the organisation'
            )
        yield {"type": "publish", **target.publish}
