"""Bodies of requests: read with a bound, decoded by the types of the wire, described for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from cadence.rooms.wire import FRAME_BYTES_MAX, WireError, encode

JSON = "application/json"
_TEMPLATE = "#/components/schemas/{name}"


async def read_body(request: Request, bytes_max: int = FRAME_BYTES_MAX) -> bytes:
    """The body; raises `WireError` for one that is larger, before the rest of it is read."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > bytes_max:
            raise WireError("too_large", f"expected a body of at most {bytes_max} bytes, got more")
    return bytes(data)


async def read_fields(request: Request) -> dict[str, Any]:
    """The body as a JSON object of at most a frame's size; raises `WireError`."""
    data = await read_body(request)
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise WireError("bad_frame", "expected one JSON object as the body, got something else") from None
    if not isinstance(fields, dict):
        raise WireError("bad_frame", "expected one JSON object as the body, got another kind of value")
    return fields


def answer(frame: msgspec.Struct, status: int = 200) -> Response:
    """A frame as the body of a response."""
    return Response(encode(frame), status, media_type=JSON)


def takes(kind: type[msgspec.Struct], without: Sequence[str] = ()) -> dict[str, Any]:
    """What OpenAPI says of a request whose body is a `kind`, `without` the fields that the address says."""
    content = {JSON: {"schema": {"$ref": _TEMPLATE.format(name=_body_name(kind, without))}}}
    return {"requestBody": {"required": True, "content": content}}


def gives(kind: type[msgspec.Struct], status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a response whose body is a `kind`."""
    content = {JSON: {"schema": {"$ref": _TEMPLATE.format(name=kind.__name__)}}}
    return {status: {"description": "Successful Response", "content": content}}


def describe(
    api: FastAPI, kinds: Sequence[type[msgspec.Struct]], bodies: Mapping[type[msgspec.Struct], Sequence[str]]
) -> None:
    """Let OpenAPI know the types that `gives` and `takes` refer to; `bodies` are those taken without some fields."""
    made = api.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        _, found = msgspec.json.schema_components([*kinds, *bodies], ref_template=_TEMPLATE)
        for kind, without in bodies.items():
            found[_body_name(kind, without)] = _lacking(found[kind.__name__], without)
        schema.setdefault("components", {}).setdefault("schemas", {}).update(found)
        return schema

    api.openapi = openapi  # type: ignore[method-assign]


def _body_name(kind: type[msgspec.Struct], without: Sequence[str]) -> str:
    return f"{kind.__name__}Body" if without else kind.__name__


def _lacking(schema: dict[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """The schema of an object without some of its fields."""
    properties = {name: value for name, value in schema["properties"].items() if name not in without}
    required = [name for name in schema.get("required", ()) if name not in without]
    return {**schema, "properties": properties, "required": required}
