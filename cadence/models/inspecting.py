"""What `cadence models` says of cards: what is in them, and whether their endpoints answer."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, ModelError, answer_of

if TYPE_CHECKING:
    from cadence.models.client import EndpointModel

AT_A_TIME_MAX = 8  # endpoints asked
QUESTION = Call((ChatMessage("user", "Say yes."),), tokens_max=1, temperature=0.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One endpoint of one card: how long it took to answer, or what is wrong, in a sentence."""

    card: str
    address: str
    ok: bool
    message: str
    trouble: str | None = None
    seconds: float | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'fail':<4}  {self.message}"


def row(card: ModelCard) -> dict[str, object]:
    """What a card says, for JSON. The variable of the key is named, its value is not."""
    price = card.price
    return {
        "id": card.id,
        "file": card.file,
        "served": card.served,
        "endpoints": list(card.endpoints),
        "context_tokens": card.context_tokens,
        "key_env": card.key_env,
        "tokens_s": card.tokens_s,
        "price": {"prompt": price.prompt, "cached": price.cached, "answer": price.answer, "currency": price.currency},
        "serve": None if card.serve is None else card.serve.model,
    }


def line(card: ModelCard) -> str:
    """What a card says, for people."""
    price = card.price
    costs = (
        f"{price.prompt:g} + {price.answer:g} {price.currency} a million" if price.prompt or price.answer else "free"
    )
    more = f" and {len(card.endpoints) - 1} more" if len(card.endpoints) > 1 else ""
    return f"{card.id}: {card.served} at {card.endpoints[0]}{more}, {card.context_tokens} tokens, {costs}"


async def check(cards: Mapping[str, ModelCard], environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Ask every endpoint for one token. Raises `ModelError` only where the extra `llm` is missing."""
    if not cards:
        return []
    from cadence.models.opening import client_class

    connect = client_class(next(iter(cards.values())))
    gate = asyncio.Semaphore(AT_A_TIME_MAX)

    async def ask(card: ModelCard, address: str) -> Finding:
        key = environment.get(card.key_env, "").strip() or None if card.key_env else None
        async with gate, aclosing(connect(card, address, key)) as endpoint:
            return await _ask(card, address, endpoint)

    return list(await asyncio.gather(*(ask(card, address) for card in cards.values() for address in card.endpoints)))


async def _ask(card: ModelCard, address: str, endpoint: EndpointModel) -> Finding:
    began = time.monotonic()
    try:
        await answer_of(endpoint, QUESTION)
    except ModelError as error:
        hint = await _served(endpoint) if error.trouble == "unknown_model" else ""
        return Finding(card.id, address, False, f"{error}{hint}", error.trouble)
    seconds = time.monotonic() - began
    said = f"{card.file}: `{card.served}` at {address} answers, in {seconds:.2f} s"
    return Finding(card.id, address, True, said, seconds=round(seconds, 3))


async def _served(endpoint: EndpointModel) -> str:
    """What the endpoint says it serves, to hint at the right name."""
    try:
        names = await endpoint.served()
    except ModelError:
        return ""
    return f" (it serves {', '.join(f'`{name[:80]}`' for name in names[:5])})" if names else ""
