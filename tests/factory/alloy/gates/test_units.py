"""Scores become points only where their unit is known."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.domains.llm_forge.report import BenchmarkResult
from cadence.factory.alloy.gates.units import in_points, points, scale_of
from tests.factory.alloy.examples import forged
from tests.factory.alloy.gates.bundles import typed


def scores(*results: dict[str, Any]) -> list[float | None]:
    value = forged()
    value["results"]["benchmarks"] = [{"name": f"b{number}", **one} for number, one in enumerate(results)]
    alloy = typed(value)
    assert alloy.results is not None
    scale = scale_of(alloy)
    return [points(one.score, one, scale) for one in alloy.results.benchmarks]


def test_a_document_whose_scores_are_all_above_one_is_in_per_cent() -> None:
    assert scores({"score": 88.4}, {"score": 1.2}) == [88.4, 1.2]


def test_scores_of_at_most_one_could_be_either() -> None:
    assert scores({"score": 0.884}, {"score": 0.9}) == [None, None]


def test_a_mix_is_refused() -> None:
    assert scores({"score": 88.4}, {"score": 0.9}) == [None, None]


def test_a_result_that_says_its_unit_is_read_whatever_stands_beside_it() -> None:
    found = scores({"score": 0.9, "unit": "percent"}, {"score": 0.884, "unit": "fraction"}, {"score": 61.0})
    assert found == pytest.approx([0.9, 88.4, 61.0])


def test_nothing_is_nothing_in_every_unit() -> None:
    assert scores({"score": 0}, {"score": 50}) == [0.0, 50]
    assert scores({}) == [None]


def test_a_score_outside_of_its_range_is_none() -> None:
    assert scores({"score": 1.5, "unit": "fraction"}, {"score": 101}, {"score": -3}) == [None, None, None]


def test_base_scores_count_for_the_scale_too() -> None:
    assert scores({"score": 50, "baseScore": 0.5}) == [None]


def test_a_number_meant_as_points_must_not_look_like_a_fraction() -> None:
    assert [in_points(one) for one in (None, 0, 0.5, 1, 1.5, 100, 101)] == [None, 0, None, None, 1.5, 100, None]


def test_the_unit_is_part_of_the_contract() -> None:
    assert BenchmarkResult.model_validate({"name": "x", "unit": "fraction"}).unit == "fraction"
