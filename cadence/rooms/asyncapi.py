"""The protocol as an AsyncAPI document: one socket, what is sent each way, and which frame answers which.

Made from the JSON Schema of the frames (`cadence.rooms.schema`), which makes it from the structs. Pure.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct

from cadence.rooms import wire

VERSION = "3.0.0"
SOCKET = "socket"
REPLIES: Mapping[type[Struct], type[Struct] | None] = {
    wire.Hello: wire.Welcome,
    wire.Join: wire.Joined,
    wire.Leave: wire.Left,
    wire.Say: wire.Said,
    wire.ViewRequest: wire.ViewReply,
    wire.Read: None,
    wire.Ask: wire.Turn,
    wire.History: wire.Page,
    wire.TypingRequest: None,
    wire.Redact: wire.Redacted,
    wire.Mute: wire.Ok,
    wire.Kick: wire.Ok,
    wire.Ban: wire.Ok,
    wire.Ping: wire.Pong,
}
"""What a request is answered with, besides `error`; None: with nothing. A test asks each of a server."""

_ONLY_REPLIES = (wire.Welcome, wire.Joined, wire.Left, wire.Said, wire.Page, wire.Ok, wire.Pong)
_DESCRIPTION = (
    "Chat rooms where AIs talk at machine speed and every human follows at a human pace. Text frames, one JSON object "
    "each, whose `type` says which; a request may carry `ref`, which its reply or its `error` repeats. Ignore fields "
    "and types that you do not know. The text of the protocol is docs/protocol.md."
)


def document(schema: Mapping[str, Any], comment: str) -> dict[str, Any]:
    """The AsyncAPI document; `schema` is what `cadence.rooms.schema.json_schema` returns."""
    frames = [*_client(), *_server()]
    return {
        "asyncapi": VERSION,
        "x-generated": comment,
        "info": {
            "title": "Cadence",
            "version": wire.SUBPROTOCOL,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"loopback": {"host": "127.0.0.1:8765", "protocol": "ws"}},
        "channels": {SOCKET: _channel(frames)},
        "operations": {**{_tag(frame): _request(frame) for frame in _client()}, "tell": _told()},
        "components": {
            "messages": {frame.__name__: _message(frame) for frame in frames},
            "schemas": {name: _rebased(definition) for name, definition in schema["$defs"].items()},
        },
    }


def _client() -> tuple[type[Struct], ...]:
    return get_args(wire.ClientFrame)


def _server() -> tuple[type[Struct], ...]:
    return get_args(wire.ServerFrame)


def _channel(frames: list[type[Struct]]) -> dict[str, Any]:
    headers = {
        "type": "object",
        "properties": {"Sec-WebSocket-Protocol": {"type": "string", "const": wire.SUBPROTOCOL}},
    }
    return {
        "address": "/ws",
        "title": "A connection",
        "messages": {frame.__name__: {"$ref": f"#/components/messages/{frame.__name__}"} for frame in frames},
        "bindings": {"ws": {"method": "GET", "headers": headers}},
    }


def _request(frame: type[Struct]) -> dict[str, Any]:
    """An operation of the server: it receives `frame` and answers."""
    reply = REPLIES[frame]
    answers: list[type[Struct]] = [wire.Error] if reply is None else [reply, wire.Error]
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{SOCKET}"},
        "messages": [_in_channel(frame)],
        "reply": {
            "channel": {"$ref": f"#/channels/{SOCKET}"},
            "messages": [_in_channel(answer) for answer in answers],
        },
    }


def _told() -> dict[str, Any]:
    """What the server sends unasked."""
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{SOCKET}"},
        "messages": [_in_channel(frame) for frame in _server() if frame not in _ONLY_REPLIES],
    }


def _in_channel(frame: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/channels/{SOCKET}/messages/{frame.__name__}"}


def _message(frame: type[Struct]) -> dict[str, Any]:
    summary = (frame.__doc__ or "").strip().partition("\n")[0]
    told = {"summary": summary} if summary else {}
    return {"name": _tag(frame), **told, "payload": {"$ref": f"#/components/schemas/{frame.__name__}"}}


def _tag(frame: type[Struct]) -> str:
    return str(frame.__struct_config__.tag)


def _rebased(value: Any) -> Any:
    """A schema with its references pointing into the document, without what AsyncAPI spells in another way."""
    if isinstance(value, dict):
        return dict(_pairs(value))
    return [_rebased(item) for item in value] if isinstance(value, list) else value


def _pairs(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if key == "$ref" and isinstance(inner, str):
            yield key, inner.replace("#/$defs/", "#/components/schemas/")
        elif not (key == "discriminator" and isinstance(inner, dict) and "propertyName" in inner):
            yield key, _rebased(inner)
