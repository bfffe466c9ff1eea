"""Parts: strict about what they take, and able to give back exactly what they took."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from cadence.factory.alloy.parts import Count, Integer, Name, Number, Part, Share, Size, plain


class Inner(Part):
    size_gb: Size | None = None
    layers: Integer = Field(default=1, ge=1)


class Outer(Part):
    inner: Inner
    many: list[Inner] = []
    named: dict[str, Inner] = {}
    level: Share = 0.5
    count: Count | None = None
    name: Name = "x"
    is_moe: bool = Field(default=False, alias="isMoE")


def there_and_back(value: Any) -> str:
    return json.dumps(plain(Outer.model_validate(value)))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1).map("x{}".format), JSON, max_size=4), st.booleans())
def test_unknown_keys_come_back_in_their_places(extras: dict[str, Any], first: bool) -> None:
    known = {"inner": {"sizeGb": 3, "zz": [1.0, {}]}, "level": 0}
    value = {**extras, **known} if first else {**known, **extras}
    assert there_and_back(value) == json.dumps(value)


@pytest.mark.parametrize("number", ["12", "12.0", "1.2e1"])
def test_a_number_keeps_its_kind_where_only_its_value_matters(number: str) -> None:
    value = json.loads(f'{{"count": {number}, "inner": {{"sizeGb": {number}, "layers": {number}}}}}')
    assert there_and_back(value) == json.dumps(value)
    part = Outer.model_validate(value)
    assert (part.count, type(part.count), part.inner.size_gb, type(part.inner.size_gb)) == (12, int, 12.0, float)


def test_an_explicit_null_is_not_an_absent_key() -> None:
    assert there_and_back({"inner": {}, "count": None}) == '{"inner": {}, "count": null}'
    assert there_and_back({"inner": {}}) == '{"inner": {}}'


@pytest.mark.parametrize(
    "change",
    [
        {"level": "0.5"},
        {"level": True},
        {"level": 1.01},
        {"level": float("nan")},
        {"count": -1},
        {"count": 1.5},
        {"count": True},
        {"name": ""},
        {"name": 3},
        {"isMoE": 1},
        {"isMoE": "true"},
        {"many": {}},
        {"inner": {"layers": 0}},
        {"inner": {"sizeGb": float("inf")}},
    ],
)
def test_nothing_is_converted_silently(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Outer.model_validate({"inner": {}, **change})


def test_only_the_name_on_the_wire_is_the_field() -> None:
    part = Outer.model_validate({"inner": {}, "is_moe": True})
    assert part.is_moe is False
    assert part.extra("is_moe") is True
    assert plain(part) == {"inner": {}, "is_moe": True}


def test_a_change_is_a_copy_and_shows_alone() -> None:
    value = {"level": 1, "inner": {"sizeGb": 2}, "many": [{"layers": 3.0}, {"q": None}]}
    part = Outer.model_validate(value)
    with pytest.raises(ValidationError):
        part.level = 0.1
    changed = part.model_copy(update={"level": 0.25, "is_moe": True, "many": [*part.many, Inner.model_validate({})]})
    assert json.dumps(plain(changed)) == json.dumps(
        {"level": 0.25, "inner": {"sizeGb": 2}, "many": [{"layers": 3.0}, {"q": None}, {}], "isMoE": True}
    )
    assert plain(part) == value


def test_a_part_that_was_built_gives_what_was_set() -> None:
    part = Outer.model_validate({"inner": Inner.model_validate({"sizeGb": 1.5})})
    assert plain(part) == {"inner": {"sizeGb": 1.5}}


def test_the_schema_says_the_bounds() -> None:
    properties = Outer.model_json_schema()["$defs"]["Inner"]["properties"]
    assert (properties["layers"]["type"], properties["layers"]["minimum"]) == ("integer", 1)
    assert {"minimum": 0, "type": "number"} in properties["sizeGb"]["anyOf"]


def test_a_number_type_of_python_is_what_the_reader_gets() -> None:
    class Two(Part):
        a: Number
        b: Integer

    two = Two.model_validate({"a": 3, "b": 4.0})
    assert isinstance(two.a, float) and isinstance(two.b, int)
