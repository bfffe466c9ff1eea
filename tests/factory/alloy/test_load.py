"""Loading: strict JSON, then shape, then rules; every problem at once."""

from __future__ import annotations

import json

import pytest

from cadence.factory.alloy.document import DocumentError
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.training import Prune
from cadence.factory.alloy.load import PROBLEMS_MAX, check_value, load
from tests.factory.alloy.examples import forged, loaded, parcel, recipe, said, text


def test_a_good_alloy_is_typed() -> None:
    found = loaded(recipe())
    assert found.valid and isinstance(found.alloy, ForgeAlloy)
    stage = found.alloy.stages[0]
    assert isinstance(stage, Prune) and (stage.level, stage.min_kv_heads_per_layer) == (0.3, 2)
    assert found.alloy.source.base_model == "someone/small"


def test_all_errors_are_told_at_once() -> None:
    value = recipe()
    value["stages"][0]["level"] = 2
    value["stages"][1]["type"] = "trian"
    value["stages"][1]["steps"] = 0
    del value["name"]
    assert [one.split(":")[0] for one in said(value)] == ["name", "stages[0].level", "stages[1].type"]


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"3", b"null"])
def test_what_is_no_object_is_no_alloy(raw: bytes) -> None:
    found = load(raw, name="x")
    assert found.alloy is None and not found.valid
    assert str(found.problems[0]).startswith("x:1:1: (root): expected an object, got")


@pytest.mark.parametrize("raw", [b"{", b'{"a":1,"a":1}', b'{"a":NaN}', b'{"a":1e999}', b"\xff"])
def test_what_readers_do_not_agree_on_is_refused_before_the_types(raw: bytes) -> None:
    with pytest.raises(DocumentError):
        load(raw, name="x")


@pytest.mark.parametrize("domains", ['"llm-forge"', "[1]", "{}", "3", '[["llm-forge"]]'])
def test_domains_of_the_wrong_shape_are_an_error_of_shape(domains: str) -> None:
    raw = text(recipe()).replace(b'"name"', b'"domains": ' + domains.encode() + b', "name"', 1)
    found = load(raw, name="x")
    assert found.errors and found.errors[0].path[0] == "domains"


def test_a_flood_of_problems_is_cut() -> None:
    value = recipe() | {"tags": [1] * 1000}
    assert len(loaded(value).problems) == PROBLEMS_MAX


def test_a_flood_of_warnings_does_not_hide_an_error() -> None:
    value = parcel() | {"odd": [{"someHash": "none"}] * 200, "typeByte": "0x01"}
    value["stages"].append(dict(value["stages"][2]))
    found = loaded(value)
    assert len(found.problems) == PROBLEMS_MAX and not found.valid
    assert {str(one.path[0]) for one in found.errors} == {"typeByte", "stages"}


def test_warnings_do_not_make_it_invalid() -> None:
    value = forged()
    value["results"]["activeParamsB"] = 1.0
    found = loaded(value)
    assert found.valid and [one.level for one in found.problems] == ["warning"]


def test_a_value_that_was_never_text_is_checked_the_same() -> None:
    alloy, domains, problems = check_value(json.loads(text(forged())))
    assert alloy is not None and problems == [] and [one.id for one in domains] == ["llm-forge"]
    alloy, _, problems = check_value({"name": "x"})
    assert alloy is None and {one.path for one in problems} == {("version",), ("source",)}
