"""The checker of answers must be able to fail: one honest answer, and one lie at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from tests.checks.answers import answers
from tests.checks.record import Reading, log_of
from tests.checks.test_checks import ROOM, iso, message
from tests.stranger import Frame, Seen


def honest() -> list[Seen]:
    said = [message(1, 1.0, "ada", "The valve froze last night."), message(2, 2.0, "bob", "Nobody looked.")]
    ask: Frame = {"type": "ask", "ref": "r1", "room": ROOM, "what": "room", "since": 0, "words": 10}
    segment = {"kind": "answer", "speakers": ["ada"], "text": "ada: The valve froze", "sources": [1], "weight": 1.0}
    turn = {"type": "turn", "room": ROOM, "turn": 1, "at": iso(4.0), "mode": "answer", "covers": None, "words": 4}
    turn |= {"segments": [segment], "by": "embedded", "ref": "r1"}
    diary = [Seen(one_at, 1, "in", frame) for one_at, frame in zip((1.0, 2.0), said, strict=True)]
    return [*diary, Seen(3.0, 1, "out", ask), Seen(4.0, 1, "in", turn)]


def judged(diary: list[Seen]) -> list[str]:
    return answers(Reading("rae", diary, ROOM), log_of(ROOM, [diary]))


def test_an_honest_answer_is_accepted() -> None:
    assert judged(honest()) == []


LIES: dict[str, Callable[[Frame, Frame], object]] = {
    "covers": lambda ask, turn: turn.update(covers={"epoch": "e", "from": 1, "to": 2, "messages": 2, "words": 7}),
    "has mode": lambda ask, turn: turn.update(mode="paraphrase"),
    "asked for no answer": lambda ask, turn: turn.update(ref="r9"),
    "words, at most": lambda ask, turn: ask.update(words=3),
    "of kind answer, expected catch_up": lambda ask, turn: ask.update(what="catch_up"),
    "does not begin with the name": lambda ask, turn: turn["segments"][0].update(text="The valve froze"),
    "never said": lambda ask, turn: turn["segments"][0].update(text="ada: The pump froze"),
    "is not named": lambda ask, turn: (turn.update(by="tiny"), turn["segments"][0].update(text="It froze")),
    "speak": lambda ask, turn: ask.update(what="speaker", speaker="bob"),
    "lie before": lambda ask, turn: ask.update(since=1),
}


@pytest.mark.parametrize("what", LIES)
def test_a_lie_is_found(what: str) -> None:
    diary = copy.deepcopy(honest())
    LIES[what](diary[2].frame, diary[3].frame)
    assert any(what in violation for violation in judged(diary)), judged(diary)


def test_seven_answers_in_a_minute_are_too_many() -> None:
    diary = honest()[:2]
    for number in range(7):
        ask, turn = copy.deepcopy(honest()[2:])
        ask.frame["ref"] = turn.frame["ref"] = f"r{number}"
        diary += [Seen(10.0 + number, 1, "out", ask.frame), Seen(10.5 + number, 1, "in", turn.frame)]
    assert [violation for violation in judged(diary) if "7 times in the minute" in violation]


def test_what_was_redacted_long_before_may_not_be_quoted() -> None:
    diary = honest()
    redacted = {"type": "redacted", "room": ROOM, "seq": 1, "by": "ada"}
    diary.insert(2, Seen(2.0, 1, "in", redacted))
    assert any("rule 8" in violation for violation in judged(diary))
