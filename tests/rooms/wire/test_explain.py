"""Hostile input is the normal case: whatever comes, the answer is one short, sendable error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cadence.rooms.wire import REQUEST_TYPES, WireError, decode_request, encode
from cadence.rooms.wire.explain import explain

MESSAGE_CHARACTERS_MAX = 320
LONG = "z" * 60_000


def refusal(data: str | bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        decode_request(data)
    return caught.value


def said(**fields: Any) -> tuple[str, str | None, str]:
    error = refusal(json.dumps(fields))
    return error.code, error.field, error.message


def test_an_error_names_the_field_what_was_expected_and_what_came() -> None:
    assert said(type="view", room="r", cadence_s=31) == (
        "bad_field",
        "cadence_s",
        "`cadence_s`: expected `float` <= 30.0; got 31",
    )
    assert said(type="join", room="r", view={"focus": {"follow": ["a", 3]}}) == (
        "bad_field",
        "view.focus.follow[1]",
        "`view.focus.follow[1]`: expected `str`; got 3",
    )
    assert said(type="say", room="r", id="1") == ("bad_field", "text", "`text`: expected this field; got nothing")
    assert said(type="join", room="r", after={"epoch": "e"})[1:] == (
        "after.seq",
        "`after.seq`: expected this field; got nothing",
    )


def test_a_refused_literal_lists_the_lawful_ones() -> None:
    assert said(type="hello", kind="robot")[2] == '`kind`: expected one of agent, human; got "robot"'
    assert said(type="say", room="r", id="1", text="", parts=[{"kind": "zip", "body": ""}])[2] == (
        '`parts[0].kind`: expected one of code, data, tool; got "zip"'
    )


def test_an_unknown_type_is_told_the_known_ones() -> None:
    code, field, message = said(type="shout")
    assert (code, field) == ("unknown_type", "type")
    assert all(name in message for name in REQUEST_TYPES) and '"shout"' in message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_a_bad_field_wherever_it_hides(number: str) -> None:
    error = refusal('{"type":"view","ref":"9","room":"r","focus":{"x":' + number + "}}")
    assert (error.code, error.field, error.ref, error.room) == ("bad_field", "focus.x", "9", "r")


def test_half_a_surrogate_pair_is_a_bad_field_and_never_comes_back() -> None:
    error = refusal(r'{"type":"say","room":"\ud800","ref":"\udfff","id":"1","text":"x"}')
    assert (error.code, error.field, error.ref, error.room) == ("bad_field", "room", None, None)
    assert encode(error.frame())
    assert refusal('{"type":"ping","client":"\ud800"}').field == "client"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"hello"',
        b"{",
        b'{"type":"ping"} x',
        b"\xff\xfe",
        '{"type":"ping"}'.encode("utf-16"),
        b'{"type":"ping","a":' + b"[" * 60_000,
        b"[" * 60_000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_not_one_json_object_is_a_bad_frame(data: str | bytes) -> None:
    assert refusal(data).code == "bad_frame"


@pytest.mark.parametrize("kind", [None, 3, [], {}])
def test_a_frame_without_a_type_is_a_bad_frame_that_says_so(kind: object) -> None:
    assert said(type=kind)[:2] == ("bad_frame", "type")
    assert said(room="r") == ("bad_frame", "type", "`type`: expected a string, got nothing")


def test_an_error_repeats_the_ref_of_its_request_but_not_a_lie_about_it() -> None:
    assert refusal('{"type":"shout","ref":"7"}').ref == "7"
    assert refusal('{"type":"say","ref":"7"}').ref == "7"
    assert refusal('{"ref":"7"}').ref == "7"
    assert refusal('{"type":"shout","ref":7}').ref is None
    assert refusal(json.dumps({"type": "ping", "ref": "7" * 129})).ref is None


@pytest.mark.parametrize(
    "frame",
    [
        {"type": LONG},
        {"type": "hello", "kind": LONG},
        {"type": "hello", "kind": "human", "name": LONG},
        {"type": "say", "room": LONG, "id": LONG, "text": ""},
        {"type": "redact", "room": LONG, "seq": LONG},
        {"type": "redact", "room": "r", "seq": [LONG]},
        {"type": "redact", "room": "r", "seq": {LONG: LONG}},
        {"type": "redact", "room": "r", "seq": 10**4000},
        {"type": "ping", LONG: [float("inf")]},
    ],
    ids=lambda frame: "-".join(key[:8] for key in frame),
)
def test_nothing_longer_than_needed_is_echoed(frame: dict[str, Any]) -> None:
    error = refusal(json.dumps(frame))
    assert len(error.message) <= MESSAGE_CHARACTERS_MAX
    assert len(encode(error.frame())) <= 2 * MESSAGE_CHARACTERS_MAX


def check(data: str | bytes) -> None:
    try:
        decode_request(data)
    except WireError as error:
        assert error.code in ("bad_frame", "bad_field", "unknown_type")
        assert error.message.isascii() and error.message.isprintable()
        assert len(error.message) <= MESSAGE_CHARACTERS_MAX
        assert encode(error.frame())


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_wire_error(data: bytes) -> None:
    check(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
field_names = st.sampled_from("ref room id text parts reply_to view after seq seqs turn focus mode lock words".split())


@given(st.dictionaries(field_names, json_values, max_size=6), st.sampled_from([*REQUEST_TYPES, "shout"]))
@example({"ref": "\udc80"}, "ping")
@example({"view": {"focus": {"x": float("nan")}}}, "join")
def test_no_frame_raises_anything_but_a_wire_error(fields: dict[str, Any], kind: str) -> None:
    check(json.dumps({"type": kind, **fields}))


@given(st.text(st.characters(categories=None), max_size=60))
def test_no_text_raises_anything_but_a_wire_error(text: str) -> None:
    check(text)
    check(json.dumps({"type": "ping", "ref": text, text: text}))


def test_what_is_echoed_of_a_frame_that_is_none_has_no_line_breaks() -> None:
    error = explain(b'{"type": "lab\xff"}', "Invalid value 'lab\n\x1b[2J\u202e'")
    assert error.message.isprintable() and "lab" in error.message
