"""The models of a place, ready to be called: each card's endpoints in a pool, each call counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cadence.models.cards import ModelCard
from cadence.models.chat import ChatModel, ModelError
from cadence.models.metered import Metered
from cadence.models.pool import Pool
from cadence.models.usage import Ledger

if TYPE_CHECKING:
    from cadence.models.client import EndpointModel

Connect = Callable[[ModelCard, str, str | None], ChatModel]


@dataclass(frozen=True, slots=True)
class OpenModels:
    """`models` by the ids of their cards; `pools` are the same, for their health; `ledger` what they cost."""

    models: Mapping[str, ChatModel]
    pools: Mapping[str, Pool]
    ledger: Ledger

    async def aclose(self) -> None:
        """End all calls."""
        for pool in self.pools.values():
            await pool.aclose()


def open_models(
    cards: Mapping[str, ModelCard],
    *,
    ledger: Ledger | None = None,
    environment: Mapping[str, str] = os.environ,
    connect: Connect | None = None,
) -> OpenModels:
    """The models of `cards`. Nothing is sent before the first call.

    A key is read from the variable that its card names; that it is missing is said by the call. Raises `ModelError`
    "invalid" where there are cards and the extra `llm` is not installed. `connect` makes a model of a card, an address
    and a key, for tests.
    """
    ledger = Ledger() if ledger is None else ledger
    if cards and connect is None:
        connect = client_class(next(iter(cards.values())))
    pools: dict[str, Pool] = {}
    for id, card in cards.items():
        key = environment.get(card.key_env, "").strip() or None if card.key_env else None
        assert connect is not None, "there is a card"
        pools[id] = Pool(card, [connect(card, address, key) for address in card.endpoints])
    return OpenModels({id: Metered(pool.card, pool, ledger) for id, pool in pools.items()}, pools, ledger)


def client_class(card: ModelCard) -> type[EndpointModel]:
    """What speaks to endpoints. Raises `ModelError` where the extra `llm` is missing; `card` is who needs it."""
    try:
        from cadence.models.client import EndpointModel
    except ImportError as error:
        text = f"{card.file}: expected the extra `llm`, {error.name} is not installed: pip install 'cadence-rooms[llm]'"
        raise ModelError("invalid", text) from None
    return EndpointModel
