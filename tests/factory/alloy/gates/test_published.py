"""The table of published scores."""

from __future__ import annotations

from cadence.factory.alloy.gates.published import CITATION, PUBLISHED, published


def test_scores_are_looked_up_by_model_and_benchmark() -> None:
    assert published("Qwen/Qwen2.5-Coder-7B") == {"humaneval": 61.6, "humaneval_plus": 53.0}
    assert published("qwen/qwen2.5-coder-7b", "HumanEval+") == {"humaneval_plus": 53.0}
    assert published("Qwen/Qwen2.5-Coder-7B", "mmlu") == {}


def test_a_model_that_is_not_listed_has_none() -> None:
    assert published("someone/else") == published(None) == {}


def test_every_entry_is_in_points_and_the_harder_tests_are_harder() -> None:
    for base, plus in PUBLISHED.values():
        assert 1 < plus < base < 100
    assert "arXiv" in CITATION
