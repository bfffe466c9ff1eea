"""A language model without a model: what it answers is a function of the call. For tests, benchmarks and first steps.

It keeps the promises of `ChatModel`, the same on every machine, as slow, late or broken as a test wants.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from cadence.models.chat import TOKEN_CHARS, Call, Done, Finish, ModelError, Piece, ToolCall, Usage, tokens_about

CHUNK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Scripted:
    """One scripted answer: after `delay_s` the text, then the `calls`, or then `error`."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    error: ModelError | None = None
    delay_s: float = 0.0  # inf: it hangs until it is cancelled


class ScriptedModel:
    """Answers with `script(call)`, a text or a `Scripted`, at `tokens_s` tokens a second in pieces of `chunk_s`.

    `sleep` is how it waits; a test in virtual time passes its own. `calls` are those seen so far, in order.
    """

    def __init__(
        self,
        script: Callable[[Call], str | Scripted],
        *,
        name: str = "scripted",
        context_tokens: int = 32_768,
        tokens_s: float = math.inf,
        chunk_s: float = CHUNK_SECONDS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._script, self._name, self._context_tokens = script, name, context_tokens
        self._tokens_s, self._chunk_s, self._sleep = tokens_s, chunk_s, sleep
        self.calls: list[Call] = []

    @property
    def name(self) -> str:
        """See `ChatModel`."""
        return self._name

    @property
    def context_tokens(self) -> int:
        """See `ChatModel`."""
        return self._context_tokens

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`."""
        self.calls.append(call)
        usage = Usage(prompt_tokens=sum(tokens_about(message.text) for message in call.messages))
        if usage.prompt_tokens + call.tokens_max > self._context_tokens:
            raise ModelError(
                "too_long",
                f"expected at most {self._context_tokens} tokens of prompt and answer for {self._name}, "
                f"got {usage.prompt_tokens} + {call.tokens_max}: send less",
            )
        scripted = self._script(call)
        if isinstance(scripted, str):
            scripted = Scripted(scripted)
        if math.isinf(scripted.delay_s):
            await asyncio.Event().wait()
        if scripted.delay_s:
            await self._sleep(scripted.delay_s)
        text = scripted.text[: call.tokens_max * TOKEN_CHARS]
        async for piece in self._pieces(text):
            yield piece
        if scripted.error is not None:
            raise scripted.error
        finish: Finish = "tools" if scripted.calls else "length" if len(text) < len(scripted.text) else "stop"
        yield Done(finish, replace(usage, answer_tokens=tokens_about(text)), scripted.calls)

    async def _pieces(self, text: str) -> AsyncIterator[Piece]:
        if math.isinf(self._tokens_s):
            if text:
                yield Piece(text)
            return
        step = max(1, round(self._tokens_s * self._chunk_s) * TOKEN_CHARS)
        for start in range(0, len(text), step):
            await self._sleep(self._chunk_s)
            yield Piece(text[start : start + step])
