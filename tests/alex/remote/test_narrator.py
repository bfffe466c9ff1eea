"""The narrator of a worker: its words come from a model in the server."""

from __future__ import annotations

import asyncio
import math

import pytest

from cadence.alex.paraphrase import Narrator
from cadence.alex.remote.narrator import ModelDesk
from cadence.alex.remote.peer import Peer
from cadence.models.chat import Answer, Call, ChatMessage, ModelError, Usage, answer_of
from cadence.models.scripted import Scripted, ScriptedModel

CALL = Call((ChatMessage("user", "hello"),), tokens_max=10)


class Ends:
    """A desk here, and what a worker makes of what it is told there."""

    def __init__(self, model: ScriptedModel) -> None:
        self.desk = ModelDesk()
        self.desk.narrator = Narrator(model, "dry", {"ada": "she/her"})
        self.near = Peer(
            lambda frame: self.far.received(frame), {"model_stop": self.desk.stop}, {"model": self.desk.answer}
        )
        self.far = Peer(lambda frame: self.near.received(frame), {}, {})
        told = self.desk.told
        assert told is not None
        self.narrator = told.narrator(self.far)


async def test_voice_and_model_are_those_of_the_server() -> None:
    ends = Ends(ScriptedModel(lambda call: call.messages[0].text.upper(), name="small", context_tokens=99))
    narrator = ends.narrator
    assert (narrator.voice, narrator.pronouns) == ("dry", {"ada": "she/her"})
    assert (narrator.model.name, narrator.model.context_tokens) == ("small", 99)
    assert await answer_of(narrator.model, CALL) == Answer("HELLO", "stop", Usage(2, 2))


async def test_why_there_is_no_answer_is_told() -> None:
    ends = Ends(ScriptedModel(lambda _: Scripted(error=ModelError("overloaded", "come back later"))))
    with pytest.raises(ModelError, match="come back later") as caught:
        await answer_of(ends.narrator.model, CALL)
    assert caught.value.trouble == "overloaded"


async def test_a_call_that_is_given_up_is_ended() -> None:
    ends = Ends(ScriptedModel(lambda _: Scripted(delay_s=math.inf)))
    waiting = asyncio.create_task(answer_of(ends.narrator.model, CALL))
    for _ in range(8):
        await asyncio.sleep(0)
    assert len(ends.desk._under_way) == 1
    waiting.cancel()
    for _ in range(8):
        await asyncio.sleep(0)
    assert not ends.desk._under_way


@pytest.mark.parametrize("end", ["the worker", "the narrator"])
async def test_when_one_of_them_goes_nobody_waits(end: str) -> None:
    ends = Ends(ScriptedModel(lambda _: Scripted(delay_s=math.inf)))
    if end == "the narrator":
        ends.desk.narrator = None
        assert ends.desk.told is None
    waiting = asyncio.create_task(answer_of(ends.narrator.model, CALL))
    for _ in range(8):
        await asyncio.sleep(0)
    ends.desk.end()
    with pytest.raises(ModelError):
        await waiting
    assert not ends.desk._under_way


async def test_a_server_that_is_gone_answers_nothing() -> None:
    ends = Ends(ScriptedModel(lambda _: "x"))
    ends.far.lost()
    with pytest.raises(ModelError, match="the server is gone"):
        await answer_of(ends.narrator.model, CALL)
