"""The published schema and the types cannot disagree, and the committed files are current."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cadence.factory.alloy import schema
from cadence.factory.alloy.domain import DOMAINS, type_names
from cadence.factory.alloy.load import check_value
from cadence.factory.alloy.schema import json_schema
from tests.factory.alloy.examples import ALL, Value, forged, parcel, photo, recipe, ticket
from tests.source import ROOT

VALIDATOR = Draft202012Validator(json_schema())
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, 2.0, 10**6, "", "x", [], [1], {}, {"a": 1}, 0.5)


def shape_holds(value: Any) -> bool:
    """What the types say, without the rules across fields."""
    return check_value(value)[0] is not None


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in steps:
        yield (*at, step)
        yield from places(one, (*at, step))


def edited(value: Value, path: tuple[str | int, ...], new: Any) -> Value:
    here: Any = value
    for step in path[:-1]:
        here = here[step]
    if new is places:
        del here[path[-1]]
    else:
        here[path[-1]] = new
    return value


@pytest.mark.parametrize("example", ALL, ids=lambda one: one.__name__)
def test_the_schema_accepts_what_the_types_accept(example: Callable[[], Value]) -> None:
    chance = random.Random(7)
    disagreements = []
    for path in places(example()):
        for new in (places, *chance.sample(ODD, 3)):
            value = edited(example(), path, new)
            if VALIDATOR.is_valid(value) != shape_holds(value):
                disagreements.append((path, "deleted" if new is places else new, shape_holds(value)))
    assert disagreements == []


def every_type() -> list[tuple[str, str]]:
    return [(domain.id, name) for domain in DOMAINS for stage in domain.stages for name in type_names(stage)]


@pytest.mark.parametrize(("domain", "name"), every_type())
def test_every_stage_type_agrees_about_being_bare_and_about_its_domain(domain: str, name: str) -> None:
    for example in (recipe, photo, ticket):
        value = example() | {"stages": [{"type": name}]}
        assert VALIDATOR.is_valid(value) == shape_holds(value), example.__name__


@pytest.mark.parametrize(
    "value",
    [
        recipe() | {"domains": None},
        recipe() | {"domains": ["llm-forge", "photo-provenance"]},
        recipe() | {"domains": ["nowhere"]},
        recipe() | {"domains": ["compute-receipt"]},
        photo() | {"domains": ["photo-provenance", "photo-provenance"]},
        forged() | {"domains": ["llm-forge", "compute-receipt"]},
        forged() | {"domains": ["compute-receipt", "llm-forge"]},
        forged() | {"domains": ["delivery", "llm-forge"], "source": parcel()["source"]},
        forged()
        | {"domains": ["delivery", "llm-forge"], "source": parcel()["source"], "results": {"benchmarks": [{}]}},
        forged() | {"domains": ["delivery", "llm-forge"], "source": parcel()["source"], "hardware": 3},
        parcel() | {"domains": ["delivery", "ticketing"], "stages": [*parcel()["stages"], *ticket()["stages"]]},
        forged() | {"receipt": {}},
        forged() | {"receipt": {"verifyUrl": "x"}},
        forged() | {"target": {}, "stages": []},
        {},
        [],
    ],
)
def test_odd_documents_agree_too(value: Any) -> None:
    assert VALIDATOR.is_valid(value) == shape_holds(value)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_committed_files_are_current() -> None:
    assert schema.drift(ROOT) == [], f"run {schema.COMMAND}"


def test_drift_is_found_and_written_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main(["--check"], tmp_path) == 1
    assert "docs/alloy.schema.json: differs" in capsys.readouterr().err
    assert schema.main([], tmp_path) == 0
    assert schema.main(["--check"], tmp_path) == 0
    (tmp_path / schema.TYPESCRIPT).write_text("", encoding="utf-8")
    assert schema.drift(tmp_path) == [schema.TYPESCRIPT]
    assert schema.main(["--chekc"], tmp_path) == 2
