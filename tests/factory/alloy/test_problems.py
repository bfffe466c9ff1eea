"""Problems say where, what, why and how to fix it, on one line, and quote safely."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.document import read
from cadence.factory.alloy.problems import Problem, placed
from tests.factory.alloy.examples import forged, loaded, recipe, said


def test_a_problem_is_one_line_with_its_place() -> None:
    value = recipe()
    value["stages"][0]["level"] = 0.95
    (problem,) = loaded(value).problems
    assert str(problem) == (
        "x.alloy.json:14:16: stages[0].level: expected at most 0.9, got 0.95. "
        "What lies outside was never meant, and no engine runs it. Write at most 0.9."
    )


def test_a_problem_as_data_has_the_same_parts() -> None:
    value = recipe()
    value["stages"][0]["level"] = 0.95
    (problem,) = loaded(value).problems
    assert problem.as_dict() == {
        "level": "error",
        "file": "x.alloy.json",
        "line": 14,
        "column": 16,
        "path": "stages[0].level",
        "what": "expected at most 0.9, got 0.95",
        "why": "What lies outside was never meant, and no engine runs it",
        "fix": "Write at most 0.9",
    }


def test_problems_come_in_the_order_of_the_text() -> None:
    document = read(b'{"a": 1,\n "b": 2}', name="x")
    found = placed([Problem(("b",), "two", "w", "f"), Problem(("a",), "one", "w", "f")], document)
    assert [(one.what, one.line, one.column) for one in found] == [("one", 1, 7), ("two", 2, 7)]


def test_a_warning_says_so() -> None:
    assert str(Problem(("a",), "odd", "Why", "Fix", level="warning", file="x", line=1, column=2)).startswith(
        "x:1:2: warning: a: odd"
    )


def test_names_of_union_members_are_not_part_of_the_path() -> None:
    value = forged()
    value["stages"][0]["maxLength"] = 5
    value["acceptanceCriteria"]["benchmarks"]["humaneval"]["min"] = -1
    value["priorMetricBaselines"] = [{"metric": {"name": 3}}]
    value["calibrationCorpora"][0]["path"] = None
    assert [one.split(":")[0] for one in said(value)] == [
        "stages[0].maxLength",
        "calibrationCorpora[0].path",
        "acceptanceCriteria.benchmarks.humaneval.min",
        "priorMetricBaselines[0].metric.name",
    ]


def test_a_stage_key_that_is_called_like_its_type_is_still_found() -> None:
    value = recipe()
    value["stages"] = [{"type": "modality", "modality": "smell", "encoderModel": "a/b"}]
    assert [one.split(":")[0] for one in said(value)] == ["stages[0].modality"]


@pytest.mark.parametrize(
    ("bad", "shown"),
    [("a\nb\x1b[31m", r"'a\nb\x1b[31m'"), ("x" * 500, "'" + "x" * 58 + "…"), (None, "null"), ([1, 2], "a list of 2")],
)
def test_text_from_outside_is_quoted_and_cut(bad: Any, shown: str) -> None:
    assert said(recipe() | {"cycles": bad}) == [f"cycles: expected a whole number, got {shown}"]
