"""The shell of one mind, with a model and a room made of functions, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from cadence.models.chat import Call, Done, ModelError, Piece, ToolCall
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.personas.chronicle import Chronicle
from cadence.personas.mind import Mind
from cadence.personas.passages import Passages
from cadence.personas.play import Connected, Said, Speak
from cadence.personas.recollection import MindFile
from cadence.personas.thinker import ANSWER_CHARS_MAX, Thinker
from cadence.personas.thoughts import Heard, Memory, Present
from cadence.personas.tools import ToolResult, ToolRun
from cadence.rooms.wire import Author, Message, to_iso
from tests.personas.chamber import EPOCH, card

FIGURES = "".join(f"{n} boats. " for n in range(1_000, 1_017))  # about fifty tokens


class Booth:
    """A thinker alone with what it hears, and what it said."""

    def __init__(self, model: object, **manner: object) -> None:
        self.said: list[tuple[float, Speak]] = []
        self.chronicle = Chronicle("hall", "e")
        vera = card("vera", **{"silence_s": 0.0, **manner})
        mind = Mind(vera, self.chronicle, Passages(), 8_000, "run", Memory())
        self.thinker = Thinker(vera, "hall", mind, model, self.say, self.run_tool, MindFile(None))  # type: ignore[arg-type]
        self.thinker.tell(Present({"vera": "Vera", "pip": "Pip"}, frozenset({"vera"})))
        self.thinker.tell(Connected("vera", 0))

    async def say(self, speak: Speak) -> None:
        self.said.append((asyncio.get_running_loop().time(), speak))
        await asyncio.sleep(0)
        self.thinker.tell(Said(speak.id, len(self.said) + 100))

    async def run_tool(self, run: ToolRun) -> ToolResult:
        return ToolResult(run.call, run.text.upper())

    def ask(self, text: str) -> None:
        seq = self.chronicle.last + 1
        pip = Author("pip", "Pip", "human")
        heard = self.chronicle.hear(Message("hall", "e", seq, f"m{seq}", pip, to_iso(EPOCH), text, mentions=("vera",)))
        assert heard is not None
        self.thinker.tell(Heard(heard))


def model(script: Callable[[Call], str | Scripted], tokens_s: float = 1_000.0) -> ScriptedModel:
    return ScriptedModel(script, tokens_s=tokens_s)


async def until(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.call_at(seconds, reached.set_result, None)
    await reached


async def test_it_thinks_at_the_speed_of_its_model() -> None:
    booth = Booth(model(lambda call: FIGURES, tokens_s=100.0))
    booth.ask("@Vera how long?")
    await until(5.0)
    ((at, speak),) = booth.said
    assert 0.45 <= at <= 0.6, "fifty tokens at a hundred a second"
    assert speak.reply_to == 1
    booth.thinker.end()
    await booth.thinker.ended()


async def test_what_is_abandoned_is_cancelled_at_the_model_too() -> None:
    ended: list[str] = []

    class Slow:
        name, context_tokens = "slow", 8_000

        async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
            try:
                yield Piece("Well ")
                await asyncio.Event().wait()
            finally:
                ended.append("closed")

    booth = Booth(Slow())
    booth.ask("@Vera how long?")
    await until(1.0)
    assert ended == []
    booth.thinker.end()
    await booth.thinker.ended()
    assert ended == ["closed"] and booth.said == []
    booth.ask("@Vera are you there?")
    await until(2.0)
    assert booth.said == [], "who has ended hears nothing"


async def test_a_model_without_end_is_stopped() -> None:
    class Endless:
        name, context_tokens = "endless", 8_000

        async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
            while True:
                yield Piece("Eleven minutes and then some more of them. " * 100)

    booth = Booth(Endless())
    booth.ask("@Vera how long?")
    await until(1.0)
    assert len(booth.said) <= 1 and booth.thinker.mind.counts.thoughts == 1
    assert ANSWER_CHARS_MAX < 1_000_000
    booth.thinker.end()
    await booth.thinker.ended()


async def test_an_answer_without_an_end_is_a_failure_and_is_tried_again() -> None:
    class Broken:
        name, context_tokens = "broken", 8_000
        calls = 0

        async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
            self.calls += 1
            yield Piece("Eleven minutes, by the log of the desk.")
            if self.calls > 1:
                yield Done("stop")

    with capture_logs() as logs:
        booth = Booth(Broken())
        booth.ask("@Vera how long?")
        await until(10.0)
    assert [speak.text for _, speak in booth.said] == ["Eleven minutes, by the log of the desk."]
    assert [line["event"] for line in logs] == ["mind cannot think", "mind thinks again"]
    assert logs[0]["card"] == "personas/vera.md"
    booth.thinker.end()


async def test_tools_run_in_the_order_they_were_asked_for_and_wrong_calls_are_told() -> None:
    calls = (ToolCall("a", "calculate", '{"expression": "x"}'), ToolCall("b", "calculate", "{"))

    def script(call: Call) -> Scripted:
        told = [one.text for one in call.messages if one.role == "tool"]
        return Scripted(" and ".join(told)) if told else Scripted("", calls)

    booth = Booth(model(script), tools=("calculate",))
    booth.ask("@Vera work it out.")
    await until(5.0)
    ((_, speak),) = booth.said
    assert speak.text.startswith("X and error: expected the arguments as JSON")
    assert [part.name for part in speak.parts] == ["calculate", "calculate"]
    booth.thinker.end()


async def test_an_error_of_the_model_is_told_in_its_own_words() -> None:
    error = ModelError("unknown_model", "models/big.toml:2: `served`: expected a model it serves, got `bigg`")
    with capture_logs() as logs:
        booth = Booth(model(lambda call: Scripted(error=error)))
        booth.ask("@Vera how long?")
        await until(1.0)
    assert [line["why"] for line in logs] == [str(error)]
    booth.thinker.end()
    await booth.thinker.ended()


async def test_a_mind_that_breaks_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    booth = Booth(model(lambda call: "Eleven minutes, by the log of the desk."))

    def broken(event: object, now: float) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(booth.thinker.mind, "handle", broken)
    with capture_logs() as logs:
        booth.ask("@Vera how long?")
        booth.ask("@Vera are you there?")
    assert [(line["event"], line["card"]) for line in logs] == [("mind broke", "personas/vera.md")]
