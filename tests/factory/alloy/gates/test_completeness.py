"""Completeness: what a stranger needs to run and to check the model."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.gates.completeness import PARTS, completeness
from tests.factory.alloy.examples import forged
from tests.factory.alloy.gates.bundles import FILES, bundle, through, told


def test_nothing_is_missing_from_a_whole_bundle() -> None:
    report = through(completeness)
    assert report.verdict == "pass"
    assert len(report.criteria) == len(PARTS) + 4


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("text", [None, ""])
def test_each_file_is_missed_if_it_is_gone_or_empty(path: str, text: str | None) -> None:
    key = path.replace("/", "__").replace(".", "_dot_")
    found = told(through(completeness, files=bundle(**{key: text})))
    assert list(found.values()) == ["fail"], found


def test_a_model_that_was_never_measured_does_not_ship() -> None:
    value = forged()
    value["results"]["benchmarks"] = []
    assert told(through(completeness, value)) == {"evaluation": "fail"}


def test_where_nobody_looked_nothing_is_known() -> None:
    assert told(through(completeness, files={})) == {"bundle": "unknown"}


def test_safetensors_are_weights_too() -> None:
    files = bundle(**{"model_dot_Q5_K_M_dot_gguf": None, "model-00001-of-00001_dot_safetensors": "w"})
    assert through(completeness, files=files).verdict == "pass"
