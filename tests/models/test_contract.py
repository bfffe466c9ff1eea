"""What every `ChatModel` promises, held against all there are: scripted, one endpoint over HTTP, and a pool of two."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import (
    Answer,
    Call,
    ChatMessage,
    ChatModel,
    Done,
    ModelError,
    Piece,
    Tool,
    ToolCall,
    Trouble,
    answer_of,
)
from cadence.models.client import EndpointModel
from cadence.models.metered import Metered
from cadence.models.pool import Pool
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.models.usage import Ledger
from tests.models.fake_endpoint import fake_endpoint

Script = Callable[[Call], str | Scripted]
CALL = Call((ChatMessage("system", "be brief"), ChatMessage("user", "hello you")), tokens_max=50, temperature=0.3)
PATIENCE_S = 30.0


@dataclass
class Subject:
    """The model that is held to its promises, and the scripted ones that answer behind it."""

    model: ChatModel
    behind: tuple[ScriptedModel, ...]

    @property
    def seen(self) -> list[Call]:
        """The calls that arrived."""
        return [call for model in self.behind for call in model.calls]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Subject]:
    model = ScriptedModel(script, name="tiny", context_tokens=4_000)
    yield Subject(model, (model,))


@asynccontextmanager
async def endpoint(script: Script) -> AsyncIterator[Subject]:
    behind = ScriptedModel(script, context_tokens=4_000)
    async with fake_endpoint(behind) as server:
        card = ModelCard("tiny", (server.address,), "tiny", context_tokens=4_000)
        async with aclosing(EndpointModel(card, server.address, None)) as model:
            yield Subject(model, (behind,))


@asynccontextmanager
async def pool(script: Script) -> AsyncIterator[Subject]:
    """Two endpoints over HTTP, with a meter before them: as a place has it."""
    behind = [ScriptedModel(script, context_tokens=4_000) for _ in range(2)]
    async with fake_endpoint(behind[0]) as one, fake_endpoint(behind[1]) as other:
        card = ModelCard("tiny", (one.address, other.address), "tiny", context_tokens=4_000)
        endpoints = [EndpointModel(card, address, None) for address in card.endpoints]
        async with aclosing(Pool(card, endpoints, sleep=lambda _: asyncio.sleep(0))) as model:
            yield Subject(Metered(card, model, Ledger()), tuple(behind))


SUBJECTS = [scripted, endpoint, pool]
pytestmark = [pytest.mark.real_time, pytest.mark.parametrize("subject", SUBJECTS, ids=lambda made: made.__name__)]
Make = Callable[[Script], "asynccontextmanager[Subject]"]


async def parts_of(model: ChatModel, call: Call) -> list[Piece | Done]:
    return [part async for part in model.stream(call)]


async def test_pieces_come_and_then_one_end(subject: Make) -> None:
    async with subject(lambda call: f"you said {call.messages[-1].text}") as made:
        parts = await parts_of(made.model, CALL)
    assert [type(part) for part in parts[-2:]] == [Piece, Done]
    assert all(isinstance(part, Piece) and part.text for part in parts[:-1])
    assert "".join(part.text for part in parts if isinstance(part, Piece)) == "you said hello you"


async def test_an_answer_says_what_it_took(subject: Make) -> None:
    async with subject(lambda _: "x" * 40) as made:
        answer = await answer_of(made.model, CALL)
    assert (answer.finish, answer.usage.prompt_tokens, answer.usage.answer_tokens) == ("stop", 5, 10)


async def test_a_long_answer_is_cut(subject: Make) -> None:
    async with subject(lambda _: "x" * 1_000) as made:
        answer = await answer_of(made.model, CALL)
    assert (answer.text, answer.finish) == ("x" * 200, "length")


async def test_every_character_arrives(subject: Make) -> None:
    text = "Zoë sagt: „grüß Gott“ 李雷 \u200dمی‌خواهم 👩‍🚀\n\n```\r\n\ttab\x85"
    async with subject(lambda _: text) as made:
        assert (await answer_of(made.model, CALL)).text == text


async def test_all_of_a_call_arrives(subject: Make) -> None:
    messages = (
        ChatMessage("system", "s"),
        ChatMessage("assistant", "", (ToolCall("7", "clock", '{"zone": 1}'),)),
        ChatMessage("tool", "noon", answers="7"),
        ChatMessage("user", "and?"),
    )
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tool = Tool("clock", "tells the time", {"type": "object", "properties": {"zone": {"type": "number"}}})
    call = Call(messages, tokens_max=9, temperature=0.0, stop=("END",), schema=schema, tools=(tool,), seed=4)
    async with subject(lambda _: "{}") as made:
        await answer_of(made.model, call)
        assert made.seen == [call]


async def test_a_model_asks_for_tools(subject: Make) -> None:
    wanted = (ToolCall("a", "clock", '{"zone": "north"}'), ToolCall("b", "post", "not json"))
    async with subject(lambda _: Scripted("wait", calls=wanted)) as made:
        answer = await answer_of(made.model, CALL)
    assert (answer.text, answer.finish, answer.calls) == ("wait", "tools", wanted)


@pytest.mark.parametrize("trouble", ["forbidden", "unknown_model", "invalid"])
async def test_trouble_that_stays_is_told(subject: Make, trouble: Trouble) -> None:
    async with subject(lambda _: Scripted(error=ModelError(trouble, "expected other, got this: do that"))) as made:
        with pytest.raises(ModelError) as caught:
            await answer_of(made.model, CALL)
    assert caught.value.trouble == trouble and not caught.value.passing


@pytest.mark.parametrize("trouble", ["unreachable", "overloaded", "timed_out"])
async def test_trouble_that_passes_is_told(subject: Make, trouble: Trouble) -> None:
    async with subject(lambda _: Scripted(error=ModelError(trouble, "expected other, got this: do that"))) as made:
        with pytest.raises(ModelError) as caught:
            await answer_of(made.model, CALL)
    assert caught.value.trouble == trouble and caught.value.passing


async def test_an_answer_may_break_in_the_middle(subject: Make) -> None:
    broken = Scripted("half a", error=ModelError("unreachable", "expected more, got none: try again"))
    parts: list[Piece | Done] = []
    async with subject(lambda _: broken) as made:
        with pytest.raises(ModelError) as caught:
            async for part in made.model.stream(CALL):
                parts.append(part)
        assert len(made.seen) == 1, "what was begun is not begun again"
    assert parts == [Piece("half a")]
    assert caught.value.trouble == "unreachable"


async def test_what_does_not_fit_is_refused(subject: Make) -> None:
    async with subject(lambda _: "") as made:
        with pytest.raises(ModelError) as caught:
            await answer_of(made.model, replace(CALL, tokens_max=4_000))
    assert caught.value.trouble == "too_long"


async def test_a_cancelled_call_is_ended(subject: Make) -> None:
    reached = asyncio.Event()

    def hangs(_: Call) -> Scripted:
        reached.set()
        return Scripted(delay_s=math.inf)

    async with asyncio.timeout(PATIENCE_S), subject(hangs) as made:
        waiting = asyncio.create_task(answer_of(made.model, CALL))
        await reached.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_closed_stream_is_ended(subject: Make) -> None:
    async with asyncio.timeout(PATIENCE_S), subject(lambda _: "some text") as made:
        stream = made.model.stream(CALL)
        assert await anext(stream) == Piece("some text")
        await stream.aclose()  # type: ignore[attr-defined]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_calls_at_the_same_time_do_not_mix(subject: Make) -> None:
    async def ask(made: Subject, n: int) -> Answer:
        return await answer_of(made.model, replace(CALL, messages=(ChatMessage("user", f"number {n}"),)))

    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(subject(lambda call: call.messages[0].text * 3))
        answers = await asyncio.gather(*(ask(made, n) for n in range(40)))
    assert [answer.text for answer in answers] == [f"number {n}" * 3 for n in range(40)]


async def test_it_has_a_name_and_a_context(subject: Make) -> None:
    async with subject(lambda _: "") as made:
        assert (made.model.name, made.model.context_tokens) == ("tiny", 4_000)
