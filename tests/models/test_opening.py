"""From cards to models that answer."""

from __future__ import annotations

import sys
from contextlib import aclosing

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import Account, Call, ChatMessage, ModelError, answer_of
from cadence.models.opening import open_models
from cadence.models.scripted import ScriptedModel
from tests.models.fake_endpoint import KEY, fake_endpoint

CALL = Call((ChatMessage("user", "hello"),), tokens_max=10, account=Account("lab", "vera", "bob"))


@pytest.mark.real_time
async def test_a_card_becomes_a_model_with_its_key_and_its_costs() -> None:
    async with fake_endpoint(ScriptedModel(lambda _: "fine"), key=KEY) as server:
        card = ModelCard("local", (server.address,), "tiny", key_env="TINY_KEY")
        async with aclosing(open_models({"local": card}, environment={"TINY_KEY": f"{KEY}\n"})) as opened:
            assert (await answer_of(opened.models["local"], CALL)).text == "fine"
            assert opened.ledger.spent("local", "reader", "bob").calls == 1
            assert [health.state for _, health in opened.pools["local"].health()] == ["well"]


async def test_each_address_is_an_endpoint() -> None:
    made: list[tuple[str, str | None]] = []

    def connect(card: ModelCard, address: str, key: str | None) -> ScriptedModel:
        made.append((address, key))
        return ScriptedModel(lambda _: address)

    card = ModelCard("local", ("http://a/v1", "http://b/v1"), "tiny", key_env="TINY_KEY")
    opened = open_models({"local": card}, environment={}, connect=connect)
    assert made == [("http://a/v1", None), ("http://b/v1", None)]
    assert {(await answer_of(opened.models["local"], CALL)).text for _ in range(2)} == {"http://a/v1", "http://b/v1"}


def test_without_cards_nothing_is_needed() -> None:
    assert dict(open_models({}).models) == {}


def test_without_the_extra_a_card_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cadence.models.client", raising=False)
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"models/card.toml: expected the extra `llm`, openai .*cadence-rooms\[llm\]"):
        open_models({"local": ModelCard("local", ("http://a/v1",), "tiny")})
