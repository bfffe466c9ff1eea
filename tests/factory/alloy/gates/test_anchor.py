"""The anchor: a published number reproduced, or a pipeline that proves itself."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.gates.anchor import anchor
from tests.factory.alloy.examples import Value, forged
from tests.factory.alloy.gates.bundles import through, told

SELF = {
    "model": "someone/small-moe",
    "publishedScore": None,
    "measuredScore": 96.0,
    "tolerance": "n/a",
    "runs": [96.0, 96.0],
    "control": {"name": "shuffled weights", "score": 0.0},
    "secondScorer": {"name": "another harness", "score": 96.0},
}


def with_anchor(*replaced: dict[str, Any], **changes: Any) -> Value:
    value = forged()
    stage = value["stages"][3]
    stage["calibrationAnchor"] = (replaced[0] if replaced else stage["calibrationAnchor"]) | changes
    return value


def test_a_published_number_that_comes_out_again_passes() -> None:
    report = through(anchor)
    assert (report.verdict, report.mode) == ("pass", "published")
    (first, *_) = report.criteria
    assert (first.required, first.observed, first.unit) == ("at most 3", 1.0, "points")


@pytest.mark.parametrize(("measured", "verdict"), [(98.0, "pass"), (92.0, "pass"), (98.1, "fail"), (91.9, "fail")])
def test_three_points_and_no_more_in_either_direction(measured: float, verdict: str) -> None:
    value = with_anchor(measuredScore=measured)
    value["results"]["benchmarks"][0] |= {"baseScore": measured, "delta": 90.0 - measured}
    assert through(anchor, value).verdict == verdict


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tolerance": 10.0}, {"tolerance": "fail"}),
        ({"tolerance": 10}, {"tolerance": "fail"}),
        ({"tolerance": "10", "delta": 1}, {}),
        ({"delta": 0}, {"stated delta": "fail"}),
        ({"tolerance": 0.5}, {"reproduced": "fail"}),
        ({"publishedSource": " "}, {"cited": "fail"}),
        ({"publishedSource": None}, {"cited": "fail"}),
        ({"measuredScore": None}, {"reproduced": "unknown", "same pipeline": "unknown"}),
        ({"delta": 0.0}, {"stated delta": "fail"}),
        ({"publishedScore": "95"}, {"reproduced": "unknown"}),
        ({"measuredScore": {"humaneval": 96.0}}, {"reproduced": "unknown", "same pipeline": "unknown"}),
        ({"publishedScore": 95, "delta": "+1"}, {}),
        ({"mode": "self", "measuredScore": 80.0}, {"reproduced": "fail", "same pipeline": "fail"}),
    ],
)
def test_what_is_wrong_with_a_published_anchor_is_named(changes: dict[str, Any], said: dict[str, str]) -> None:
    assert told(through(anchor, with_anchor(**changes))) == said


def test_fractions_in_the_place_of_points_are_not_compared() -> None:
    value = with_anchor(publishedScore=0.10, measuredScore=0.96)
    assert told(through(anchor, value)) == {"reproduced": "unknown", "same pipeline": "unknown"}


def test_a_pipeline_that_proves_itself_passes_without_a_published_number() -> None:
    report = through(anchor, with_anchor(SELF))
    assert (report.verdict, report.mode) == ("pass", "self")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"runs": [96.0]}, {"deterministic": "unknown"}),
        ({"runs": [96.0, 95.9]}, {"deterministic": "fail"}),
        ({"control": None}, {"control": "unknown"}),
        ({"control": {"name": "the same", "score": 95.0}}, {"control": "fail"}),
        ({"secondScorer": None}, {"second scorer": "unknown"}),
        ({"secondScorer": {"name": "s", "score": 95.8}}, {"second scorer": "fail"}),
        ({"secondScorer": {"name": "s", "score": 95.9}}, {}),
    ],
)
def test_self_mode_wants_all_three_proofs(changes: dict[str, Any], said: dict[str, str]) -> None:
    assert told(through(anchor, with_anchor(SELF, **changes))) == said


def test_the_anchor_is_about_a_benchmark_that_is_reported() -> None:
    value = forged()
    value["results"]["benchmarks"][0] |= {"baseScore": 95.0, "delta": -5.0}
    assert told(through(anchor, value)) == {"same pipeline": "fail"}


def known(**changes: Any) -> Value:
    """An anchor on a model whose makers' numbers are in the table: 61.6 and 53.0."""
    value = with_anchor(
        {"model": "Qwen/Qwen2.5-Coder-7B", "publishedSource": "its report", "measuredScore": 62.2}, **changes
    )
    value["results"]["benchmarks"][0] |= {"baseScore": 62.2, "score": 61.0, "delta": -1.2}
    return value


def test_a_published_number_cannot_be_invented() -> None:
    assert told(through(anchor, known(publishedScore=61.6))) == {}
    assert told(through(anchor, known(publishedScore=62.2))) == {"published": "fail"}
    report = through(anchor, known(publishedScore=62.2))
    assert "arXiv:2409.12186" in report.criteria[2].reason


def test_nor_can_it_be_passed_over_in_silence() -> None:
    report = through(anchor, known(mode="self", runs=[62.2, 62.2]))
    assert report.mode == "published"
    assert told(report) == {"reproduced": "unknown", "published": "fail"}


def test_the_number_is_that_of_its_benchmark() -> None:
    value = known(publishedScore=61.6)
    moved = value["stages"][3].pop("calibrationAnchor")
    value["stages"][3]["benchmarks"] = [{"name": "humaneval+", "calibrationAnchor": moved}]
    assert told(through(anchor, value)) == {"published": "fail"}


def test_without_an_anchor_nothing_is_known() -> None:
    value = forged()
    del value["stages"][3]["calibrationAnchor"]
    assert told(through(anchor, value)) == {"anchor": "unknown"}


def test_an_anchor_at_a_benchmark_counts_too() -> None:
    value = forged()
    moved = value["stages"][3].pop("calibrationAnchor")
    value["stages"][3]["benchmarks"][0]["calibrationAnchor"] = moved
    report = through(anchor, value)
    assert report.verdict == "pass"
    assert report.criteria[0].path == ("stages", 3, "benchmarks", 0, "calibrationAnchor")
