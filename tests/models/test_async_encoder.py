"""The contract of `Encoding`, held by the thread and by the fake; then what only the thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from cadence.models import async_encoder
from cadence.models.async_encoder import AsyncEncoder, Encoding, EncodingCount
from cadence.models.backlog import Backlog
from cadence.models.encoder import DIMENSIONS, EncoderUnavailable, Vectors
from cadence.models.fake_encoder import FakeEncoder, InlineEncoder
from tests.models.real import real_encoder

pytestmark = pytest.mark.real_time
PATIENCE_S = 30.0


class Answers:
    """Collects what is delivered, and can be waited for."""

    def __init__(self) -> None:
        self.got: dict[str, Vectors | None] = {}
        self.order: list[str] = []
        self.threads: set[int] = set()
        self._more = asyncio.Event()

    def __call__(self, key: str, vectors: Vectors | None) -> None:
        assert key not in self.got, "answered twice"
        self.got[key] = vectors
        self.order.append(key)
        self.threads.add(threading.get_ident())
        self._more.set()

    async def reach(self, wanted: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.got) < wanted:
                self._more.clear()
                await self._more.wait()

    @property
    def refused(self) -> list[str]:
        return sorted(key for key, vectors in self.got.items() if vectors is None)


class Gate:
    """An encoder that stands still until it is let through, and tells in which thread and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.threads: set[int] = set()
        self.reached = threading.Event()
        self.let = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        self.threads.add(threading.get_ident())
        self.reached.set()
        assert self.let.wait(PATIENCE_S)
        return FakeEncoder().encode(texts)

    async def hold(self) -> None:
        """Until the encoder stands still."""
        assert await asyncio.to_thread(self.reached.wait, PATIENCE_S)


class Broken:
    """Fails with `error` for a text that says so."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def encode(self, texts: Sequence[str]) -> Vectors:
        if "break" in texts:
            raise self._error
        return FakeEncoder().encode(texts)


Make = Callable[..., Encoding[str]]


@pytest.fixture(params=[AsyncEncoder, InlineEncoder], ids=["thread", "inline"])
def make(request: pytest.FixtureRequest) -> Make:
    kind: Any = request.param
    return lambda answers: kind(FakeEncoder(), answers)


async def test_each_request_is_answered_once_with_its_own_vectors(make: Make) -> None:
    answers = Answers()
    encoder = make(answers)
    for number in range(40):
        encoder.submit(str(number), [f"text {number}", f"more {number}"])
    assert answers.got == {}, "never while it is being asked"
    await answers.reach(40)
    expected = FakeEncoder().encode(["text 17", "more 17"])
    found = answers.got["17"]
    assert found is not None and found.tolist() == expected.tolist()
    assert encoder.count() == EncodingCount(encoded=80, dropped=0, queue=0)
    await encoder.close()


async def test_answers_come_on_the_thread_of_the_loop(make: Make) -> None:
    answers = Answers()
    encoder = make(answers)
    encoder.submit("a", ["text"])
    await answers.reach(1)
    assert answers.threads == {threading.get_ident()}
    await encoder.close()


async def test_no_texts_are_answered_with_no_vectors(make: Make) -> None:
    answers = Answers()
    encoder = make(answers)
    encoder.submit("a", [])
    await answers.reach(1)
    found = answers.got["a"]
    assert found is not None and found.shape == (0, DIMENSIONS)
    await encoder.close()


async def test_after_the_end_every_request_is_answered_none(make: Make) -> None:
    answers = Answers()
    encoder = make(answers)
    encoder.submit("a", ["text"])
    await answers.reach(1)
    await encoder.close()
    encoder.submit("b", ["text", "text"])
    await encoder.close()
    assert answers.refused == ["b"]
    assert encoder.count() == EncodingCount(encoded=1, dropped=2, queue=0)


async def test_one_that_was_never_used_ends_too(make: Make) -> None:
    answers = Answers()
    encoder = make(answers)
    await encoder.close()
    encoder.submit("a", ["text"])
    await encoder.close()
    assert answers.refused == ["a"]


async def test_encoding_happens_in_one_thread_that_is_not_the_loops() -> None:
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers)
    gate.let.set()
    for key in "abc":
        encoder.submit(key, ["text"])
        await answers.reach(1 + "abc".index(key))
    assert len(gate.threads) == 1 and threading.get_ident() not in gate.threads
    await encoder.close()


async def test_what_came_while_it_worked_is_encoded_together_up_to_a_batch() -> None:
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers)
    encoder.submit("first", ["first"])
    await gate.hold()
    for number in range(40):
        encoder.submit(str(number), [str(number)])
    assert encoder.count().queue == 40
    gate.let.set()
    await answers.reach(41)
    assert [len(asked) for asked in gate.asked] == [1, 32, 8]
    await encoder.close()


async def test_a_full_queue_refuses_the_poorest_at_once_and_encodes_the_richest_first() -> None:
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers, backlog=Backlog(texts_max=3, behind_texts=2))
    encoder.submit("first", ["first"])
    await gate.hold()
    for key, worth in (("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 4.0), ("e", 0.0)):
        encoder.submit(key, [key], worth)
    await answers.reach(2)
    assert answers.refused == ["a", "e"]
    gate.let.set()
    await answers.reach(6)
    assert gate.asked[1] == ["d", "b", "c"]
    assert encoder.count() == EncodingCount(encoded=4, dropped=2, queue=0)
    await encoder.close()


async def test_what_waited_too_long_is_answered_none_instead_of_late() -> None:
    gate, answers = Gate(), Answers()
    now = [100.0]
    encoder = AsyncEncoder(gate, answers, clock=lambda: now[0])
    encoder.submit("first", ["first"])
    await gate.hold()
    encoder.submit("late", ["late"])
    now[0] = 111.0
    encoder.submit("fresh", ["fresh"])
    gate.let.set()
    await answers.reach(3)
    assert answers.refused == ["late"]
    assert gate.asked == [["first"], ["fresh"]]
    await encoder.close()


async def test_ending_answers_what_waits_and_lets_what_is_being_encoded_finish() -> None:
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers)
    encoder.submit("working", ["text"])
    await gate.hold()
    encoder.submit("waiting", ["text"])
    ending = asyncio.ensure_future(encoder.close())
    await asyncio.sleep(0)
    assert answers.refused == ["waiting"] and not ending.done()
    gate.let.set()
    await ending
    assert answers.refused == ["waiting"] and len(answers.got) == 2


async def test_ending_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_encoder, "CLOSE_SECONDS_MAX", 0.0)
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers)
    encoder.submit("stuck", ["text"])
    await gate.hold()
    await encoder.close()
    assert answers.got == {}
    gate.let.set()
    await answers.reach(1)


async def test_without_an_encoder_everything_is_answered_none_and_it_is_said_once() -> None:
    answers = Answers()
    encoder = AsyncEncoder(Broken(EncoderUnavailable("expected the extra, got none")), answers)
    with capture_logs() as logs:
        encoder.submit("a", ["break"])
        await answers.reach(1)
        for key in "bc":
            encoder.submit(key, ["text"])
        await answers.reach(3)
        await encoder.close()
    assert answers.refused == ["a", "b", "c"]
    assert [(line["event"], line["why"]) for line in logs] == [
        ("Alex goes on without vectors", "expected the extra, got none")
    ]


async def test_a_fault_of_the_encoder_costs_its_batch_and_no_other() -> None:
    answers = Answers()
    encoder = AsyncEncoder(Broken(ValueError("a fault")), answers)
    with capture_logs() as logs:
        encoder.submit("a", ["break"])
        await answers.reach(1)
        encoder.submit("b", ["text"])
        await answers.reach(2)
    assert answers.refused == ["a"]
    assert [line["log_level"] for line in logs] == ["error"]
    await encoder.close()


async def test_keeping_one_vector_does_not_keep_its_batch() -> None:
    gate, answers = Gate(), Answers()
    encoder = AsyncEncoder(gate, answers)
    encoder.submit("first", ["first"])
    await gate.hold()
    encoder.submit("a", ["a"])
    encoder.submit("b", ["b"])
    gate.let.set()
    await answers.reach(3)
    found = answers.got["b"]
    assert found is not None and found.base is None
    await encoder.close()


async def test_the_real_encoder_answers_through_the_thread_what_it_answers_alone() -> None:
    texts = ["Who keeps the ledger?", "Nobody does."]
    answers = Answers()
    encoder = AsyncEncoder(real_encoder(), answers)
    encoder.submit("a", texts)
    await answers.reach(1)
    found = answers.got["a"]
    assert found is not None and np.array_equal(found, real_encoder().encode(texts))
    await encoder.close()
