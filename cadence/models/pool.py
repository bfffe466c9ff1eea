"""The endpoints of a card as one `ChatModel`: the least busy one first, another if it fails, later if none is left.

An answer that was begun is never begun again: whoever reads it has seen its first words.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, cast

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatModel, Done, ModelError, Piece
from cadence.models.routing import Health, Routing
from cadence.models.trouble import where


class Pool:
    """See `ChatModel`. `endpoints` belong to the addresses of `card`; `sleep` and `chance` are for tests."""

    def __init__(
        self,
        card: ModelCard,
        endpoints: Sequence[ChatModel],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.card = card
        self._endpoints = tuple(endpoints)
        self._sleep, self._chance = sleep, chance
        self._routing = Routing(len(self._endpoints), card.calls_max)

    @property
    def name(self) -> str:
        """See `ChatModel`."""
        return self.card.id

    @property
    def context_tokens(self) -> int:
        """See `ChatModel`."""
        return self.card.context_tokens

    def health(self) -> list[tuple[str, Health]]:
        """Each address and how it is."""
        return list(zip(self.card.endpoints, self._routing.health(asyncio.get_running_loop().time()), strict=True))

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`. At most 3 attempts, each within the limits of the card."""
        clock = asyncio.get_running_loop().time
        tried: set[int] = set()
        attempt = 0
        while True:
            attempt += 1
            at = self._routing.choose(clock(), tried)
            if at is None:
                raise self._none()
            tried.add(at)
            heard = False
            try:
                async with aclosing(self._at(at, call)) as parts:
                    async for part in parts:
                        heard = True
                        yield part
                return
            except ModelError as error:
                failed = error
            wait = None if heard else self._routing.pause(failed, attempt, clock(), tried, self._chance())
            if wait is None:
                raise failed
            if wait:
                await self._sleep(wait)

    async def _at(self, at: int, call: Call) -> AsyncGenerator[Piece | Done, None]:
        """One attempt at one endpoint; however it ends, the routing is told."""
        clock = asyncio.get_running_loop().time
        began, heard, told = clock(), False, False
        try:
            # Whatever streams is a generator, which can be closed; the protocol only asks for an iterator.
            async with aclosing(cast(Any, self._endpoints[at].stream(call))) as parts:
                async for part in parts:
                    heard = True
                    if isinstance(part, Done):
                        self._routing.ended(at, clock())
                        told = True
                    yield part
        except ModelError as error:
            self._routing.ended(at, clock(), error)
            told = True
            raise
        finally:
            if not told:
                self._routing.left(at, clock(), began, heard)

    def _none(self) -> ModelError:
        """Why no endpoint takes the call."""
        last = self._routing.why_none(asyncio.get_running_loop().time())
        if last is not None:
            place = "" if str(last).startswith(self.card.file) else f"{where(self.card)}: "
            return ModelError(last.trouble, f"{place}{last}", again_s=last.again_s)
        text = f"{where(self.card)}: expected room for a call, but {self.card.calls_max} are under way at each endpoint"
        return ModelError("overloaded", f"{text}: try again later, or raise calls_max")

    async def aclose(self) -> None:
        """Close the endpoints that can be closed."""
        for endpoint in self._endpoints:
            close = getattr(endpoint, "aclose", None)
            if close is not None:
                await close()
