"""Older shapes are read as one, and left as they are."""

from __future__ import annotations

import copy

import pytest

from cadence.factory.alloy.older import baselines, checkpoint, checkpoints
from tests.factory.alloy.examples import Value, loaded, recipe

PUBLISHED: Value = {
    "id": "router-l2",
    "metric": {"name": "router_gate_l2_norm", "calibrationCorpus": "c", "calibrationCorpusSha256": None},
    "evaluation": {
        "results": {"humaneval": 78.7, "humaneval_plus": 73.8, "deltaVsAnchorHumaneval": -13.4},
        "samplesPath": "eval/a.jsonl",
    },
    "outcome": "negative_baseline",
    "supersededBy": "activation-count",
}
LINE: Value = {"name": "router-l2", "metric": "humaneval", "value": 78.7, "samplesPath": "a.jsonl", "note": "worse"}
RECIPE: Value = {
    "metric": "perplexity",
    "value": 8,
    "source": "run 3",
    "measuredAt": "2026-01-01",
    "measurementMethod": "m",
}


@pytest.mark.parametrize("home", ["root", "results"])
def test_the_three_shapes_of_earlier_attempts_become_one(home: str) -> None:
    listed = [PUBLISHED, LINE, RECIPE]
    value = recipe() | (
        {"priorMetricBaselines": listed} if home == "root" else {"results": {"priorMetricBaselines": listed}}
    )
    before = copy.deepcopy(value)
    assert loaded(value).valid
    published, line, recipe_ = baselines(value)
    assert (published.name, published.metric, published.outcome) == (
        "router-l2",
        "router_gate_l2_norm",
        "negative_baseline",
    )
    assert published.scores == {"humaneval": 78.7, "humaneval_plus": 73.8}
    assert (published.corpus, published.corpus_sha256, published.samples_path) == ("c", None, "eval/a.jsonl")
    assert (line.name, line.scores, line.samples_path, line.notes) == (
        "router-l2",
        {"humaneval": 78.7},
        "a.jsonl",
        "worse",
    )
    assert (recipe_.name, recipe_.metric, recipe_.scores) == ("run 3", "perplexity", {"perplexity": 8.0})
    prefix = () if home == "root" else ("results",)
    assert recipe_.path == (*prefix, "priorMetricBaselines", 2)
    assert value == before


def test_both_homes_at_once_are_both_read() -> None:
    value = {"priorMetricBaselines": [PUBLISHED], "results": {"priorMetricBaselines": [LINE]}}
    assert [one.path[0] for one in baselines(value)] == ["priorMetricBaselines", "results"]


@pytest.mark.parametrize("odd", [{}, {"priorMetricBaselines": 3}, {"priorMetricBaselines": [3, None]}, {"results": []}])
def test_what_has_no_form_of_it_is_no_attempt(odd: Value) -> None:
    assert baselines(odd) == ()


CAMEL: Value = {"completedAt": "t", "outputPath": "pruned/", "outputHash": "h", "metadata": {"shards": 3}}
SNAKE: Value = {"completed_at": "t", "output": "pruned/", "hash": "h", "shards": 3}


@pytest.mark.parametrize("spelling", [CAMEL, SNAKE], ids=["camel", "snake"])
def test_checkpoints_are_read_in_both_spellings(spelling: Value) -> None:
    value = recipe() | {"results": {"stageCheckpoints": {"profile": None, "prune": spelling}}}
    assert loaded(value).valid
    found = checkpoints(value)
    prune = found["prune"]
    assert found["profile"] is None and prune is not None
    assert (prune.completed_at, prune.output_path, prune.output_hash) == ("t", "pruned/", "h")
    assert prune.metadata == {"shards": 3}


@pytest.mark.parametrize("odd", [None, 3, "x", [], {"outputHash": 3}, {"inputHashes": ["a"]}])
def test_a_broken_checkpoint_is_none_reached(odd: object) -> None:
    assert checkpoint(odd) is None


def test_without_results_there_are_no_checkpoints() -> None:
    assert checkpoints(recipe()) == {} == checkpoints({"results": {"stageCheckpoints": []}})
