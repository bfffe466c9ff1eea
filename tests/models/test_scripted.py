"""The scripted model: what it answers, how fast, and how it fails."""

from __future__ import annotations

import asyncio
import math

import pytest

from cadence.models.chat import Call, ChatMessage, Done, ModelError, Piece, ToolCall, Usage, answer_of
from cadence.models.scripted import Scripted, ScriptedModel

CALL = Call((ChatMessage("system", "be brief"), ChatMessage("user", "hello you")), tokens_max=10)


def test_it_answers_what_the_script_says_of_the_call() -> None:
    model = ScriptedModel(lambda call: call.messages[-1].text.upper())
    answer = asyncio.run(answer_of(model, CALL))
    assert (answer.text, answer.finish, answer.usage) == ("HELLO YOU", "stop", Usage(5, 3))
    assert model.calls == [CALL]


def test_an_answer_is_cut_at_the_tokens_asked_for() -> None:
    answer = asyncio.run(answer_of(ScriptedModel(lambda _: "x" * 41), CALL))
    assert (answer.text, answer.finish) == ("x" * 40, "length")


def test_it_speaks_at_its_speed() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def run() -> list[Piece | Done]:
        model = ScriptedModel(lambda _: Scripted("a" * 20, delay_s=2.0), tokens_s=40, chunk_s=0.05, sleep=sleep)
        return [part async for part in model.stream(CALL)]

    parts = asyncio.run(run())
    assert parts[:-1] == [Piece("a" * 8), Piece("a" * 8), Piece("a" * 4)]  # 40 tokens a second: 2 in 0.05 s
    assert waited == [2.0, 0.05, 0.05, 0.05]


def test_it_asks_for_tools() -> None:
    wanted = (ToolCall("1", "clock", "{}"),)
    answer = asyncio.run(answer_of(ScriptedModel(lambda _: Scripted(calls=wanted)), CALL))
    assert (answer.text, answer.finish, answer.calls) == ("", "tools", wanted)


def test_it_breaks_after_some_text() -> None:
    broken = Scripted("half a", error=ModelError("unreachable", "the connection broke: try again"))

    async def run() -> list[Piece | Done]:
        parts: list[Piece | Done] = []
        with pytest.raises(ModelError, match="the connection broke"):
            async for part in ScriptedModel(lambda _: broken).stream(CALL):
                parts.append(part)
        return parts

    assert asyncio.run(run()) == [Piece("half a")]


def test_one_that_hangs_can_be_cancelled() -> None:
    async def run() -> None:
        hanging = asyncio.create_task(answer_of(ScriptedModel(lambda _: Scripted(delay_s=math.inf)), CALL))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not hanging.done()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging

    asyncio.run(run())


def test_what_does_not_fit_the_context_is_refused() -> None:
    model = ScriptedModel(lambda _: "", context_tokens=14)
    with pytest.raises(ModelError, match=r"expected at most 14 tokens .* got 5 \+ 10") as caught:
        asyncio.run(answer_of(model, CALL))
    assert caught.value.trouble == "too_long"
