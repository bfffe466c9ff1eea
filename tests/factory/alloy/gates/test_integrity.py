"""Integrity: hashes that are hashes, of files that are there."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.gates.integrity import integrity
from tests.factory.alloy.examples import Value, forged, sha
from tests.factory.alloy.gates.bundles import bundle, through, told


def test_all_hashes_hold() -> None:
    report = through(integrity)
    assert report.verdict == "pass"
    assert [one.name for one in report.criteria] == [
        "model hash",
        "model.Q5_K_M.gguf",
        "eval/humaneval/student.jsonl",
        "eval/humaneval/base.jsonl",
        "calibration/code-1.jsonl",
    ]
    assert report.criteria[0].reason == "it follows from the list of files"


@pytest.mark.parametrize("path", ["model.Q5_K_M.gguf", "eval/humaneval/student.jsonl", "calibration/code-1.jsonl"])
def test_a_file_that_was_changed_fails_and_one_that_is_missing_is_unknown(path: str) -> None:
    key = path.replace("/", "__").replace(".", "_dot_")
    assert told(through(integrity, files=bundle(**{key: "something else"})))[path] == "fail"
    assert told(through(integrity, files=bundle(**{key: None}))) == {path: "unknown"}


def test_a_file_of_another_size_is_told_so() -> None:
    value = forged()
    value["results"]["integrity"]["fileHashes"][0]["size"] = 3
    assert told(through(integrity, value)) == {"model.Q5_K_M.gguf size": "fail"}


def proof(**changes: object) -> Value:
    value = forged()
    value["results"]["integrity"] |= changes
    return value


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (proof(modelHash=None), "fail"),
        (proof(modelHash="sha256:not-pinned"), "fail"),
        (proof(modelHash=sha("another")), "fail"),
        (proof(fileHashes=None), "unknown"),
    ],
)
def test_a_model_hash_follows_from_the_files_or_counts_for_nothing(value: Value, verdict: str) -> None:
    assert told(through(integrity, value))["model hash"] == verdict


def test_a_hash_that_is_none_fails_even_if_the_file_is_there() -> None:
    value = forged()
    value["results"]["benchmarks"][0]["resultHash"] = "sha256:a1b2c3..."
    assert told(through(integrity, value)) == {"eval/humaneval/student.jsonl": "fail"}


def test_a_path_that_leads_out_fails_and_is_not_looked_up() -> None:
    value = forged()
    value["results"]["benchmarks"][0]["samplesPath"] = "../../etc/passwd"
    report = through(integrity, value)
    assert told(report) == {"../../etc/passwd": "fail"}
    assert report.criteria[2].observed is None


def test_a_score_without_samples_fails() -> None:
    value = forged()
    del value["results"]["benchmarks"][0]["samplesPath"]
    assert told(through(integrity, value)) == {"humaneval samples": "fail"}


def test_earlier_attempts_are_held_to_their_samples_too() -> None:
    value = forged()
    value["priorMetricBaselines"] = [{"name": "l2", "evaluation": {"samplesPath": "eval/humaneval/base.jsonl"}}]
    assert told(through(integrity, value)) == {"eval/humaneval/base.jsonl": "fail"}
