"""The slow pass: places of values, and that it agrees with the parser of the standard library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.alloy import scan
from cadence.factory.alloy.scan import Fault, show_path

TEXT = '{\n  "name": "a",\n  "stages": [\n    {"type": "prune"},\n    {"type": "quant", "k": [1, 2]}\n  ]\n}\n'
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=3), of, max_size=3), max_leaves=12
)


def start(text: str, *path: str | int) -> str:
    place = scan.places(text)
    for step in path:
        child = place.child(step)
        assert child is not None, step
        place = child
    return text[place.at :]


def test_it_knows_where_every_value_begins() -> None:
    assert start(TEXT, "stages", 1, "k", 1).startswith("2]}")
    assert start(TEXT, "stages", 0, "type").startswith('"prune"')
    assert start(TEXT) == TEXT


def test_there_is_no_child_of_a_scalar_nor_beyond_the_end() -> None:
    place = scan.places("[[7], {}]")
    assert place.child(2) is None
    assert place.child(-1) is None
    assert place.child("0") is None
    first = place.child(0)
    assert first is not None and (inner := first.child(0)) is not None and inner.child(0) is None


@given(VALUES, st.sampled_from([None, 0, 3]), st.booleans())
def test_each_place_holds_the_text_of_its_value(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    def compare(place: scan.Place, expected: Any) -> None:
        found, _ = json.JSONDecoder().raw_decode(text, place.at)
        assert found == expected
        steps = expected if isinstance(expected, dict) else range(len(expected)) if isinstance(expected, list) else ()
        for step in steps:
            child = place.child(step)
            assert child is not None
            compare(child, expected[step])

    compare(scan.places(text), value)


@given(VALUES, st.data())
def test_a_text_that_the_standard_library_refuses_is_refused_here(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text) - 1))
    broken = text[:at] + data.draw(st.sampled_from(["", "}", ",", '"', "\\", "-", "\n"])) + text[at + 1 :]
    try:
        json.loads(broken)
    except json.JSONDecodeError:
        with pytest.raises(Fault):
            scan.places(broken)
    else:
        try:
            scan.places(broken)
        except Fault as fault:
            assert "twice" in fault.what or "2^53" in fault.what or "surrogate" in fault.what


@pytest.mark.parametrize(
    ("text", "line", "column"), [("ab", 1, 2), ("\nab", 2, 1), ("a\r\nb", 1, 2), ("\n\nxyz", 2, 1)]
)
def test_lines_and_columns_count_from_one(text: str, line: int, column: int) -> None:
    assert scan.position(text, 1) == (line, column)


def test_paths_are_shown_as_people_write_them() -> None:
    assert show_path(()) == "(root)"
    assert show_path(("stages", 3, "outputHash")) == "stages[3].outputHash"
    assert show_path((0, "a b", "\x1b[31m")) == '[0]["a b"]["\\u001b[31m"]'
    assert show_path(("x" * 1000,)) == f'["{"x" * 40}..."]'


def test_depth_is_counted_in_containers() -> None:
    scan.places("[" * 64 + "]" * 64)
    with pytest.raises(Fault):
        scan.places("[" * 65 + "]" * 65)


def test_values_are_counted_exactly() -> None:
    scan.places("[" + "0," * 99_998 + "0]")
    with pytest.raises(Fault) as caught:
        scan.places("[" + "0," * 99_999 + "0]")
    assert caught.value.path == (99_999,)
