"""The canonical form: RFC 8785's own cases, and what an alloy's form leaves out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from cadence.factory.alloy.canonical import CanonicalError, canonical, checked, covered
from cadence.factory.alloy.document import DocumentError, read
from tests.factory.alloy.test_document import VALUES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1.0, 1, 100, 1e2]", "[1,1,100,100]"),
        ("[1e21, 1E-7, 0.000001, 1e-6, 123456789.125]", "[1e+21,1e-7,0.000001,0.000001,123456789.125]"),
        ("[-0, -0.0, 0]", "[0,0,0]"),
        (
            "[0.30000000000000004, 4.9e-324, 1.7976931348623157e308]",
            "[0.30000000000000004,5e-324,1.7976931348623157e+308]",
        ),
        ('{"b": 1, "a": 2, "": 3}', '{"":3,"a":2,"b":1}'),
        # U+FB33 comes after U+1F600 by UTF-16 code units (RFC 8785, section 3.2.3), and before it by code points.
        ('{"\\ufb33": 1, "\\ud83d\\ude00": 2, "\\r": 3, "1": 4}', '{"\\r":3,"1":4,"\N{GRINNING FACE}":2,"\ufb33":1}'),
        ('["\\u20ac$\\u000F\\nA\'\\u0042\\u0022\\u005c\\\\\\"\\/"]', '["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"]'),
        ("[true, false, null, {}, []]", "[true,false,null,{},[]]"),
    ],
)
def test_the_form_is_the_one_of_the_standard(text: str, expected: str) -> None:
    assert canonical(read(text, name="x").value).decode() == expected


@given(VALUES)
def test_whatever_was_read_has_a_form_that_reads_as_the_same_again(value: Any) -> None:
    first = canonical(read(json.dumps(value), name="x").value)
    again = read(first, name="x").value
    assert again == json.loads(json.dumps(value))
    assert canonical(again) == first


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800", {"\udfff": 1}, {1: 2}, {1, 2}, b"x"])
def test_what_json_cannot_hold_has_no_form(value: Any) -> None:
    with pytest.raises(CanonicalError, match="expected a JSON value"):
        canonical(value)


def test_a_value_that_our_reader_would_refuse_is_not_signed() -> None:
    assert checked({"a": (1, 2.0)}) == {"a": [1, 2]}
    with pytest.raises(DocumentError, match="2\\^53"):
        checked([1e20])


def test_receipt_and_signature_are_left_out_wherever_integrity_stands() -> None:
    block = {"modelHash": "m", "signature": {"value": "v"}, "alloyHash": "h"}
    alloy = {"name": "a", "receipt": {"issuedAt": "t"}, "integrity": block, "results": {"integrity": block, "x": 1}}
    assert covered(alloy) == {
        "name": "a",
        "integrity": {"modelHash": "m"},
        "results": {"integrity": {"modelHash": "m"}, "x": 1},
    }
    assert alloy["integrity"] == block, "the original is not touched"


def test_only_these_are_left_out() -> None:
    alloy = {"signature": 1, "stages": [{"signature": 2, "receipt": 3}], "integrity": 7, "results": {"receipt": 4}}
    assert covered(alloy) == alloy
