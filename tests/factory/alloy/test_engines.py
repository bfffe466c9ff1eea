"""An alloy goes to the engine that knows all of it, or is refused with the reason."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.engines import Engine, EngineRefused, pick
from tests.factory.alloy.examples import Value, loaded, recipe, ticket

FORGE = Engine("forge", frozenset({"llm-forge"}), frozenset({"prune", "train", "quant", "eval", "deliver"}))
GATE = Engine("gate", frozenset({"ticketing", "delivery"}), frozenset({"issued", "transferred", "scanned"}))


def typed(value: Value) -> Alloy:
    alloy = loaded(value).alloy
    assert alloy is not None
    return alloy


def test_the_domains_decide_who_gets_it() -> None:
    assert pick(typed(recipe()), [GATE, FORGE]) is FORGE
    assert pick(typed(ticket()), [FORGE, GATE]) is GATE


def test_an_unknown_stage_type_is_named_with_its_place() -> None:
    value = recipe()
    value["stages"][1] = {"type": "recover"}
    with pytest.raises(EngineRefused, match=r"unknown stage type 'recover' at stages\[1\] for forge; nearest: deliver"):
        pick(typed(value), [FORGE])


def test_every_engine_says_why_it_refuses() -> None:
    with pytest.raises(EngineRefused) as caught:
        pick(typed(ticket()), [FORGE, Engine("small", frozenset({"ticketing"}), frozenset({"issued"}))])
    assert str(caught.value) == (
        "expected an engine for 'seat-4b': forge does not serve the domain 'ticketing'; "
        "unknown stage type 'transferred' at stages[1] for small"
    )
    with pytest.raises(EngineRefused, match="there is none"):
        pick(typed(ticket()), [])
