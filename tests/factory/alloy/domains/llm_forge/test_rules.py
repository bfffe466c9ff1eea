"""Arithmetic across the fields of a forged model."""

from __future__ import annotations

import pytest

from tests.factory.alloy.examples import Value, forged, recipe, said

AT = "stages[1]"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"prunePct": 35.0}, "prunePct: expected 25, got 35"),
        ({"expertsDropped": 256}, "expertsDropped: expected 768, got 256"),
        ({"expertsRenamed": 2305}, "expertsRenamed: expected 2304, got 2305"),
        ({"routerSlicedLayers": 15}, "routerSlicedLayers: expected 16, got 15"),
        ({"keepExpertsPerLayer": 64}, "keepExpertsPerLayer: expected fewer experts than the 64 there are, got 64"),
        ({"keepExperts": 47}, "keepExperts: keepExperts is 47, keepExpertsPerLayer 48"),
    ],
)
def test_the_counts_of_a_prune_follow_from_each_other(change: Value, problem: str) -> None:
    value = forged()
    value["stages"][1] |= change
    assert said(value) == [f"{AT}.{problem}"]


def test_the_older_spelling_counts_the_same() -> None:
    value = forged()
    stage = value["stages"][1]
    stage["keepExperts"] = stage.pop("keepExpertsPerLayer")
    assert said(value) == []
    stage["expertsDropped"] = 1
    assert said(value) == [f"{AT}.expertsDropped: expected 768, got 1"]
    del stage["keepExperts"]
    assert said(value) == [f"{AT}: expected keepExpertsPerLayer, it is missing"]


def test_a_router_needs_as_many_experts_as_a_token_uses() -> None:
    value = forged()
    value["stages"][1] = {"type": "expert-prune", "keepExpertsPerLayer": 7}
    assert said(value) == [f"{AT}.keepExpertsPerLayer: expected at least the 8 experts a token uses, got 7"]


def test_both_published_sets_of_counts_are_right() -> None:
    value = forged()
    value["source"] |= {"numLayers": 48, "numExpertsPerLayer": 128}
    value["stages"][1] |= {"keepExpertsPerLayer": 80, "originalExpertsPerLayer": 128, "prunePct": 37.5}
    value["stages"][1] |= {"expertsDropped": 6912, "expertsRenamed": 11520, "routerSlicedLayers": 48}
    assert said(value) == []


@pytest.mark.parametrize(
    ("source", "stage"),
    [
        ({"architecture": "granite"}, {}),
        ({}, {"expertTensorLayout": "granite-moe-fused"}),
    ],
)
def test_fused_experts_have_no_tensors_of_their_own_to_count(source: Value, stage: Value) -> None:
    value = forged()
    value["source"] |= source
    value["stages"][1] |= {"expertsDropped": 32, "expertsRenamed": 0, **stage}
    assert said(value) == []
    value["stages"][1]["prunePct"] = 20
    assert said(value) == [f"{AT}.prunePct: expected 25, got 20"]


def test_layers_without_router_are_not_counted_in_families_that_have_them() -> None:
    value = forged()
    value["stages"][1] |= {"routerSlicedLayers": 15, "expertsDropped": 720, "expertsRenamed": 2160}
    assert len(said(value)) == 3
    value["source"]["architecture"] = "deepseek_v2"
    assert said(value) == []


@pytest.mark.parametrize(
    ("thresholds", "wrong"),
    [
        ({}, None),
        ({"deadThreshold": 0.2}, "dormantThreshold"),
        ({"lowThreshold": 0.5}, "mediumThreshold"),
        ({"highThreshold": 0.4}, "highThreshold"),
        ({"deadThreshold": 0.0, "dormantThreshold": 0.001, "highThreshold": 1.0}, None),
    ],
)
def test_thresholds_ascend_strictly_defaults_included(thresholds: Value, wrong: str | None) -> None:
    found = said(recipe() | {"stages": [{"type": "compact", **thresholds}]})
    assert [one.split(":")[0] for one in found] == ([f"stages[0].{wrong}"] if wrong else [])


def test_a_delta_is_the_difference_of_its_scores() -> None:
    value = forged()
    value["results"]["benchmarks"][0]["delta"] = 6.0
    assert said(value) == ["results.benchmarks[0].delta: expected -6, got 6"]
    value["results"]["benchmarks"][0] |= {"score": 0.85, "baseScore": 0.88, "delta": -0.04}
    assert said(value) == ["results.benchmarks[0].delta: expected -0.03, got -0.04"]
    value["results"]["benchmarks"][0] |= {"score": 85.4, "baseScore": 88.4, "delta": -3.0}
    assert said(value) == []


def test_one_benchmark_measured_twice_is_ambiguous() -> None:
    value = forged()
    value["results"]["benchmarks"] *= 2
    assert said(value, "warning") == ["results.benchmarks[1]: the benchmark 'humaneval' stands here twice"]
    value = forged()
    value["results"]["benchmarks"].append({"name": "humaneval", "metric": "pass@10", "score": 99.0})
    assert said(value, "warning") == []


@pytest.mark.parametrize(
    ("base", "final", "percent", "right"),
    [(3.0382, 2.3487, 22.7, True), (3.04, 2.47, 18.7, True), (3.04, 2.31, 24.0, True), (3.04, 2.47, -18.7, False)],
)
def test_the_improvement_follows_from_the_perplexities(base: float, final: float, percent: float, right: bool) -> None:
    results = {"baselinePerplexity": base, "finalPerplexity": final, "improvementPct": percent}
    assert (said(recipe() | {"results": results}) == []) is right


def test_without_all_three_numbers_nothing_follows() -> None:
    for results in ({"improvementPct": 5}, {"baselinePerplexity": 0, "finalPerplexity": 1, "improvementPct": 5}):
        assert said(recipe() | {"results": results}) == []


def test_fewer_experts_are_not_fewer_active_parameters() -> None:
    value = forged()
    value["results"]["activeParamsB"] = 1.0
    assert said(value) == []
    assert said(value, "warning") == ["results.activeParamsB: 1 thousand million active parameters after, 1.3 before"]


def test_an_undeclared_corpus_is_odd() -> None:
    value = forged()
    del value["calibrationCorpora"]
    assert said(value, "warning") == ["stages[0].calibrationCorpus: the corpus 'code-1' is not in calibrationCorpora"]


def test_an_unknown_quantisation_is_odd() -> None:
    value = recipe()
    value["stages"][2]["quantTypes"] = ["Q4_K_M", "Q4_K_XXL"]
    assert said(value, "warning") == ["stages[2].quantTypes[1]: 'Q4_K_XXL' is not a known GGUF type"]
