"""The checker of what is overheard must be able to fail: one honest line, and one lie at a time."""

from __future__ import annotations

import pytest

from tests.checks import ambient, text
from tests.checks.record import Log, Reading
from tests.checks.test_checks import MESSAGES, honest, message
from tests.stranger import Frame

LINE: Frame = {
    "kind": "ambient",
    "room": "attic",
    "speakers": ["eve"],
    "text": "It rains through the roof.",
    "sources": [1],
    "weight": 0.1,
}


def found(
    guest: bool = True, times: int = 1, redacted_at: float | None = None, public: bool = True, **lie: object
) -> list[str]:
    diary = honest()
    log = Log("hall", {m["seq"]: m for m in MESSAGES})
    attic = log.others["attic"] = Log("attic", public=public)
    attic.messages = {1: {**message(1, 9.0, "eve", LINE["text"]), "room": "attic"}}
    attic.messages[2] = {**message(2, 9.0, "hal", "I am up here."), "room": "attic"}
    if redacted_at is not None:
        attic.redacted[1] = redacted_at
    frame = next(seen.frame for seen in diary if seen.frame["type"] == "turn")
    for _ in range(times):
        frame["segments"].append({**LINE, **lie})
    frame["words"] += 5 * times
    reading = Reading("rae", diary, "hall")
    return ambient.overheard(reading, log, guest=guest) + text.turn_text(reading, log) + text.once(reading, log)


def test_an_honest_line_is_no_violation() -> None:
    assert found() == []
    assert found(guest=False, public=False) == []


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        ({"room": "cellar"}, "not in hearing"),
        ({"times": 2}, "law 10"),
        ({"public": False}, "closed to guests"),
        ({"redacted_at": 11.0}, "law 17"),
        ({"sources": [2], "speakers": ["hal"], "text": "I am up here."}, "stays there"),
        ({"speakers": ["fay"]}, "law 7: the authors"),
        ({"text": "It snows through the roof."}, "law 7: the quote"),
        ({"sources": [7]}, "not in the log"),
        ({"room": "hall", "text": "One whole message.", "speakers": ["ann"]}, "in no pod"),
    ],
)
def test_each_lie_is_found(lie: dict[str, object], what: str) -> None:
    assert any(what in violation for violation in found(**lie)), found(**lie)  # type: ignore[arg-type]
