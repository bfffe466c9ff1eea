"""Acceptance: the alloy's own promises, in explicit units."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.gates.acceptance import acceptance
from tests.factory.alloy.examples import Value, forged
from tests.factory.alloy.gates.bundles import through, told


def with_result(**changes: Any) -> Value:
    value = forged()
    value["results"]["benchmarks"][0] |= {"delta": None, **changes}
    return value


def test_a_fraction_is_compared_with_points_in_points() -> None:
    score, gap, *_ = through(acceptance).criteria
    assert (score.required, score.observed, score.unit, score.verdict) == (85.0, 90.0, "points", "pass")
    assert (gap.required, gap.observed, gap.unit, gap.verdict) == (-7.0, -6.0, "points", "pass")


def test_the_same_score_as_a_fraction_passes_alike() -> None:
    assert through(acceptance, with_result(unit="fraction", score=0.9, baseScore=0.96)).verdict == "pass"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"score": 84.9}, {"humaneval score": "fail", "humaneval against base": "fail"}),
        ({"score": 85.0}, {"humaneval against base": "fail"}),
        ({"score": 88.9}, {"humaneval against base": "fail"}),
        ({"score": 89.0}, {}),
        ({"score": None}, {"humaneval score": "unknown", "humaneval against base": "unknown"}),
        ({"baseScore": None}, {"humaneval against base": "unknown"}),
        (
            {"unit": None, "score": 0.9, "baseScore": 0.96},
            {"humaneval score": "unknown", "humaneval against base": "unknown"},
        ),
        ({"name": "humaneval_plus"}, {"humaneval score": "unknown", "humaneval against base": "unknown"}),
        ({"resultHash": "later"}, {"samples": "fail"}),
        ({"samplesPath": None}, {"samples": "fail"}),
    ],
)
def test_a_promise_that_is_not_kept_or_cannot_be_checked_is_named(
    changes: dict[str, Any], said: dict[str, str]
) -> None:
    assert told(through(acceptance, with_result(**changes))) == said


def test_a_benchmark_measured_twice_decides_nothing() -> None:
    value = forged()
    second = dict(value["results"]["benchmarks"][0], score=1.5, baseScore=1.5, delta=0.0)
    value["results"]["benchmarks"].append(second)
    assert told(through(acceptance, value)) == {"humaneval score": "unknown", "humaneval against base": "unknown"}


def test_the_base_of_another_benchmark_can_be_the_anchor() -> None:
    value = forged()
    value["acceptanceCriteria"]["benchmarks"]["humaneval"] |= {"anchorBenchmark": "other", "anchorDelta": -1.0}
    assert told(through(acceptance, value)) == {"humaneval against base": "unknown"}
    other = dict(value["results"]["benchmarks"][0], name="other", baseScore=91.0, delta=-1.0)
    value["results"]["benchmarks"].append(other)
    assert told(through(acceptance, value)) == {}


def test_without_criteria_nobody_can_say() -> None:
    value = forged()
    for criteria in (None, {}, {"notes": "to come"}):
        value["acceptanceCriteria"] = criteria
        assert told(through(acceptance, value)) == {"criteria": "unknown"}


def test_a_required_hash_of_the_model_must_be_one() -> None:
    value = forged()
    value["results"]["integrity"]["modelHash"] = "sha256:…"
    assert told(through(acceptance, value)) == {"model hash": "fail"}


@pytest.mark.parametrize(("perplexity", "size", "said"), [(8, 3, {}), (9, 5, {"perplexity": "fail", "size": "fail"})])
def test_the_limits_of_search_recipes(perplexity: float, size: float, said: dict[str, str]) -> None:
    value = forged()
    value["acceptanceCriteria"] = {"perplexity": {"max": 8.5}, "size": {"maxGb": 4}}
    value["results"] |= {"finalPerplexity": perplexity, "finalSizeGb": size}
    assert told(through(acceptance, value)) == said
    del value["results"]["finalPerplexity"]
    assert told(through(acceptance, value))["perplexity"] == "unknown"
