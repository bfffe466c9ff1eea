"""What is said of cards and their endpoints."""

from __future__ import annotations

import pytest

from cadence.models.cards import ModelCard, Price, Serve
from cadence.models.inspecting import check, line, row
from cadence.models.scripted import ScriptedModel
from tests.models.fake_endpoint import KEY, fake_endpoint

LINES = {"endpoint": 1, "served": 2, "key_env": 3}


def card(address: str, **more: object) -> ModelCard:
    return ModelCard("local", (address,), "tiny", "models/local.toml", lines=LINES, **more)  # type: ignore[arg-type]


def test_a_card_in_a_line_and_as_json() -> None:
    made = card("http://x/v1", price=Price(prompt=0.5, answer=2), key_env="TINY_KEY", serve=Serve(model="shelf/tiny"))
    assert line(made) == "local: tiny at http://x/v1, 8192 tokens, 0.5 + 2 USD a million"
    assert line(card("http://x/v1")).endswith("free")
    assert row(made) == {
        "id": "local",
        "file": "models/local.toml",
        "served": "tiny",
        "endpoints": ["http://x/v1"],
        "context_tokens": 8192,
        "key_env": "TINY_KEY",
        "tokens_s": None,
        "price": {"prompt": 0.5, "cached": None, "answer": 2, "currency": "USD"},
        "serve": "shelf/tiny",
    }


@pytest.mark.real_time
async def test_an_endpoint_that_answers_is_well() -> None:
    model = ScriptedModel(lambda _: "yes")
    async with fake_endpoint(model, key=KEY) as server:
        (finding,) = await check({"local": card(server.address, key_env="TINY_KEY")}, {"TINY_KEY": KEY})
    assert finding.ok and finding.seconds is not None and finding.trouble is None
    assert str(finding).startswith(f"ok    models/local.toml: `tiny` at {server.address} answers, in 0.")
    assert [call.tokens_max for call in model.calls] == [1]


@pytest.mark.real_time
async def test_what_is_wrong_names_card_and_line() -> None:
    async with fake_endpoint(ScriptedModel(lambda _: ""), served="huge", key=KEY) as server:
        key, wrong = {"TINY_KEY": KEY}, {"TINY_KEY": "sk-wrong-key"}
        keyed = card(server.address, key_env="TINY_KEY")
        found = [
            *(await check({"a": keyed}, key)),
            *(await check({"a": keyed}, wrong)),
            *(await check({"a": keyed}, {})),
            *(await check({"a": card(server.address)}, {})),
            *(await check({"a": card("http://127.0.0.1:9/v1")}, {})),
        ]
    assert [finding.ok for finding in found] == [False] * 5
    troubles = ["unknown_model", "forbidden", "forbidden", "forbidden", "unreachable"]
    assert [finding.trouble for finding in found] == troubles
    places = [finding.message.partition(": ")[0] for finding in found]
    assert places == [f"models/local.toml{at}" for at in (":2", ":3", ":3", "", ":1")]
    assert found[0].message.endswith("(it serves `huge`)")
    assert not any("sk-" in str(finding.as_dict()) for finding in found)


async def test_without_cards_there_is_nothing_to_find() -> None:
    assert await check({}) == []
