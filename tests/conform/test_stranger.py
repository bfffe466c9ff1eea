from __future__ import annotations

import asyncio
import json

import pytest

from cadence.conform.stranger import Closed, Frame, Refused, Stranger


class Scripted:
    """A server that answers each request with the next of its lines; `ref` is repeated."""

    def __init__(self, *answers: Frame) -> None:
        self.sent: list[Frame] = []
        self._answers = list(answers)
        self._ready: asyncio.Queue[str | None] = asyncio.Queue(100)

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))
        if self._answers:
            self._ready.put_nowait(json.dumps({**self._answers.pop(0), "ref": self.sent[-1].get("ref")}))

    async def receive(self) -> str:
        text = await self._ready.get()
        if text is None:
            raise Closed(4010)
        return text

    async def close(self) -> None:
        self._ready.put_nowait(None)


WELCOME = {"type": "welcome", "you": {"id": "ann-1"}, "session": "s"}


async def test_it_comes_in_and_remembers_who_it_is() -> None:
    ann, there = Stranger("Ann", "agent"), Scripted(WELCOME)
    await ann.open(there)
    assert (ann.id, ann.session) == ("ann-1", "s")
    assert there.sent[0] == {"type": "hello", "kind": "agent", "client": "stranger", "name": "Ann", "ref": "r1"}
    await ann.cut()
    await ann.open(again := Scripted(WELCOME))
    assert again.sent[0]["resume"] == "s"
    await ann.cut()


async def test_an_error_is_raised_with_its_code() -> None:
    ann = Stranger("Ann")
    await ann.open(Scripted(WELCOME, {"type": "error", "code": "conflict", "message": "no"}))
    with pytest.raises(Refused, match="conflict: no"):
        await ann.request({"type": "ping"})
    await ann.cut()


async def test_whoever_waits_when_it_ends_learns_of_it() -> None:
    ann, there = Stranger("Ann"), Scripted(WELCOME)
    await ann.open(there)
    waiting = ann.expect(lambda frame: True)
    await there.close()
    assert await ann.over() == 4010
    with pytest.raises(Closed):
        await waiting
    with pytest.raises(Closed):
        await ann.send({"type": "ping"})


async def test_it_listens_without_a_word() -> None:
    ann, there = Stranger("Ann"), Scripted()
    await ann.listen(there)
    await there.close()
    assert await ann.over() == 4010 and there.sent == []
