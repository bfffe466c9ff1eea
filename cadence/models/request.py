"""What a call looks like on the wire of chat completions, for endpoints that understand more or less of it.

Every endpoint says it speaks this protocol, and each leaves something out. So a request begins with all we would like,
and what is refused is left out of the next one, a step at a time (`lowered`):

    an answer in a schema    response_format json_schema -> json_object and the schema in words -> in words only
    the tokens used          stream_options -> not asked for; then they are estimated
    the longest answer       max_tokens -> max_completion_tokens

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage

Form = Literal["schema", "object", "words"]
_LOWER: dict[Form, Form | None] = {"schema": "object", "object": "words", "words": None}
TRIES_MAX = 5  # the longest way down: twice the form, the usage, the name of the limit, and the first


@dataclass(frozen=True, slots=True)
class Able:
    """What an endpoint is taken to understand."""

    form: Form = "schema"
    usage: bool = True
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


def body(card: ModelCard, call: Call, able: Able) -> dict[str, Any]:
    """The request of a call. What does not apply is absent, not null: some endpoints refuse nulls."""
    wanted: dict[str, Any] = {
        "model": card.served,
        "messages": [_message(message) for message in _messages(call, able)],
        "stream": True,
        able.limit: call.tokens_max,
        "temperature": call.temperature,
        "stop": list(call.stop) or None,
        "seed": call.seed,
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.schema)},
            }
            for tool in call.tools
        ]
        or None,
        "stream_options": {"include_usage": True} if able.usage else None,
        "response_format": _format(call.schema, able.form),
    }
    return {**card.extra, **{key: value for key, value in wanted.items() if value is not None}}


def lowered(able: Able, call: Call, said: str) -> Able | None:
    """What to try after a refusal that says `said`; None if there is nothing left to leave out."""
    if "max_completion_tokens" in said and able.limit == "max_tokens":
        return replace(able, limit="max_completion_tokens")
    lower = _LOWER[able.form] if call.schema is not None else None
    if able.usage and ("stream_options" in said or lower is None):
        return replace(able, usage=False)
    return None if lower is None else replace(able, form=lower)


def _format(schema: Mapping[str, object] | None, form: Form) -> dict[str, Any] | None:
    if schema is None or form == "words":
        return None
    if form == "object":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}


def _messages(call: Call, able: Able) -> tuple[ChatMessage, ...]:
    """The messages, with the schema in words behind the last where the endpoint does not take it otherwise."""
    if call.schema is None or able.form == "schema":
        return call.messages
    # Behind the last message and not in the first, so that what many calls begin with stays the same.
    words = f"Answer with one JSON value that fits this JSON Schema, and nothing else: {json.dumps(call.schema)}"
    last = call.messages[-1] if call.messages else None
    if last is not None and last.role == "user":
        return (*call.messages[:-1], replace(last, text=f"{last.text}\n\n{words}"))
    return (*call.messages, ChatMessage("user", words))


def _message(message: ChatMessage) -> dict[str, Any]:
    read: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        read["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.answers is not None:
        read["tool_call_id"] = message.answers
    return read
