"""Every call is counted once, however it ends."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from cadence.models.cards import Budget, ModelCard
from cadence.models.chat import Account, Call, ChatMessage, ModelError, Piece, answer_of
from cadence.models.metered import Metered
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.models.usage import Ledger, Spent

CARD = ModelCard("local", ("http://x/v1",), "tiny", budget=Budget(tokens_day=100))
CALL = Call((ChatMessage("user", "x" * 40),), tokens_max=20, account=Account("lab"))


def metered(answer: str | Scripted) -> tuple[Metered, Ledger, ScriptedModel]:
    inner, ledger = ScriptedModel(lambda _: answer), Ledger()
    return Metered(CARD, inner, ledger, clock=lambda: 0.0), ledger, inner


async def test_an_answer_costs_what_its_endpoint_says() -> None:
    model, ledger, _ = metered("y" * 20)
    await answer_of(model, CALL)
    assert ledger.spent("local", "room", "lab") == Spent(1, 0, 10, 0, 5)


async def test_a_refused_call_costs_nothing_and_is_a_failure() -> None:
    model, ledger, _ = metered(Scripted(error=ModelError("forbidden", "no")))
    with pytest.raises(ModelError):
        await answer_of(model, CALL)
    assert ledger.spent("local") == Spent(1, 1)


async def test_an_answer_that_breaks_costs_as_much_as_came() -> None:
    model, ledger, _ = metered(Scripted("y" * 8, error=ModelError("unreachable", "no")))
    with pytest.raises(ModelError):
        await answer_of(model, CALL)
    assert ledger.spent("local") == Spent(1, 1, 10, 0, 2)


async def test_an_answer_that_is_left_costs_as_much_as_came() -> None:
    model, ledger, _ = metered("y" * 8)
    async with aclosing(model.stream(CALL)) as parts:  # type: ignore[type-var]
        assert await anext(parts) == Piece("y" * 8)
    assert ledger.spent("local") == Spent(1, 1, 10, 0, 2)


async def test_a_cancelled_call_costs_its_prompt() -> None:
    model, ledger, _ = metered(Scripted(delay_s=math.inf))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(answer_of(model, CALL), 1.0)
    assert ledger.spent("local") == Spent(1, 1, 10, 0, 0)


async def test_beyond_the_budget_nothing_is_sent() -> None:
    model, _, inner = metered("y" * 80)
    for _ in range(3):
        await answer_of(model, CALL)
    with pytest.raises(ModelError, match="expected at most 100 tokens a day"):
        await answer_of(model, CALL)
    assert len(inner.calls) == 3


async def test_it_is_called_what_the_model_is_called() -> None:
    model, _, inner = metered("")
    assert (model.name, model.context_tokens) == (inner.name, inner.context_tokens)
