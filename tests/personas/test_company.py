from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from structlog.testing import capture_logs

from cadence.models.chat import Call, ModelError, ToolCall
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.personas.cast import Cast
from cadence.personas.company import Company, Seat
from cadence.personas.inprocess import InProcessDuplex
from cadence.personas.tools import ToolResult, ToolRun
from cadence.rooms.wire import ViewPatch
from tests.actors import ROOM
from tests.mortal import Server
from tests.personas.chamber import card
from tests.stranger import Frame, Stranger

EPOCH = 1_750_000_000.0
Script = Callable[[Call], "str | Scripted"]


class House:
    """A server in virtual time, and the minds in its one room."""

    def __init__(self, folder: Path | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.server = Server(lambda: EPOCH + loop.time(), ViewPatch())
        self.folder = folder
        self.lives = 0
        self.ran: list[ToolRun] = []

    async def person(self, name: str = "Pip", mode: str = "raw") -> Stranger:
        someone = Stranger(name, clock=self.server.clock)
        await someone.open(self.server.connect())
        await someone.join(ROOM, view={"mode": mode})
        return someone

    async def run_tool(self, run: ToolRun) -> ToolResult:
        self.ran.append(run)
        return ToolResult(run.call, "42")

    @asynccontextmanager
    async def minds(self, *seats: Seat, absent: int = 0) -> AsyncIterator[Company]:
        self.lives += 1
        token = self.server.identity.persona_token
        known = [replace(seat, cast=replace(seat.cast, token=token(seat.cast.id, seat.cast.name))) for seat in seats]
        company = Company(
            ROOM,
            known,
            connect=lambda _: InProcessDuplex.open(self.server.gateway),
            run_tool=self.run_tool,
            run_id=f"life{self.lives}",
            folder=self.folder,
        )
        task = asyncio.create_task(company.run())
        try:
            while company.inside < len(seats) - absent:
                await _pass(0.1)
            yield company
        finally:
            task.cancel()
            await asyncio.wait([task])


@asynccontextmanager
async def house(folder: Path | None = None) -> AsyncIterator[House]:
    found = House(folder)
    await found.server.start()
    try:
        yield found
    finally:
        await found.server.stop()


def seat(id: str, script: Script, *, tokens_s: float = 1_000.0, context_tokens: int = 8_000, **manner: object) -> Seat:
    model = ScriptedModel(script, name=f"model of {id}", tokens_s=tokens_s, context_tokens=context_tokens)
    return Seat(card(id, **manner), Cast(id, id.title()), model)


def calls(seat: Seat) -> Sequence[Call]:
    assert isinstance(seat.model, ScriptedModel)
    return seat.model.calls


async def message(one: Stranger, name: str, *, containing: str = "") -> Frame:
    def fits(frame: Frame) -> bool:
        return frame["type"] == "message" and frame["from"]["name"] == name and containing in frame["text"]

    return await one.until(fits, within=300.0)


async def test_a_mind_answers_a_person_who_speaks_to_it() -> None:
    async with house() as home:
        vera = seat("vera", lambda call: "Eleven minutes, by the log of the desk.")
        async with home.minds(vera):
            pip = await home.person()
            said = await pip.say(ROOM, "@Vera how long may a desk be without its calendar?")
            answer = await message(pip, "Vera")
    assert answer["text"] == "Eleven minutes, by the log of the desk."
    assert answer["reply_to"] == said["seq"]
    prompt = calls(vera)[0].messages
    assert prompt[-1].text.endswith(f"(Pip, a person, speaks to you in #{said['seq']}. Answer them.)")
    assert "Pip (a person): @Vera how long may" in prompt[-1].text


async def test_a_mind_is_never_told_of_who_mediates_or_of_any_view() -> None:
    async with house() as home:
        vera = seat("vera", lambda call: "Eleven minutes, by the log of the desk.")
        async with home.minds(vera):
            await home.person("Qui", mode="paraphrase")
            pip = await home.person()
            await pip.say(ROOM, "@Vera how long may a desk be without its calendar?")
            await message(pip, "Vera")
    told = " ".join(message.text for call in calls(vera) for message in call.messages).casefold()
    assert not [word for word in ("alex", "mediat", "cadence", "paraphras", "reader", "pace") if word in told]


async def test_what_was_said_before_a_mind_came_is_part_of_what_it_knows_but_nothing_to_answer() -> None:
    async with house() as home:
        pip = await home.person()
        for number in range(450):  # more than two pages of the log
            await pip.say(ROOM, f"The ledger of page {number} is closed.")
            await asyncio.sleep(0)  # virtual: the room takes five a second of a person
            if number % 5 == 4:
                await _pass(1.0)
        vera = seat("vera", lambda call: "Page four hundred and forty nine.")
        async with home.minds(vera):
            await _pass(5.0)
            assert calls(vera) == []
            await pip.say(ROOM, "@Vera which page was the last?")
            await message(pip, "Vera")
    assert "The ledger of page 449 is closed." in calls(vera)[-1].messages[-1].text


async def test_a_tool_runs_and_everybody_sees_the_call_and_its_result() -> None:
    def script(call: Call) -> Scripted:
        if call.messages[-1].role == "tool":
            return Scripted(f"It is {call.messages[-1].text}.")
        return Scripted("", (ToolCall("c1", "calculate", '{"expression": "6 * 7"}'),))

    async with house() as home:
        vera = seat("vera", script, tools=("calculate",))
        async with home.minds(vera):
            pip = await home.person()
            await pip.say(ROOM, "@Vera what is six times seven?")
            answer = await message(pip, "Vera")
    assert [run.text for run in home.ran] == ["6 * 7"]
    assert answer["text"] == "It is 42."
    part = {"kind": "tool", "name": "calculate", "body": '{"call": {"expression": "6 * 7"}, "result": "42"}'}
    assert answer["parts"] == [part]


async def test_a_broken_model_says_so_by_card_and_the_others_go_on() -> None:
    def broken(call: Call) -> Scripted:
        return Scripted(error=ModelError("forbidden", "expected a key that the endpoint takes, got one it refuses"))

    def bug(call: Call) -> str:
        raise ZeroDivisionError

    async with house() as home:
        with capture_logs() as logs:
            async with home.minds(
                seat("vera", broken),
                seat("bao", bug),
                seat("dov", lambda call: "By the log, eleven minutes."),
                seat("hob", lambda call: "never", context_tokens=100),
                absent=1,
            ):
                pip = await home.person()
                await pip.say(ROOM, "How long may a desk be without its calendar?")
                await message(pip, "Dov")
                await _pass(60.0)
    told = {line["card"]: line["why"] for line in logs if line["event"] == "mind cannot think"}
    assert "takes, got one it refuses" in told["personas/vera.md"]
    assert "ZeroDivisionError" in told["personas/bao.md"]
    assert "got one of 100 tokens" in told["personas/hob.md"]
    assert len([line for line in logs if line.get("card") == "personas/vera.md"]) == 1, "told once"
    assert "Hob" not in {member["name"] for member in pip.places[ROOM].members.values()}


async def test_a_thought_cut_off_by_a_kill_is_begun_again_and_nothing_is_said_twice(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        slow = seat("vera", lambda call: "Eleven minutes, by the log of the desk.", tokens_s=1.0)
        async with home.minds(slow):
            pip = await home.person()
            said = await pip.say(ROOM, "@Vera how long may a desk be without its calendar?")
            await _pass(3.0)
            assert len(calls(slow)) == 1
            await home.server.kill()
        await pip.over()
        await home.server.start()
        await pip.open(home.server.connect())
        await pip.join(ROOM)
        again = seat("vera", lambda call: "Eleven minutes, by the log of the desk.")
        async with home.minds(again):
            answer = await message(pip, "Vera")
            await _pass(30.0)
        log = await pip.messages(ROOM)
    assert answer["reply_to"] == said["seq"]
    assert [one["from"]["name"] for one in log] == ["Pip", "Vera"]


async def test_what_was_sent_and_not_acknowledged_is_said_again_with_its_id(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        vera = seat("vera", lambda call: "Eleven minutes, by the log of the desk.")
        async with home.minds(vera):
            pip = await home.person()
            await pip.say(ROOM, "@Vera how long may a desk be without its calendar?")
            home.server.log.available = False
            await _pass(3.0)
            assert len(calls(vera)) == 1
            await home.server.kill()
        await pip.over()
        home.server.log.available = True
        await home.server.start()
        await pip.open(home.server.connect())
        await pip.join(ROOM)
        mute = seat("vera", lambda call: "PASS")
        async with home.minds(mute):
            await message(pip, "Vera", containing="Eleven minutes")
            await _pass(10.0)
        log = await pip.messages(ROOM)
    assert [(one["from"]["name"], one["id"]) for one in log[1:]] == [("Vera", "life1-1")]
    assert calls(mute) == [], "what was decided was not thought about again"


async def test_what_was_taken_back_is_forgotten_in_memory_and_on_disk(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        vera = seat("vera", lambda call: "Eleven minutes, by the log of the desk.")
        async with home.minds(vera):
            pip = await home.person()
            secret = await pip.say(ROOM, "My password is swordfish and xylophone.")
            for number in range(40):
                await pip.say(ROOM, f"The ledger of page {number} is closed for the winter of {1900 + number}.")
                await _pass(1.0)
            await _pass(60.0)
            stored = tmp_path / f"{ROOM}.chronicle"
            assert b"swordfish" in stored.read_bytes(), "or the test shows nothing"
            await pip.redact(ROOM, secret["seq"])
            await _pass(1.0)
            assert not stored.exists() or b"swordfish" not in stored.read_bytes()
            await _pass(60.0)
            before = len(calls(vera))
            await pip.say(ROOM, "@Vera what is my password?")
            await _pass(10.0)
        assert b"swordfish" not in stored.read_bytes() and b"ledger" in stored.read_bytes()
        async with home.minds(seat("vera", lambda call: "PASS")) as again:
            await _pass(5.0)
            assert again.chronicle is not None and secret["seq"] in again.chronicle.gone, "and is not mended each time"
    prompts = [message.text for call in calls(vera)[before:] for message in call.messages]
    assert prompts and not [text for text in prompts if "swordfish" in text]


async def test_a_memory_of_weeks_outlives_a_restart_in_its_outlines(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        pip = await home.person()
        async with home.minds(seat("vera", lambda call: "PASS")):
            for day in range(60):
                words = f"On day {day} the harbour master counted {1000 + day} boats and the wind came from the north."
                for line in range(5):
                    await pip.say(
                        ROOM, f"{words} Line {line} of the book agrees with what the {day + line} pilots wrote."
                    )
                    await _pass(2.0)
                await _pass(600.0)
            await _pass(60.0)
        asked = seat("vera", lambda call: "On day three.", context_tokens=3_000)
        async with home.minds(asked):
            await _pass(30.0)
            for _ in range(2):  # the first time the texts of the past are asked for
                await pip.say(ROOM, "@Vera when did it begin?")
                await _pass(30.0)
    prompt = "".join(message.text for message in calls(asked)[-1].messages)
    assert "What was said here before, shortened:" in prompt
    assert "On day 0 the harbour master" in prompt or "On day 1 the harbour" in prompt or "On day 2 " in prompt
    assert "@Vera when did it begin?" in prompt
    assert len(prompt) / 4 < 3_000


async def _pass(seconds: float) -> None:
    """Let so much (virtual) time pass."""
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.call_later(seconds, reached.set_result, None)
    await reached
