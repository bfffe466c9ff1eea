"""Checkpoints of a run: an accident on the way is found, at the station where it happened."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.progress import check
from tests.factory.alloy.signed import digest

ONE, TWO, THREE = digest("1"), digest("2"), digest("3")


def point(output: str | None, **inputs: str) -> dict[str, Any]:
    return {"completedAt": "2026-11-27T00:00:00Z", "outputHash": output, "inputHashes": inputs, "metadata": {}}


def breaks(**points: Any) -> list[tuple[str, int | None]]:
    return [(one.kind, one.stage) for one in check({"results": {"stageCheckpoints": points}})]


def test_stations_that_take_in_what_the_one_before_put_out_hold() -> None:
    assert breaks(profile=point(ONE), prune=point(TWO, importance=ONE), quant=point(THREE, model=TWO)) == []
    assert breaks(profile=point(ONE), prune=point(TWO, importance=ONE), quant=None, eval=None) == []
    assert breaks(quant=point(TWO, model=THREE), prune=point(THREE)) == [], "the order is the line's, not the file's"


def test_a_station_that_took_in_something_else_is_named() -> None:
    assert breaks(profile=point(ONE), prune=point(TWO, importance=THREE)) == [("broken flow", 1)]
    assert breaks(profile=point(ONE), prune=point(TWO)) == [("broken flow", 1)]


def test_a_station_that_was_passed_over_is_named() -> None:
    assert breaks(profile=point(ONE), prune=None, quant=point(TWO, model=ONE)) == [("dropped", 1)]


def test_stations_that_a_line_does_not_have_are_no_gap() -> None:
    assert breaks(prune=point(ONE), eval=point(TWO, model=ONE)) == []


def test_a_placeholder_is_no_output() -> None:
    assert breaks(profile=point("pending"), prune=point(TWO)) == [("missing data", 0)]
    assert breaks(profile=point(None)) == [("missing data", 0)]


def test_both_spellings_are_read() -> None:
    older = {"completed_at": "2026-11-27T00:00:00Z", "hash": ONE, "input_hashes": {}}
    assert breaks(profile=older, prune=point(TWO, importance=ONE)) == []
    assert breaks(profile=older, prune=point(TWO, importance=TWO)) == [("broken flow", 1)]


@pytest.mark.parametrize("value", [{"profile": 7}, {"profile": {"inputHashes": 7}}])
def test_what_is_no_checkpoint_is_said_so(value: Any) -> None:
    assert breaks(**value) == [("edited", 0)]


def test_an_unknown_station_is_said_so_and_none_at_all_is_fine() -> None:
    assert breaks(polish=point(ONE)) == [("edited", None)]
    assert check({}) == check({"results": 7}) == ()
