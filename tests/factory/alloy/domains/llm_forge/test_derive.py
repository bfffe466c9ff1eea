"""Stages from a target: what changes gets a stage, what is missing is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.domains.llm_forge.derive import DeriveError, derive
from tests.factory.alloy.examples import Value, forged, recipe, said
from tests.factory.alloy.gates.bundles import typed


def aiming(target: Value, **source: Any) -> Value:
    value = recipe() | {"stages": [], "target": target}
    value["source"] |= source
    return value


def test_everything_a_dense_target_can_ask_for() -> None:
    value = aiming(
        {
            "contextLength": 131072,
            "modalities": ["text"],
            "domain": "code",
            "pruneRatio": 0.25,
            "quantTypes": ["Q4_K_M"],
            "targetDevices": ["laptop"],
            "benchmarks": ["humaneval", {"name": "mmlu", "nShot": 5}],
            "deployTo": ["shelf"],
            "publish": {"org": "someone"},
        },
        contextLength=32768,
    )
    stages = derive(typed(value))
    assert stages == [
        {"type": "context-extend", "targetLength": 131072, "method": "yarn"},
        {"type": "prune", "strategy": "entropy", "level": 0.25},
        {"type": "train", "domain": "code"},
        {"type": "quant", "format": "gguf", "quantTypes": ["Q4_K_M"], "deviceTargets": ["laptop"]},
        {"type": "eval", "benchmarks": [{"name": "humaneval"}, {"name": "mmlu", "nShot": 5}]},
        {"type": "deploy", "target": "shelf"},
        {"type": "publish", "org": "someone"},
    ]
    assert said(value | {"stages": stages}) == []


@pytest.mark.parametrize(("target", "kept"), [({"experts": 40}, 40), ({"pruneRatio": 0.25}, 48)])
def test_a_mixture_of_experts_is_profiled_before_it_is_pruned(target: Value, kept: int) -> None:
    value = forged() | {"stages": [], "target": target}
    profile, prune = derive(typed(value))
    assert profile == {"type": "expert-activation-profile", "calibrationCorpus": "code-1"}
    assert (prune["type"], prune["keepExpertsPerLayer"]) == ("expert-prune", kept)
    assert said(value | {"stages": [profile, prune]}) == []


def test_what_the_source_has_already_needs_no_stage() -> None:
    assert derive(typed(aiming({"contextLength": 4096}, contextLength=8192))) == []
    assert derive(typed(aiming({"contextLength": 4096})))[0]["targetLength"] == 4096


@pytest.mark.parametrize(
    ("target", "source", "missing"),
    [
        ({"modalities": ["vision"]}, {}, "an encoder"),
        ({"experts": 8}, {}, "the source has none"),
        ({"pruneRatio": 0.5}, {"isMoE": True}, "numExpertsPerLayer"),
        ({"experts": 8}, {"isMoE": True}, "calibrationCorpora"),
        ({"publish": True}, {}, "organisation"),
        ({"deployTo": 3}, {}, "the name of a target"),
        ({"deployTo": [{}]}, {}, "the name of a target"),
    ],
)
def test_what_is_missing_is_asked_for_and_not_invented(target: Value, source: Value, missing: str) -> None:
    with pytest.raises(DeriveError, match=missing):
        derive(typed(aiming(target, **source)))


def test_without_a_target_there_is_nothing_to_derive() -> None:
    with pytest.raises(DeriveError, match="expected a target"):
        derive(typed(recipe()))
