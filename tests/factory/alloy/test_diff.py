"""Differences of meaning, told by where they belong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from cadence.factory.alloy import diff
from cadence.factory.alloy.diff import changes
from cadence.factory.alloy.document import show_path
from tests.factory.alloy.examples import Value, forged


def told(change: Callable[[Value], object]) -> list[tuple[str, str, str]]:
    left, right = forged(), forged()
    change(right)
    return [(one.kind, one.part, show_path(one.path)) for one in changes(left, right)]


def test_layout_order_and_spelling_are_no_difference() -> None:
    value = forged()
    other = json.loads(json.dumps(value, sort_keys=True))
    other["hardware"]["minVramGb"] = 6.0
    assert changes(value, other) == ()


def test_each_difference_says_where_it_belongs() -> None:
    assert told(lambda one: one["stages"][1].update(prunePct=26)) == [("changed", "recipe", "stages[1].prunePct")]
    assert told(lambda one: one["results"].update(forgedParamsB=5)) == [("changed", "report", "results.forgedParamsB")]
    assert told(lambda one: one["results"]["integrity"].pop("modelHash")) == [
        ("removed", "proof", "results.integrity.modelHash")
    ]
    assert told(lambda one: one.update(receipt={})) == [("added", "proof", "receipt")]
    assert told(lambda one: one["stages"][0].update(outputHash="x")) == [("added", "proof", "stages[0].outputHash")]
    assert told(lambda one: one["tags"].append("x") if "tags" in one else one.update(tags=["x"])) == [
        ("added", "recipe", "tags")
    ]


def test_true_is_not_one_and_null_is_not_nothing() -> None:
    left: Value = {"a": 1, "b": None}
    assert [(one.kind, one.path) for one in changes(left, {"a": True})] == [("changed", ("a",)), ("removed", ("b",))]


def test_one_more_stage_is_one_difference() -> None:
    new = {"type": "recover"}
    assert told(lambda one: one["stages"].insert(1, new)) == [("added", "recipe", "stages[1]")]
    assert told(lambda one: one["stages"].pop(0)) == [("removed", "recipe", "stages[0]")]


def test_the_values_are_given_on_both_sides() -> None:
    value = copy.deepcopy(forged())
    value["version"] = "2.0.0"
    (found,) = changes(forged(), value)
    assert found.as_dict() == {
        "kind": "changed",
        "part": "recipe",
        "path": "version",
        "left": "1.0.1",
        "right": "2.0.0",
    }


def test_a_flood_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diff, "CHANGES_MAX", 5)
    assert len(changes({}, {str(number): 1 for number in range(100)})) == 5


def test_stages_of_no_shape_do_not_stop_it() -> None:
    assert len(changes({"stages": [1, None]}, {"stages": [2, {"type": []}]})) == 2
