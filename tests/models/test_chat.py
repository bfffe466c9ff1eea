"""What is said of models in general: how an answer is gathered, and which trouble passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cadence.models.chat import Answer, Call, ChatMessage, Done, ModelError, Piece, Usage, answer_of, tokens_about

CALL = Call((ChatMessage("user", "hello"),), tokens_max=10)


class Streams:
    """A model that streams the given parts."""

    name, context_tokens = "parts", 100

    def __init__(self, *parts: Piece | Done) -> None:
        self._parts = parts

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        for part in self._parts:
            yield part


def test_an_answer_is_its_pieces_and_its_end() -> None:
    model = Streams(Piece("one "), Piece("two"), Done("stop", Usage(3, 2, 1)))
    assert asyncio.run(answer_of(model, CALL)) == Answer("one two", "stop", Usage(3, 2, 1))


def test_a_stream_without_an_end_is_no_answer() -> None:
    with pytest.raises(ModelError, match="expected an end of the answer from parts") as caught:
        asyncio.run(answer_of(Streams(Piece("one ")), CALL))
    assert caught.value.trouble == "invalid"


@pytest.mark.parametrize(
    ("trouble", "passing"),
    [("unreachable", True), ("overloaded", True), ("timed_out", True), ("forbidden", False), ("too_long", False)],
)
def test_some_trouble_passes(trouble: str, passing: bool) -> None:
    assert ModelError(trouble, "no").passing is passing  # type: ignore[arg-type]


def test_tokens_are_estimated_upwards() -> None:
    assert [tokens_about(text) for text in ("", "a", "four", "fives")] == [0, 1, 1, 2]
