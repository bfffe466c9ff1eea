"""Going through the types loses nothing, and a loss would be named."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cadence.factory.alloy.document import read
from cadence.factory.alloy.load import load
from cadence.factory.alloy.parts import Part, plain
from cadence.factory.alloy.roundtrip import first_difference, render, round_trip
from tests.factory.alloy import examples


@pytest.mark.parametrize("example", examples.ALL, ids=lambda one: one.__name__)
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("indent", [None, 1, 2, "\t"])
def test_every_example_comes_back_as_the_same_bytes(
    example: Callable[[], examples.Value], end: bytes, indent: Any
) -> None:
    raw = json.dumps(example(), indent=indent).encode() + end
    assert round_trip(load(raw, name="x")).outcome == "bytes"


def test_a_compact_file_stays_compact_and_an_unescaped_one_unescaped() -> None:
    value = examples.recipe() | {"description": "Größe §4"}
    for raw in (
        json.dumps(value, separators=(",", ":")).encode(),
        json.dumps(value, ensure_ascii=False, indent=2).encode(),
    ):
        assert round_trip(load(raw, name="x")).outcome == "bytes"


def test_a_file_laid_out_by_hand_keeps_its_meaning() -> None:
    raw = b'{ "name": "n",\n  "version":"1.0.0", "source": {"baseModel":"a/b","architecture":"llama"},\n\n"target":{} }'
    assert round_trip(load(raw, name="x")).outcome == "meaning"


def test_what_does_not_load_cannot_go_round() -> None:
    assert not round_trip(load(b"{}", name="x")).holds


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, None),
        ({"a": 1}, {"a": True}, "a: 1 became true"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a[1].b: 2 became 3"),
        ({"a": None}, {}, "a: null became nothing"),
        ({}, {"a": None}, "a: nothing became null"),
        ([1], [1, 2], "(root): 1 items became 2 items"),
        ({"a": "1"}, {"a": 1}, 'a: "1" became 1'),
        ({"a": {}}, {"a": []}, "a: {} became []"),
    ],
)
def test_the_first_difference_is_named(left: Any, right: Any, said: str | None) -> None:
    found = first_difference(left, right)
    assert (str(found) if found else None) == said


def test_a_dropped_key_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = examples.loaded(examples.forged())
    assert loaded.alloy is not None
    monkeypatch.setattr(type(loaded.alloy), "model_extra", property(lambda part: {}))
    losing: dict[str, Any] = examples.forged() | {"odd": 1}
    found = round_trip(load(examples.text(losing), name="x"))
    assert str(found.difference) == "odd: 1 became nothing"


def test_what_is_built_is_written_as_published_alloys_are() -> None:
    part = Part.model_validate({"b": "ü", "a": [1]})
    assert render(plain(part)) == b'{\n  "b": "\\u00fc",\n  "a": [\n    1\n  ]\n}\n'
    assert render({}, like=read(b"{}", name="x")) == b"{}"
