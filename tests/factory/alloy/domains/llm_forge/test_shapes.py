"""The stage types and root fields of the forge: required, ranges, defaults, as requirements A9 to A46 state them."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.domains.llm_forge import DOMAIN
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.roundtrip import round_trip
from tests.factory.alloy.examples import Value, forged, loaded, recipe, said

# A stage with only what it must have, and changes that must be refused.
STAGES: list[tuple[Value, list[Value]]] = [
    ({"type": "source-config"}, [{"contextLength": 0}, {"targetDevices": "all"}]),
    ({"type": "context-extend", "targetLength": 1024, "method": "yarn"}, [{"targetLength": 1023}, {"method": "rope"}]),
    (
        {"type": "modality", "modality": "vision", "encoderModel": "a/b"},
        [{"projectionArch": "conv"}, {"freezeBase": 1}],
    ),
    (
        {"type": "prune", "strategy": "entropy", "level": 0.9},
        [{"level": 0.91}, {"level": -0.1}, {"analysisSteps": 9}, {"defragMode": "drop"}, {"strategy": "luck"}],
    ),
    (
        {"type": "train"},
        [{"steps": 0}, {"batchSize": 65}, {"gradientAccumulation": 17}, {"warmupRatio": 1.1}, {"maxGradientNorm": 11}]
        + [{"sequenceLength": 127}, {"sequenceLength": 131073}, {"optimizations": ["magic"]}, {"scheduler": "x"}],
    ),
    (
        {"type": "lora"},
        [{"rank": 257}, {"alpha": 513}, {"dropout": 2}, {"quantizeBits": 3}, {"epochs": 21}, {"learningRate": 1e-4}],
    ),
    ({"type": "compact"}, [{"deadThreshold": 1.5}, {"targetSizeGb": 0.05}]),
    ({"type": "quant", "format": "gguf", "quantTypes": ["Q8_0"]}, [{"format": "zip"}, {"quantTypes": "Q8_0"}]),
    (
        {"type": "eval", "benchmarks": [{"name": "humaneval"}]},
        [{"benchmarks": [{}]}, {"passingThreshold": 101}, {"benchmarks": [{"name": "x", "nShot": -1}]}],
    ),
    ({"type": "publish", "org": "o"}, [{"org": ""}, {"private": "no"}]),
    ({"type": "deliver"}, [{"org": 3}]),
    ({"type": "package", "format": "zip"}, [{"includeTokenizer": "yes"}]),
    ({"type": "deploy", "target": "t"}, [{"maxConcurrency": 0}]),
    ({"type": "recover"}, [{"method": "prayer"}]),
    ({"type": "expert-activation-profile", "calibrationCorpus": "c"}, [{"metric": "vibes"}, {"maxLength": 127}]),
    ({"type": "expert-prune", "keepExpertsPerLayer": 2}, [{"keepExpertsPerLayer": 0}, {"expertTensorLayout": "x"}]),
    (
        {"type": "compensation-lora", "teacher": "t", "calibrationCorpus": "c", "lossType": "kl_logits"},
        [{"lossType": "l1"}, {"kdTemperature": -1}, {"loraRank": 0}, {"teacherQuant": "2bit"}],
    ),
    (
        {"type": "many-worlds-substrate", "sourceModels": ["a"], "calibrationCorpus": "c"},
        [{"substrateDim": 63}, {"numGaussians": 1025}, {"trainingSteps": 99}, {"lossType": "x"}],
    ),
    (
        {"type": "many-worlds-adapter", "targetModel": "a", "substratePath": "p"},
        [{"adapterRank": 7}, {"trainingSteps": 10001}],
    ),
    ({"type": "team-search", "searchPool": ["a"], "benchmark": "b"}, [{"numProblems": -1}]),
    (
        {"type": "many-worlds-ensemble", "targetModel": "a", "specialists": ["b"]},
        [{"alpha": 1.5}, {"topK": 0}, {"method": "vote"}, {"blendStrategy": "x"}],
    ),
    ({"type": "gate-profile", "benchmark": "b"}, [{"perSpecialistContribution": {"a": "b"}}]),
    ({"type": "population-prune"}, [{"removedModels": [1]}]),
    ({"type": "cv-ingest", "dataset": "d"}, [{"maxSequences": 0}]),
    ({"type": "cv-eval", "pipeline": "p"}, [{"benchmarks": [{"nShot": 1}]}]),
]
TYPES = [stage["type"] for stage, _ in STAGES]


def with_stage(stage: Value) -> Value:
    return recipe() | {"stages": [stage]}


def test_every_type_of_the_domain_is_covered_here() -> None:
    assert sorted(TYPES) == sorted(DOMAIN.types)


@pytest.mark.parametrize(("stage", "refused"), STAGES, ids=TYPES)
def test_a_stage_needs_only_what_is_required_and_refuses_what_is_out_of_range(
    stage: Value, refused: list[Value]
) -> None:
    assert said(with_stage(stage)) == []
    assert said(with_stage(stage | {"anything": {"else": None}, "notes": "a quote"})) == []
    for key in stage:
        value = with_stage({other: kept for other, kept in stage.items() if other != key})
        assert len(said(value)) == 1, key
    for change in refused:
        (problem,) = said(with_stage(stage | change))
        assert problem.startswith(f"stages[0].{next(iter(change))}"), problem


def test_defaults_are_those_of_the_contract_and_are_never_written() -> None:
    alloy = loaded(with_stage({"type": "lora"})).alloy
    stage: Any = alloy.stages[0] if alloy else None
    assert (stage.rank, stage.dropout, stage.epochs, stage.target_modules) == (
        32,
        0.05,
        3,
        ["q_proj", "k_proj", "v_proj", "o_proj"],
    )
    assert stage.model_fields_set == {"type"}


@pytest.mark.parametrize(
    "change",
    [
        {"source": {"baseModel": "a/b"}},
        {"source": {"baseModel": "", "architecture": "x"}},
        {"hardware": {"minVramGb": -1}},
        {"outputs": {"produces": [{"type": "exe"}]}},
        {"search": {"quickEvalChunks": 51}},
        {"searchStrategy": {"method": "dice"}},
        {"results": {"benchmarks": [{"score": 3}]}},
        {"results": {"benchmarks": [{"name": "x", "unit": "points"}]}},
        {"results": {"hardwareVerified": [{"vramGb": 8}]}},
        {"results": {"samples": [{"label": "l", "prompt": "p"}]}},
        {"calibrationCorpora": [{"path": "p"}]},
        {"acceptanceCriteria": {"benchmarks": {"x": {"min": 60}}}},
        {"acceptanceCriteria": {"benchmarks": {"x": {}}}},
        {"priorMetricBaselines": [{"outcome": "lost"}]},
        {"workloadType": "mine"},
    ],
)
def test_root_fields_out_of_shape_are_refused(change: Value) -> None:
    assert len(said(recipe() | change)) == 1


def test_fields_that_programs_once_dropped_are_read() -> None:
    alloy = loaded(forged() | {"hardware": {"deviceTargets": ["phone"]}}).alloy
    assert isinstance(alloy, ForgeAlloy) and alloy.results is not None and alloy.hardware is not None
    one = alloy.results.benchmarks[0]
    assert (alloy.results.forged_params_b, alloy.results.active_params_b) == (5.31, 1.3)
    assert (one.score, one.base_score, one.delta, one.metric) == (90.0, 96.0, -6.0, "pass@1")
    assert one.result_hash and one.samples_path and alloy.hardware.device_targets == ["phone"]


def test_a_tolerance_in_words_and_an_architecture_of_any_family_are_read() -> None:
    value = forged()
    value["stages"][3]["calibrationAnchor"]["tolerance"] = "n/a"
    value["source"]["architecture"] = "a_family_of_tomorrow"
    assert said(value) == []


@pytest.mark.parametrize("score", ["not published", {"humaneval": 95.0}, 95, None])
def test_an_anchor_in_an_older_form_is_read_and_kept(score: object) -> None:
    value = forged()
    value["stages"][3]["calibrationAnchor"] |= {"publishedScore": score, "passed": "n/a"}
    assert said(value) == []
    assert round_trip(loaded(value)).outcome == "bytes"


def test_tiers_in_an_older_form_are_read_and_say_nothing() -> None:
    value = forged()
    value["stages"][2]["tiers"] = {"Q5_K_M": {"sizeGb": 3.6}, "Q8_0": "24 GB", "Q4_K_M": {"sizeGb": "small"}}
    alloy = loaded(value).alloy
    stage: Any = alloy.stages[2] if alloy else None
    assert (stage.tier("Q5_K_M").size_gb, stage.tier("Q8_0"), stage.tier("Q4_K_M"), stage.tier("F16")) == (3.6,) + (
        None,
    ) * 3


def test_the_domain_owns_its_stages_and_knows_their_phases() -> None:
    assert {stage for stage in DOMAIN.types if DOMAIN.phase(stage) == "input"} == {
        "source-config",
        "context-extend",
        "modality",
    }
    assert {stage for stage in DOMAIN.types if DOMAIN.phase(stage) == "delivery"} == {
        "quant",
        "package",
        "eval",
        "deliver",
        "publish",
        "deploy",
    }
    assert DOMAIN.phase("prune") == DOMAIN.phase("many-worlds-ensemble") == "transform"


def test_an_alloy_says_what_to_do_by_stages_or_by_a_target() -> None:
    assert said(recipe() | {"stages": []}) == ["stages: expected at least one stage, got none"]
    assert said(recipe() | {"stages": [], "target": {"contextLength": 131072}}) == []
