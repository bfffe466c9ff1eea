"""What a call looks like on the wire, and what is left out when an endpoint refuses it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, Tool, ToolCall
from cadence.models.request import TRIES_MAX, Able, body, lowered

CARD = ModelCard("local", ("http://x/v1",), "tiny")
CALL = Call((ChatMessage("system", "s"), ChatMessage("user", "hello")), tokens_max=5, temperature=0.0)
SCHEMA = {"type": "object"}


def test_what_does_not_apply_is_absent() -> None:
    assert body(CARD, CALL, Able(usage=False)) == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}],
        "stream": True,
        "max_tokens": 5,
        "temperature": 0.0,
    }


def test_the_card_adds_fields_of_its_own() -> None:
    assert body(replace(CARD, extra={"top_k": 4}), CALL, Able())["top_k"] == 4


def test_tools_and_their_answers() -> None:
    messages = (
        ChatMessage("assistant", "", (ToolCall("7", "clock", "{}"),)),
        ChatMessage("tool", "noon", answers="7"),
    )
    wire = body(CARD, replace(CALL, messages=messages, tools=(Tool("clock", "tells", SCHEMA),), seed=0), Able())
    called = {"id": "7", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    assert wire["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "noon", "tool_call_id": "7"},
    ]
    function = {"name": "clock", "description": "tells", "parameters": SCHEMA}
    assert wire["tools"] == [{"type": "function", "function": function}]
    assert wire["seed"] == 0


def test_a_schema_in_words_leaves_the_beginning_as_it_was() -> None:
    wire = body(CARD, replace(CALL, schema=SCHEMA), Able("words"))
    assert "response_format" not in wire
    assert wire["messages"][0] == {"role": "system", "content": "s"}
    assert wire["messages"][1]["content"].startswith("hello\n\nAnswer with one JSON value that fits this JSON Schema")


def test_words_are_a_message_of_their_own_where_the_last_is_not_the_users() -> None:
    messages = (ChatMessage("user", "a"), ChatMessage("assistant", "b"))
    wire = body(CARD, replace(CALL, messages=messages, schema=SCHEMA), Able("object"))
    assert [message["role"] for message in wire["messages"]] == ["user", "assistant", "user"]
    assert wire["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("able", "schema", "said", "lower"),
    [
        (Able(), None, "no", Able(usage=False)),
        (Able(usage=False), None, "no", None),
        (Able(), SCHEMA, "no", Able("object")),
        (Able(), SCHEMA, "stream_options", Able(usage=False)),
        (Able("object"), SCHEMA, "no", Able("words")),
        (Able("words"), SCHEMA, "no", Able("words", usage=False)),
        (Able("words", usage=False), SCHEMA, "no", None),
        (Able(), None, "use max_completion_tokens", Able(limit="max_completion_tokens")),
        (Able(limit="max_completion_tokens"), None, "max_completion", Able(usage=False, limit="max_completion_tokens")),
    ],
)  # fmt: skip
def test_one_thing_is_left_out_at_a_time(able: Able, schema: dict[str, object], said: str, lower: Able | None) -> None:
    assert lowered(able, replace(CALL, schema=schema), said) == lower


@pytest.mark.parametrize(
    "said", ["no", "stream_options", "max_completion_tokens", "stream_options max_completion_tokens"]
)
def test_the_way_down_ends(said: str) -> None:
    able: Able | None = Able()
    tries = 0
    while able is not None:
        tries += 1
        able = lowered(able, replace(CALL, schema=SCHEMA), said)
    assert tries <= TRIES_MAX
