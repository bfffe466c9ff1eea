from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from cadence.rooms.bodies import answer, describe, gives, read_body, read_fields, takes
from cadence.rooms.wire import FRAME_BYTES_MAX, Said, Say, WireError
from tests.asgi import fetch


async def fields(body: bytes) -> Any:
    """What `read_fields` makes of a body."""
    found: list[Any] = []
    api = FastAPI()

    @api.post("/")
    async def take(request: Request) -> None:
        try:
            found.append(await read_fields(request))
        except WireError as error:
            found.append(error)

    await fetch(api, "POST", "/", body)
    return found[0]


async def test_an_object_is_read() -> None:
    assert await fields(b'{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b'{"a": NaN}', b"[" * 40_000, b'{"a":' * 10_000]
)
async def test_anything_else_is_a_bad_frame_in_one_sentence(body: bytes) -> None:
    error = await fields(body)
    assert (error.code, error.message.startswith("expected one JSON object")) == ("bad_frame", True)


async def test_a_body_is_as_large_as_a_frame_at_most() -> None:
    assert await fields(b'{"a":"' + b"x" * (FRAME_BYTES_MAX - 8) + b'"}') != {}
    assert (await fields(b" " * (FRAME_BYTES_MAX + 1))).code == "too_large"


async def test_a_body_without_end_is_not_read_to_its_end() -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    with pytest.raises(WireError, match="at most 10000 bytes"):
        await read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 10_000)
    assert read == 11


async def test_openapi_knows_what_is_taken_and_given() -> None:
    api = FastAPI()

    @api.post(
        "/",
        status_code=201,
        response_class=Response,
        openapi_extra=takes(Say, ("type", "room")),
        responses=gives(Said, 201),
    )
    async def say() -> Response:
        return answer(Said(room="r", id="i", seq=1, epoch="e", at="t"), 201)

    describe(api, (Said,), {Say: ("type", "room")})
    schema = api.openapi()
    post = schema["paths"]["/"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/SayBody"}
    assert post["responses"]["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Said"}
    body = schema["components"]["schemas"]["SayBody"]
    assert (body["required"], "room" in body["properties"], "parts" in body["properties"]) == (
        ["id", "text"],
        False,
        True,
    )
    told = await fetch(api, "POST", "/")
    assert (told.status, told.json()["type"], told.headers["content-type"]) == (201, "said", "application/json")
