"""The client against a real socket that misbehaves in every way an endpoint can."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from cadence.models import client as module
from cadence.models.cards import Limits, ModelCard
from cadence.models.chat import Call, ChatMessage, Done, ModelError, Piece, Usage, answer_of
from cadence.models.client import EndpointModel
from cadence.models.scripted import ScriptedModel
from tests.models.fake_endpoint import KEY, Body, FakeEndpoint, chunk, event, fake_endpoint, head, refusal

pytestmark = pytest.mark.real_time

CALL = Call((ChatMessage("user", "hello you"),), tokens_max=50)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
LINES = {"endpoint": 1, "served": 2, "context_tokens": 3, "key_env": 4}
HASTY = Limits(connect_s=5, first_s=0.05, silence_s=0.05, answer_s=20)
PATIENCE_S = 30.0


@asynccontextmanager
async def made(key: str | None = None, given: str | None = None, **card: Any) -> AsyncIterator[tuple[Any, Any]]:
    """An endpoint that wants `key`, and a client that has `given`."""
    async with asyncio.timeout(PATIENCE_S), fake_endpoint(ScriptedModel(lambda _: "fine"), key=key) as server:
        fields = {"key_env": "TINY_KEY" if given else None, "lines": LINES, **card}
        it = ModelCard("local", (server.address,), "tiny", "models/local.toml", **fields)
        async with aclosing(EndpointModel(it, server.address, given)) as model:
            yield server, model


async def trouble_of(model: EndpointModel, call: Call = CALL) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await answer_of(model, call)
    return caught.value


RUBBISH = {
    "html": [head(200, "text/html") + b"<html>welcome</html>"],
    "not json": [head() + b"data: {oops\n\n"],
    "a list": [head() + b"data: [1, 2]\n\ndata: [DONE]\n\n"],
    "null": [head() + b"data: null\n\ndata: [DONE]\n\n"],
    "odd types": [head() + event({"choices": "many"}) + event({"choices": [7]}) + b"data: [DONE]\n\n"],
    "deltas of numbers": [head() + event({"choices": [{"delta": {"content": 7, "tool_calls": 3}}]})],
    "no event at all": [head() + b": ping\n\n: ping\n\n"],
    "bytes that are no text": [head() + b"data: \xff\xfe\n\n"],
    "nothing": [head()],
    "no HTTP": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "a body cut short": [head(more="Content-Length: 900\r\n") + event(chunk("half"))],
}


@pytest.mark.parametrize("raw", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_an_error_and_never_an_answer(raw: list[bytes]) -> None:
    async with made() as (server, model):
        server.raw = lambda _: raw
        error = await trouble_of(model)
    assert error.trouble in ("invalid", "unreachable")
    assert str(error).startswith("models/local.toml:1: expected")


async def test_nobody_there() -> None:
    async with made() as (server, _):
        address = "http://127.0.0.1:9/v1"
        card = ModelCard("local", (address,), "tiny", "models/local.toml", lines=LINES)
        async with aclosing(EndpointModel(card, address, None)) as model:
            error = await trouble_of(model)
    assert (error.trouble, error.passing) == ("unreachable", True)
    told = "models/local.toml:1: expected an answer from http://127.0.0.1:9/v1, but nobody answers there"
    assert str(error).startswith(told)


@pytest.mark.parametrize("raw", [[], [head()], [head() + event(chunk("half a"))]], ids=["mute", "head", "begun"])
async def test_one_that_hangs_is_given_up(raw: list[bytes]) -> None:
    async with made(limits=HASTY) as (server, model):
        server.raw, server.hangs = lambda _: raw, True
        error = await trouble_of(model)
        await server.gone.wait()
    assert error.trouble == "timed_out" and "models/local.toml:1" in str(error)
    assert server.ended_early == 1, "the endpoint must learn that nobody waits any more"


async def test_an_answer_without_end_is_given_up() -> None:
    async with made(limits=Limits(answer_s=0.1)) as (server, model):
        server.raw, server.hangs = lambda _: [head() + event(chunk("on and on"))], True
        assert (await trouble_of(model)).trouble == "timed_out"


async def test_a_cancelled_call_ends_at_the_endpoint() -> None:
    async with made() as (server, model):
        server.raw, server.hangs = lambda _: [head() + event(chunk("half a"))], True
        pieces = model.stream(CALL)
        assert await anext(pieces) == Piece("half a")
        waiting = asyncio.create_task(anext(pieces))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await server.gone.wait()


async def test_a_closed_stream_ends_at_the_endpoint() -> None:
    async with made() as (server, model):
        server.raw, server.hangs = lambda _: [head() + event(chunk("half a"))], True
        async with aclosing(model.stream(CALL)) as pieces:
            assert await anext(pieces) == Piece("half a")
        await server.gone.wait()


async def test_the_right_key_opens() -> None:
    async with made(key=KEY, given=KEY) as (_, model):
        assert (await answer_of(model, CALL)).text == "fine"


async def test_a_wrong_key_names_the_line_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with made(key="another", given=KEY) as (server, model):
        error = await trouble_of(model)
    assert error.trouble == "forbidden" and not error.passing
    assert str(error).startswith(f"models/local.toml:4: {server.address} refuses the key in TINY_KEY (401)")
    told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert KEY not in told and KEY not in caplog.text


async def test_no_key_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "an-organisation")
    async with made(key=KEY) as (server, model):
        error = await trouble_of(model)
        assert "of-somebody-else" not in str(server.headers) and "an-organisation" not in str(server.headers)
    assert error.trouble == "forbidden" and "name the variable that holds it as key_env" in str(error)


async def test_a_variable_that_is_not_set_is_told_before_anything_is_sent() -> None:
    async with made(key=KEY, key_env="TINY_KEY") as (server, model):
        error = await trouble_of(model)
        assert server.asked == []
    assert str(error).startswith("models/local.toml:4: expected a key in the variable TINY_KEY, which is not set")


async def test_a_key_that_an_endpoint_repeats_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with made(key=KEY, given=KEY) as (server, model):
        server.raw = lambda _: [refusal(500, f"crashed at Bearer {KEY} and {KEY[:20]}")]
        error = await trouble_of(model)
    assert "crashed at Bearer ... and ..." in str(error)
    assert KEY[:20] not in str(error) and KEY not in caplog.text


async def test_an_unknown_model_names_the_line() -> None:
    async with made() as (server, model):
        model.card = replace(model.card, served="huge")
        error = await trouble_of(model)
    assert error.trouble == "unknown_model"
    assert str(error).startswith(f"models/local.toml:2: expected {server.address} to serve `huge`, got 404: The model")


async def test_a_prompt_that_is_too_long_names_the_line() -> None:
    async with made() as (_, model):
        error = await trouble_of(model, replace(CALL, tokens_max=40_000))
    assert error.trouble == "too_long"
    assert str(error).startswith("models/local.toml:3: expected a call that fits the context of `tiny`, got 400:")


async def test_who_is_asked_too_much_says_when_to_come_back() -> None:
    async with made() as (server, model):
        server.raw = lambda _: [refusal(429, "slow down", "Retry-After: 7\r\n")]
        error = await trouble_of(model)
    assert (error.trouble, error.again_s) == ("overloaded", 7.0)


async def test_an_error_in_the_midst_of_a_stream() -> None:
    async with made() as (server, model):
        told = {"error": {"message": "the engine died", "type": "InternalServerError", "code": 500}}
        server.raw = lambda _: [head() + event(chunk("half")) + event(told)]
        error = await trouble_of(model)
    assert error.trouble == "unreachable" and "the engine died" in str(error)


async def test_a_redirect_is_not_followed() -> None:
    async with made(key=KEY, given=KEY) as (server, model), made() as (other, _):
        server.raw = lambda _: [head(307, "text/plain", f"Location: {other.address}/chat/completions\r\n")]
        assert (await trouble_of(model)).trouble == "invalid"
        assert other.asked == []


async def test_a_response_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 1_000)
    async with made() as (server, model):
        server.raw = lambda _: [head() + b"data: " + b"x" * 2_000]
        error = await trouble_of(model)
    assert error.trouble == "invalid" and "at most 1000 bytes" in str(error)


def refuses(server: FakeEndpoint, *fields: str) -> None:
    """Have the server refuse requests with any of these fields or forms."""

    def raw(body: Body) -> list[bytes] | None:
        form = body.get("response_format", {}).get("type")
        found = [field for field in fields if field in body or field == form]
        return [refusal(400, f"unknown field {found[0]}")] if found else None

    server.raw = raw


@pytest.mark.parametrize(
    ("fields", "tries", "form"),
    [
        ((), 1, "json_schema"),
        (("json_schema",), 2, "json_object"),
        (("json_schema", "json_object"), 3, None),
        (("stream_options",), 2, "json_schema"),
        (("stream_options", "json_schema", "json_object", "max_tokens"), 5, None),
    ],
)
async def test_what_an_endpoint_refuses_is_left_out(fields: tuple[str, ...], tries: int, form: str | None) -> None:
    async with made() as (server, model):
        refuses(server, *fields)
        if "max_tokens" in fields:
            inner = server.raw
            server.raw = lambda body: (
                [refusal(400, "use max_completion_tokens")] if "max_tokens" in body else inner(body)
            )
        call = replace(CALL, schema=SCHEMA)
        assert (await answer_of(model, call)).text == "fine"
        assert len(server.asked) == tries
        assert server.asked[-1].get("response_format", {}).get("type") == form
        said = server.asked[-1]["messages"][-1]["content"]
        assert (json.dumps(SCHEMA) in said) == (form != "json_schema")
        await answer_of(model, call)
        assert len(server.asked) == tries + 1, "it is remembered"


async def test_one_refused_schema_speaks_for_no_other() -> None:
    async with made() as (server, model):
        server.raw = lambda body: (
            [refusal(400, "bad schema")] if "strange" in str(body.get("response_format")) else None
        )
        await answer_of(model, replace(CALL, schema={"type": "strange"}))
        await answer_of(model, replace(CALL, schema=SCHEMA))
        assert server.asked[-1]["response_format"]["type"] == "json_schema"


async def test_tokens_are_estimated_where_the_endpoint_does_not_count() -> None:
    async with made() as (server, model):
        server.raw = lambda _: [head() + event(chunk("x" * 10, "stop"))]
        answer = await answer_of(model, CALL)
    assert (answer.text, answer.usage) == ("x" * 10, Usage(3, 3))


async def test_a_chunk_may_have_more_than_we_know() -> None:
    async with made() as (server, model):
        odd = chunk("fi", reasoning_content="hm", audio=None, new_field=[1])
        server.raw = lambda _: [b"".join((head(), b": ping\n\n", event(odd), event(chunk("ne", "eos"))))]
        parts = [part async for part in model.stream(CALL)]
    assert parts == [Piece("fi"), Piece("ne"), Done("stop", Usage(3, 1))]


async def test_the_models_of_an_endpoint_can_be_listed() -> None:
    async with made(key=KEY, given=KEY) as (_, model):
        assert await model.served() == ("tiny",)


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"<html>", b'{"data": 7}', b'{"data": [{"id": 7}]}'])
async def test_a_list_of_models_may_be_rubbish(raw: bytes) -> None:
    async with made() as (server, model):
        server.raw = lambda _: [head(200, "application/json", f"Content-Length: {len(raw)}\r\n") + raw]
        try:
            assert await model.served() == ()
        except ModelError as error:
            assert error.trouble in ("invalid", "unreachable")
