"""The checker of whispers must be able to fail."""

from __future__ import annotations

from tests.checks import whispers
from tests.checks.record import Log, Reading
from tests.checks.test_checks import MESSAGES, VIEW, honest, message
from tests.stranger import Frame

WHISPER: Frame = {
    "kind": "whisper",
    "room": "attic",
    "speakers": ["eve"],
    "text": "In The attic, eve spoke of rain.",
    "sources": [1],
    "weight": 1.0,
}


def found(*, times: int = 1, turns: int = 1, whisper: str = "light", **lie: object) -> list[str]:
    diary = honest()
    for seen in diary:
        if seen.frame.get("type") == "joined":
            seen.frame["view"] = {**VIEW, "whisper": whisper}
    log = Log("hall", {m["seq"]: m for m in MESSAGES})
    log.others["attic"] = Log("attic", {1: message(1, 9.0, "eve", "It rains.")})
    for frame in [seen.frame for seen in diary if seen.frame["type"] == "turn"][:turns]:
        frame["segments"] += [{**WHISPER, **lie}] * times
    return whispers.rare_and_named(Reading("rae", diary, "hall"), log)


def test_an_honest_whisper_is_no_violation() -> None:
    assert found() == []


def test_each_lie_is_found() -> None:
    assert any("does not name" in what for what in found(text="In The attic, somebody spoke of rain."))
    assert any("off" in what for what in found(whisper="off"))
    assert any("expected 600" in what for what in found(turns=2))
    assert any("expected 120" in what for what in found(turns=2, whisper="heavy"))
    assert any("2 in a turn" in what for what in found(times=2))
