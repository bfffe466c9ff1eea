"""Law 3 as a stranger reckons it, and what a stranger cannot know."""

from __future__ import annotations

from tests.checks import pace
from tests.checks.record import Reading, log_of
from tests.checks.test_checks import ROOM, VIEW, honest, iso, message, verbatim
from tests.checks.words import count, of_message
from tests.stranger import Frame, Seen

LONG = "This budget cannot hold four hundred rows by Friday, and moving them doubles the backup, so we wait again"
FIRST = "The cheaper ledger waits for nobody in the north"
OTHER = "Somebody painted every window of our old house yellow"


def judged(third: str, third_at: float, turn_at: float) -> list[str]:
    """What is found if of two messages that fit the credit only the first is shown whole, at `turn_at`."""
    said = [message(1, 10.2, "ann", FIRST), message(2, 11.2, "bob", LONG), message(3, third_at, "ann", third)]

    def turn(number: int, at: float, first: int, last: int, segments: list[Frame]) -> Frame:
        covers = {"epoch": "e", "from": first, "to": last, "messages": last - first + 1}
        covers["words"] = sum(of_message(one) for one in said[first - 1 : last])
        shown = sum(count(segment["text"]) for segment in segments)
        frame = {"type": "turn", "room": ROOM, "turn": number, "at": iso(at), "mode": "paraphrase", "covers": covers}
        return {**frame, "words": shown, "segments": segments, "by": "embedded"}

    diary = honest()[:3]
    diary[2].frame["view"] = {**VIEW, "cadence_s": 1.0}
    diary.append(Seen(10.7, 1, "in", turn(1, 10.7, 1, 1, [verbatim(1, "ann", FIRST)])))
    diary.append(Seen(turn_at, 1, "in", turn(2, turn_at, 2, 3, [verbatim(2, "bob", LONG)])))
    log = log_of(ROOM, [[Seen(10.0, 1, "in", one) for one in said]])
    found, _ = pace.law_3(Reading("rae", diary, ROOM), log, "rae")
    return found


def test_all_that_fits_is_owed_whole() -> None:
    assert len(judged(OTHER, third_at=11.5, turn_at=11.7)) == 1
    assert len(judged(OTHER, third_at=11.5, turn_at=12.7)) == 1


def test_a_repeat_that_a_look_before_may_have_counted_is_not_owed() -> None:
    assert judged(FIRST, third_at=11.5, turn_at=12.7) == []


def test_a_repeat_that_no_look_before_can_have_counted_is_owed() -> None:
    assert len(judged(FIRST, third_at=11.9, turn_at=12.7)) == 1
