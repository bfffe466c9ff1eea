"""Reproducibility: four tiers, each verdict with its reason, and unknown is not a pass."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.tiers import Row, Tried, table, verdicts

A, B = "a" * 64, "b" * 64


def alloy(**benchmark: Any) -> dict[str, Any]:
    stated = {"name": "h", "score": 88.4, "samplesPath": "s", "resultHash": f"sha256:{A}", **benchmark}
    return {
        "stages": [{"type": "prune"}, {"type": "quant"}],
        "results": {"benchmarks": [stated], "integrity": {"fileHashes": [{"filename": "w", "sha256": A}]}},
    }


def rows(tier: int, value: dict[str, Any], tried: Tried) -> list[tuple[str, str]]:
    return [(row.artefact, row.verdict) for row in table(value, tried) if row.tier == tier]


def test_what_nobody_tried_is_unknown() -> None:
    found = table(alloy(), Tried())
    assert {row.verdict for row in found} == {"unknown"}
    assert all(row.reason for row in found)
    assert verdicts(found) == {1: "unknown", 2: "unknown", 3: "unknown", 4: "unknown"}
    assert verdicts(table({}, Tried())) == {1: "unknown", 2: "unknown", 3: "unknown", 4: "unknown"}


def test_everything_tried_and_true_passes() -> None:
    tried = Tried(lambda kind: True, {"w": f"sha256:{A}"}, {"s": A}, {"h": 88.4})
    assert verdicts(table(alloy(), tried)) == {1: "pass", 2: "pass", 3: "pass", 4: "pass"}


def test_a_stage_that_no_engine_knows_is_not_dispatched() -> None:
    assert rows(1, alloy(), Tried(can_run=lambda kind: kind == "prune")) == [
        ("stages[0]", "pass"),
        ("stages[1]", "fail"),
    ]
    assert verdicts(table(alloy(), Tried(can_run=lambda kind: kind == "prune")))[1] == "fail"


def test_a_reforge_gives_the_same_bytes_or_fails() -> None:
    assert rows(2, alloy(), Tried(reforged={"w": B})) == [("w", "fail")]
    assert rows(2, {"stages": []}, Tried(reforged={"w": A})) == [("model", "unknown")]
    other = {"integrity": {"fileHashes": [{"filename": "w", "sha256": "pending"}]}}
    assert rows(2, other, Tried(reforged={"w": A})) == [("w", "unknown")]


def test_samples_are_compared_those_of_the_base_too() -> None:
    value = alloy(baseSamplesPath="b", baseResultHash=B)
    assert rows(3, value, Tried(files={"s": A, "b": A})) == [("h", "pass"), ("h (base)", "fail")]
    assert rows(3, value, Tried(files={"s": None})) == [("h", "unknown"), ("h (base)", "unknown")]
    assert rows(3, alloy(resultHash="later"), Tried(files={"s": A})) == [("h", "unknown")]


@pytest.mark.parametrize(
    ("stated", "again", "verdict"),
    [
        ({"score": 88.4}, 88.3, "pass"),
        ({"score": 88.4}, 88.5, "pass"),
        ({"score": 86.0}, 85.4, "fail"),
        ({"score": 0.884, "unit": "fraction"}, 88.4, "pass"),
        ({"score": 0.884}, 88.4, "unknown"),
        ({"score": 0.5, "unit": "points"}, 0.5, "pass"),
        ({"score": 0}, 0.0, "pass"),
        ({"score": "88.4"}, 88.4, "unknown"),
        ({"score": True}, 1.0, "unknown"),
    ],
)
def test_a_score_is_recomputed_in_points_within_a_tenth(stated: dict[str, Any], again: float, verdict: str) -> None:
    assert rows(4, alloy(**stated), Tried(scores={"h": again})) == [("h", verdict)]


def test_a_row_says_what_was_found() -> None:
    found = table(alloy(score=86.0), Tried(scores={"h": 85.4}))[-1]
    assert found == Row(4, "h", "fail", "stated 86 points, scored again 85.4")


@pytest.mark.parametrize("value", [{"stages": 7}, {"stages": [7]}, {"results": {"benchmarks": [{}]}}, {"results": 1}])
def test_odd_shapes_are_never_a_pass(value: dict[str, Any]) -> None:
    assert "pass" not in {row.verdict for row in table(value, Tried(lambda kind: True, {"": A}, {"": A}, {"": 1.0}))}
