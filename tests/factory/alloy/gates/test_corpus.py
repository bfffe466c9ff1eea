"""The corpus: declared, there, counted, of the right kind, and without the exam in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cadence.factory.alloy.gates.corpus import corpus
from tests.factory.alloy.examples import Value, forged, recipe, sha
from tests.factory.alloy.gates.bundles import ITEM, bundle, manifest, through, told


def with_corpus(**changes: Any) -> Value:
    value = forged()
    value["calibrationCorpora"][0] |= changes
    return value


def test_the_published_flagships_shape_fails() -> None:
    value = forged()
    del value["calibrationCorpora"]
    report = through(corpus, value)
    assert report.verdict == "fail"
    assert report.criteria[0].reason.endswith("and the alloy has none")
    assert report.criteria[0].observed == "code-1"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": None}, {"sha256": "fail"}),
        ({"sha256": "pinned-later"}, {"sha256": "fail"}),
        ({"sha256": sha("another text")}, {"sha256": "fail"}),
        ({"examples": 2}, {"examples": "fail"}),
        ({"examples": None}, {"examples": "fail"}),
        ({"tokens": 13}, {"tokens": "fail"}),
        ({"tokens": None}, {"tokens": "fail"}),
        ({"distributionSummary": None}, {"content": "fail", "aligned with humaneval": "unknown"}),
        ({"distributionSummary": "mostly code"}, {"aligned with humaneval": "unknown"}),
        ({"distributionSummary": {"code": 0.17, "maths": 0.83}}, {"aligned with humaneval": "fail"}),
        ({"distributionSummary": {"coding": 0.5, "prose": 0.5}}, {}),
        ({"distributionSummary": {"code": 1.0, "maths": 1.0}}, {"aligned with humaneval": "unknown"}),
        ({"distributionSummary": {"code": "all"}}, {"aligned with humaneval": "unknown"}),
        ({"id": "code-2"}, {"declared": "fail"}),
        ({"path": "config.json"}, {"place": "fail", "sha256": "fail"}),
    ],
)
def test_each_part_of_the_identity_is_required(changes: dict[str, Any], said: dict[str, str]) -> None:
    assert told(through(corpus, with_corpus(**changes))) == said


def test_two_corpora_of_one_name_are_none() -> None:
    value = forged()
    value["calibrationCorpora"].insert(0, dict(value["calibrationCorpora"][0], sha256=sha("another")))
    assert told(through(corpus, value)) == {"one of each": "fail"}


def test_a_corpus_that_is_not_in_the_bundle_is_unknown() -> None:
    report = through(corpus, files=bundle(**{"calibration__code-1_dot_jsonl": None}))
    assert told(report) == {"sha256": "unknown", "no leak of humaneval": "unknown"}


def test_tokens_that_nobody_counted_again_are_unknown() -> None:
    assert told(through(corpus, its=manifest(corpora={}))) == {"tokens": "unknown"}


def leaking(text: str) -> dict[str, str]:
    line = json.dumps({"text": text}) + "\n"
    value = with_corpus(sha256=sha(line))
    return told(through(corpus, value, files=bundle(**{"calibration__code-1_dot_jsonl": line})))


def test_a_problem_of_the_benchmark_in_the_corpus_is_found() -> None:
    assert leaking(f"# task\n{ITEM.upper()}!\npass") == {"no leak of humaneval": "fail"}
    assert leaking(" ".join(ITEM.split()[:13])) == {"no leak of humaneval": "fail"}
    assert leaking(" ".join(ITEM.split()[:12])) == {}


def test_a_short_problem_is_found_as_a_whole() -> None:
    items = {"humaneval": ["return the sum of two"]}
    line = json.dumps({"text": "we Return the sum, of two!"}) + "\n"
    value = with_corpus(sha256=sha(line))
    report = through(corpus, value, manifest(benchmarkItems=items), bundle(**{"calibration__code-1_dot_jsonl": line}))
    assert told(report) == {"no leak of humaneval": "fail"}


def test_without_the_problems_a_leak_cannot_be_ruled_out() -> None:
    assert told(through(corpus, its=manifest(benchmarkItems={}))) == {"no leak of humaneval": "unknown"}


@pytest.mark.parametrize(
    ("name", "mix", "verdict"),
    [
        ("gsm8k", {"math": 0.5, "maths": 0.4, "code": 0.1}, None),
        ("gsm8k", {"code": 1.0}, "fail"),
        ("mmlu", {"code": 0.2, "maths": 0.4, "history": 0.4}, None),
        ("mmlu", {"code": 0.6, "maths": 0.2, "history": 0.2}, "fail"),
        ("mmlu", {"code": 0.5, "maths": 0.5}, "fail"),
        ("a-benchmark-of-tomorrow", {"code": 1.0}, "unknown"),
    ],
)
def test_the_corpus_is_of_the_kind_the_benchmark_examines(
    name: str, mix: dict[str, float], verdict: str | None
) -> None:
    value = with_corpus(distributionSummary=mix)
    value["results"]["benchmarks"][0]["name"] = name
    report = through(corpus, value, manifest(benchmarkItems={name: [ITEM]}))
    assert told(report).get(f"aligned with {name}") == verdict


def test_a_stage_that_was_steered_by_data_must_name_it() -> None:
    value = recipe()
    assert through(corpus, value).verdict == "pass"
    value["stages"][0]["strategy"] = "activation-magnitude"
    assert told(through(corpus, value)) == {"declared": "fail"}
    value["stages"][0] = {"type": "expert-prune", "keepExperts": 4, "metric": "activation_count"}
    assert told(through(corpus, value)) == {"declared": "fail"}
    value["stages"][0]["metric"] = "router_l2"
    assert through(corpus, value).verdict == "pass"


def test_older_stages_named_their_corpus_otherwise() -> None:
    value = recipe()
    value["stages"][1] = {"type": "lora", "teacher": "t", "calibrationDataset": "heldout_mix.jsonl"}
    report = through(corpus, value)
    assert told(report) == {"declared": "fail"}
    assert report.criteria[0].path == ("stages", 1, "calibrationDataset")
