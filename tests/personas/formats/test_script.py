from __future__ import annotations

from collections.abc import Iterator

import pytest

from cadence.personas.formats import script
from cadence.personas.formats.talk import PlanError
from cadence.personas.script import Line


def test_a_script_is_said_as_fast_as_a_room_plays_it() -> None:
    lines = ['{"from": "ada", "text": "one"}\n', "\n", '{"from": "bo", "text": "two", "reply_to": 1, "after_s": 0}']
    assert [(one.name, one.line) for one in script.read(lines)] == [
        ("ada", Line(1, "ada", "one", after_s=1.5)),
        ("bo", Line(3, "bo", "two", after_s=0.0, reply_to=1)),
    ]


def test_the_first_problem_is_told_with_its_line() -> None:
    with pytest.raises(PlanError, match="^line 1: `txet`: unknown key; the nearest known key is `text`$"):
        list(script.read(['{"from": "ada", "txet": "x"}']))
    with pytest.raises(PlanError, match="^expected at least one line, got none$"):
        list(script.read([""]))


def test_an_endless_script_is_not_read_to_its_end() -> None:
    def lines() -> Iterator[str]:
        while True:
            yield "x" * 1_000_000

    with pytest.raises(PlanError, match="expected a script of at most"):
        list(script.read(lines()))
