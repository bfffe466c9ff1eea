"""OpenAPI is right, and what it lists survives whatever is sent to it: no failure of the server, one shape of error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cadence.answering import models_of
from cadence.rooms.guests import Guests
from cadence.rooms.http import create_api
from cadence.rooms.wire import ViewPatch
from tests import mortal
from tests.actors import ROOM
from tests.asgi import fetch
from tests.clock import VirtualLoop
from tests.rooms.house import clock

METHODS = ("get", "post", "patch", "put", "delete")
TOKENS = (None, "wrong", "\x00", mortal.HOST_TOKEN)
JUNK = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b"\xff\xfe\x00",
    b"[" * 20_000,
    b'{"a":' * 10_000,
    b"x" * 70_000,
    b"{}",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = (
    "id text parts reply_to pod spoken type room ref cadence_s mode focus lock interests "
    "model messages stream max_tokens stop since n role content"
).split()
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)


async def served() -> tuple[mortal.Server, Any]:
    ours = mortal.Server(clock, ViewPatch())
    await ours.start()
    guests = Guests(ours.identity, clock, ("127.0.0.1",))
    return ours, create_api(ours.hub, ours.identity, "1", guests=guests, models=models_of(ours.hub, ours.driver, dict))


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method, path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_every_operation_says_what_it_does_takes_and_gives() -> None:
    ours, api = await served()
    schema = api.openapi()
    known = set(schema["components"]["schemas"])
    assert {ref.removeprefix("#/components/schemas/") for ref in references(schema)} <= known
    for method, path, operation in operations(schema):
        assert operation.get("description"), path
        if method in ("post", "patch") and path not in ("/api/tickets",):
            assert operation["requestBody"]["content"]["application/json"]["schema"], path
        assert "token" not in [one["name"].lower() for one in operation.get("parameters", ()) if one["in"] == "query"]
    listed = {f"{method} {path}" for method, path, _ in operations(schema)}
    assert {
        "get /api/rooms",
        "get /api/rooms/{room}/messages",
        "post /api/rooms/{room}/messages",
        "get /api/rooms/{room}/turns",
        "get /api/rooms/{room}/participants/{id}/view",
        "patch /api/rooms/{room}/participants/{id}/view",
        "get /v1/models",
        "post /v1/chat/completions",
    } <= listed
    await ours.stop()


def assert_decent(status: int, body: bytes, what: object) -> None:
    assert status < 500 or status == 503, (what, status, body[:200])
    if status >= 400:
        error = json.loads(body)["error"]
        assert {"code", "message"} <= set(error) <= {"code", "message", "field"}, what
        assert 0 < len(error["message"]) < 500 and "Traceback" not in error["message"], what
        assert "the server failed" not in error["message"], what


@pytest.mark.parametrize(
    "room", [ROOM, "nowhere", "..", "%2e%2e", "a" * 300, "'; DROP TABLE messages", "\u202e", "%00"]
)
async def test_no_address_and_no_junk_is_a_failure_of_the_server(room: str) -> None:
    ours, api = await served()
    for method, path, _ in operations(api.openapi()):
        target = path.replace("{room}", room).replace("{id}", "rae").replace("{", "").replace("}", "")
        for number, body in enumerate(JUNK):
            token = TOKENS[number % len(TOKENS)]
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            answer = await fetch(api, method.upper(), f"{target}?limit=x&after=-1&q=%FF", body, **headers)
            assert_decent(answer.status, answer.body, (method, target, body[:20]))
    await ours.stop()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=BODIES, path=st.sampled_from(["/messages", "/participants/host/view", ""]))
def test_no_object_is_a_failure_of_the_server(body: dict[str, Any], path: str) -> None:
    async def ask() -> None:
        ours, api = await served()
        target = f"/api/rooms/{ours.rooms[0].room}{path}" if path else "/v1/chat/completions"
        method = "PATCH" if path.endswith("view") else "POST"
        data = json.dumps(body).encode()  # with NaN and halves of surrogate pairs
        answer = await fetch(api, method, target, data, authorization=f"Bearer {mortal.HOST_TOKEN}")
        assert_decent(answer.status, answer.body, body)
        await ours.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(ask())
