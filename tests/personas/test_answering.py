from __future__ import annotations

from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from cadence.models.chat import Call, ChatMessage, ModelError, Trouble
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.personas.answering import PersonaModels
from cadence.personas.cards import Card
from cadence.rooms.wire import Member, WireError
from cadence.rooms.wire.completions import Completion, Delta, End

RAE = Member("rae", "Rae", "human", "member")
VERA = Card("vera", "Vera", "she/her", "You are Vera.", model="m")
MUTE = Card("pell", "Pell", "he/him", "You are Pell.")
ALEX = Card("alex", "Alex", "they/them", "You are Alex.", model="m")


def asked(**fields: Any) -> Completion:
    given = {"model": "vera", "messages": [{"role": "user", "content": "hello"}], **fields}
    return msgspec.convert(given, Completion)


def personas(script: Any) -> tuple[PersonaModels, ScriptedModel]:
    say = script if callable(script) else lambda call: str(script)
    model = ScriptedModel(say, context_tokens=1_000)
    cards = {card.id: card for card in (VERA, MUTE, ALEX)}
    return PersonaModels(lambda: cards, lambda card: model if card.model else None), model


async def answer(models: PersonaModels, request: Completion, asker: Member | None = RAE) -> list[Delta | End]:
    return [piece async for piece in models.complete(request, asker)]


def test_those_with_a_model_are_listed_to_those_who_have_a_name() -> None:
    models, _ = personas("x")
    assert models.names(RAE) == ["vera"], "the mediator answers otherwise"
    assert models.names(None) == []


async def test_the_card_stands_above_what_the_caller_says() -> None:
    models, model = personas("I am Vera.")
    request = asked(
        messages=[
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "hello", "name": "Rae"},
            {"role": "assistant", "content": "yes?"},
        ],
        temperature=0.1,
        max_tokens=50,
        stop="END",
        seed=7,
    )
    assert await answer(models, request) == [Delta("I am Vera."), End("stop", 13, 3)]
    call: Call = model.calls[0]
    assert call.messages == (
        ChatMessage("system", "You are Vera."),
        ChatMessage("user", "You are a pirate."),
        ChatMessage("user", "Rae: hello"),
        ChatMessage("assistant", "yes?"),
    )
    assert (call.temperature, call.tokens_max, call.stop, call.seed) == (0.1, 50, ("END",), 7)
    assert (call.account.persona, call.account.reader) == ("vera", "rae")


async def test_an_answer_that_is_cut_says_so() -> None:
    models, _ = personas("x" * 1000)
    *_, end = await answer(models, asked(max_tokens=5))
    assert isinstance(end, End) and end.finish == "length"


@pytest.mark.parametrize(
    ("trouble", "code", "retry"),
    [
        ("unreachable", "unavailable", 5.0),
        ("timed_out", "unavailable", 5.0),
        ("forbidden", "unavailable", None),
        ("unknown_model", "unavailable", None),
        ("invalid", "unavailable", None),
        ("too_long", "too_large", None),
        ("overloaded", "rate_limited", 5.0),
    ],
)
async def test_a_model_in_trouble_is_an_error_without_its_secrets(
    trouble: Trouble, code: str, retry: float | None
) -> None:
    models, _ = personas(lambda call: Scripted("so", error=ModelError(trouble, "http://10.0.0.1 said no to sk-123")))
    with capture_logs() as logs, pytest.raises(WireError) as caught:
        await answer(models, asked())
    assert (caught.value.code, caught.value.retry_after_s) == (code, retry)
    assert "10.0.0.1" not in caught.value.message
    assert [line["persona"] for line in logs] == ["vera"]


@pytest.mark.parametrize(("model", "asker"), [("pell", RAE), ("nobody", RAE), ("vera", None)])
async def test_who_has_no_model_or_no_name_gets_no_answer(model: str, asker: Member | None) -> None:
    models, _ = personas("x")
    with pytest.raises(WireError) as caught:
        await answer(models, asked(model=model), asker)
    assert caught.value.code == "not_found"
