from __future__ import annotations

import json
from typing import Any

import pytest

from cadence.rooms.wire import WireError
from cadence.rooms.wire.completions import MESSAGES_MAX, ChatMessage, TextPart, decode_completion

HELLO = [{"role": "user", "content": "hello"}]


def decoded(**fields: Any) -> Any:
    return decode_completion(json.dumps({"model": "alex", "messages": HELLO, **fields}).encode())


def test_what_is_not_known_is_ignored() -> None:
    request = decoded(user="u", logit_bias={}, stream_options={"include_usage": True, "x": 1}, presence_penalty=0)
    assert (request.model, request.messages, request.stream) == ("alex", (ChatMessage("user", "hello"),), False)


def test_content_may_come_in_parts() -> None:
    request = decoded(
        messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    )
    assert (request.messages[0].content, request.messages[0].text) == ((TextPart("a"), TextPart("b")), "a\nb")


def test_the_newer_name_of_a_limit_counts_first() -> None:
    given = ({}, {"max_tokens": 5}, {"max_tokens": 5, "max_completion_tokens": 7})
    assert [decoded(**limits).tokens_max for limits in given] == [None, 5, 7]


@pytest.mark.parametrize(("stop", "stops"), [(None, ()), ("a", ("a",)), (["a", "b"], ("a", "b"))])
def test_stops_are_one_or_some(stop: Any, stops: tuple[str, ...]) -> None:
    assert decoded(stop=stop).stops == stops


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": HELLO * (MESSAGES_MAX + 1)}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"since": -1}, "since"),
        ({"n": 2}, "n"),
        ({"tools": [{}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_cannot_be_answered_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(WireError) as caught:
        decoded(**fields)
    assert (caught.value.code, caught.value.field) == ("bad_field", field)
    assert len(caught.value.message) < 300


def test_what_changes_nothing_is_let_pass() -> None:
    assert decoded(n=1, tools=[], response_format={"type": "text"}).n == 1


def test_a_missing_field_is_named() -> None:
    with pytest.raises(WireError, match="`model`: expected this field, got nothing") as caught:
        decode_completion(b'{"messages": [{"role": "user", "content": "x"}]}')
    assert caught.value.field == "model"


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_bad_frame(body: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_completion(body)
    assert caught.value.code == "bad_frame"
