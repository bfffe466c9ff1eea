"""`/v1`, with something that answers as a test wants it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from cadence.rooms.completions import (
    ANSWER_SECONDS_MAX,
    BODY_BYTES_MAX,
    UNDER_WAY_USER_MAX,
)
from cadence.rooms.guests import Guests
from cadence.rooms.http import create_api
from cadence.rooms.wire import Member, WireError
from cadence.rooms.wire.completions import Completion, Delta, End, Source
from tests.asgi import Answer, fetch
from tests.rooms.house import HOST_TOKEN, House, clock, settle

HELLO = [{"role": "user", "content": "hello"}]


class Parrot:
    """Says the last message back, word by word. `gate` holds it after the first, `fault` breaks it off there."""

    def __init__(self) -> None:
        self.gate: asyncio.Event | None = None
        self.fault: Exception | None = None
        self.early: WireError | None = None
        self.open = 0

    def names(self, asker: Member | None) -> Sequence[str]:
        return ["parrot"] if asker is None else ["parrot", "secret parrot"]

    async def complete(self, request: Completion, asker: Member | None) -> AsyncIterator[Delta | End]:
        self.open += 1
        try:
            if self.early is not None:
                raise self.early
            for number, word in enumerate(request.messages[-1].text.split()):
                if number and self.gate is not None:
                    await self.gate.wait()
                if number and self.fault is not None:
                    raise self.fault
                yield Delta(f" {word}" if number else word)
            yield End("stop", 3, 2, (Source(("ann",), "hello", (4,)),) if asker is None else None)
        finally:
            self.open -= 1


class Site:
    def __init__(self, house: House) -> None:
        self.parrot = Parrot()
        guests = Guests(house.identity, clock, ("127.0.0.1",))
        self._api = create_api(house.hub, house.identity, "1", guests=guests, models=[self.parrot])
        self.house = house

    async def models(self, token: str | None = None) -> list[str]:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = (await fetch(self._api, "GET", "/v1/models", **headers)).json()
        assert answer["object"] == "list"
        return [model["id"] for model in answer["data"]]

    async def ask(
        self, text: str = "hello there", *, token: str | None = None, gone: asyncio.Event | None = None, **fields: Any
    ) -> Answer:
        body = {"model": "parrot", "messages": [{"role": "user", "content": text}], **fields}
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await fetch(self._api, "POST", "/v1/chat/completions", json.dumps(body).encode(), gone, **headers)


async def site(open: bool = True) -> Site:
    return Site(await House(open=open).start())


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


def events(answer: Answer) -> list[Any]:
    """The data of each event, the last as text."""
    blocks = answer.body.decode().split("\n\n")
    assert blocks.pop() == "" and all(block.startswith("data: ") for block in blocks)
    return [json.loads(block[6:]) if block != "data: [DONE]" else "[DONE]" for block in blocks]


async def test_an_answer_has_the_shape_that_clients_of_openai_know() -> None:
    answer = (await (await site()).ask()).json()
    assert answer.pop("id").startswith("chatcmpl-")
    assert answer == {
        "created": 1_700_000_000,
        "model": "parrot",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello there"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        "cadence": {"segments": [{"speakers": ["ann"], "text": "hello", "sources": [4]}]},
    }


async def test_a_stream_is_events_that_end_with_done() -> None:
    answer = await (await site()).ask(stream=True, stream_options={"include_usage": True})
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "content-length" not in answer.headers
    *chunks, usage, done = events(answer)
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": ""}, {"content": "hello"}, {"content": " there"}, {},
    ]  # fmt: skip
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "stop"]
    assert (len({chunk["id"] for chunk in [*chunks, usage]}), chunks[0]["object"]) == (1, "chat.completion.chunk")
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 5, "[DONE]")
    assert chunks[-1]["cadence"]["segments"][0]["sources"] == [4]
    assert len(events(await (await site()).ask(stream=True))) == 5, "no usage unless asked for"


async def test_models_are_listed_and_used_by_those_who_may() -> None:
    there = await site()
    assert await there.models() == ["parrot"]
    assert await there.models(HOST_TOKEN) == ["parrot", "secret parrot"]
    assert code(await there.ask(model="secret parrot")) == (404, "not_found")
    assert (await there.ask(model="secret parrot", token=HOST_TOKEN)).status == 200
    assert code(await there.ask(model="x" * 200)) == (404, "not_found")


async def test_elsewhere_nobody_is_answered_without_a_token() -> None:
    there = await site(open=False)
    for token in (None, "wrong"):
        assert code(await there.ask(token=token)) == (401, "unauthorized")
    assert code(await fetch(there._api, "GET", "/v1/models")) == (401, "unauthorized")
    assert (await there.ask(token=HOST_TOKEN)).status == 200


async def test_a_name_is_enough_where_it_is_to_speak() -> None:
    there = await site()
    named = await fetch(there._api, "GET", "/v1/models", **{"x-cadence-name": "Echo"})
    assert len(named.json()["data"]) == 2


async def test_a_body_has_a_bound() -> None:
    assert code(await (await site()).ask("x" * BODY_BYTES_MAX)) == (413, "too_large")


async def test_a_bad_body_is_told_before_anybody_is_asked() -> None:
    there = await site()
    answer = await there.ask(messages=[])
    assert (code(answer), answer.json()["error"]["field"], there.parrot.open) == ((400, "bad_field"), "messages", 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_refused_at_once_is_an_ordinary_error(stream: bool) -> None:
    there = await site()
    there.parrot.early = WireError("rate_limited", "later", retry_after_s=2.5)
    answer = await there.ask(stream=stream)
    assert (code(answer), answer.headers["retry-after"], there.parrot.open) == ((429, "rate_limited"), "3", 0)


async def test_what_breaks_off_in_a_stream_is_told_in_it() -> None:
    there = await site()
    there.parrot.fault = WireError("unavailable", "its model is gone")
    *_, last = events(await there.ask(stream=True))
    assert last == {"error": {"code": "unavailable", "message": "its model is gone"}}
    assert code(await there.ask()) == (503, "unavailable")
    assert there.parrot.open == 0


async def test_a_failure_tells_nothing_of_the_inside() -> None:
    there = await site()
    there.parrot.fault = RuntimeError("the key is 1234")
    with capture_logs():
        *_, last = events(await there.ask(stream=True))
        answer = await there.ask()
    assert last["error"]["code"] == "unavailable"
    assert "1234" not in last["error"]["message"] and b"1234" not in answer.body


@pytest.mark.parametrize("stream", [False, True])
async def test_who_hangs_up_ends_the_answer(stream: bool) -> None:
    there = await site()
    there.parrot.gate = asyncio.Event()
    gone = asyncio.Event()
    asking = asyncio.create_task(there.ask(stream=stream, gone=gone))
    await settle()
    assert there.parrot.open == 1
    gone.set()
    await asking
    assert there.parrot.open == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_ends_in_time(stream: bool) -> None:
    there = await site()
    there.parrot.gate = asyncio.Event()
    answer = await there.ask(stream=stream)
    assert asyncio.get_running_loop().time() == ANSWER_SECONDS_MAX
    assert there.parrot.open == 0
    if not stream:
        assert code(answer) == (503, "unavailable")


async def test_one_user_has_only_so_many_under_way() -> None:
    there = await site()
    there.parrot.gate = asyncio.Event()
    asking = [asyncio.create_task(there.ask(token=HOST_TOKEN)) for _ in range(UNDER_WAY_USER_MAX)]
    await settle()
    assert code(await there.ask(token=HOST_TOKEN)) == (429, "rate_limited")
    other = asyncio.create_task(there.ask())
    await settle()
    there.parrot.gate.set()
    assert [(await one).status for one in [*asking, other]] == [200] * (UNDER_WAY_USER_MAX + 1)
    assert (await there.ask(token=HOST_TOKEN)).status == 200


async def test_one_user_asks_only_so_often() -> None:
    there = await site()
    answers = [await there.ask() for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    await settle(1.1)
    assert (await there.ask()).status == 200
