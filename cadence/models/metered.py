"""A model whose every call is admitted by a ledger first and counted there afterwards."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, cast

from cadence.models.cards import ModelCard
from cadence.models.chat import TOKEN_CHARS, Call, ChatModel, Done, ModelError, Piece, Usage
from cadence.models.usage import Ledger, prompt_tokens


class Metered:
    """See `ChatModel`. `clock` tells seconds since 1970; the budgets are those of `card`."""

    def __init__(
        self, card: ModelCard, inner: ChatModel, ledger: Ledger, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.card, self.inner, self._ledger, self._clock = card, inner, ledger, clock

    @property
    def name(self) -> str:
        """See `ChatModel`."""
        return self.inner.name

    @property
    def context_tokens(self) -> int:
        """See `ChatModel`."""
        return self.inner.context_tokens

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`. Raises `ModelError` "overloaded" where a budget is used up; then nothing was sent.

        An answer that ends early is counted as far as it came. A call that its endpoint refused costs nothing.
        """
        ticket = self._ledger.admit(self.card, call, self._clock())
        chars, refused, settled = 0, False, False
        try:
            async with aclosing(cast(Any, self.inner.stream(call))) as parts:
                async for part in parts:
                    if isinstance(part, Done):
                        self._ledger.settle(ticket, part.usage, self._clock())
                        settled = True
                    else:
                        chars += len(part.text)
                    yield part
        except ModelError:
            refused = not chars
            raise
        finally:
            if not settled:
                usage = Usage() if refused else Usage(prompt_tokens(call), -(-chars // TOKEN_CHARS))
                self._ledger.settle(ticket, usage, self._clock(), failed=True)
