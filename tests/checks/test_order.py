"""The numbers of turns, over joinings that do or do not say how far they were."""

from __future__ import annotations

from typing import Any

from tests.checks import order
from tests.checks.record import Reading, log_of
from tests.checks.test_checks import ROOM, honest, turn, witness
from tests.stranger import Seen


def numbers(*after_cut: Any, second: int) -> list[str]:
    """What is found if whoever was cut before any turn came joins with these fields, and then gets turn `second`."""
    joined, request = honest()[2], {"type": "join", "room": ROOM, "ref": "r4", **dict(after_cut)}
    diary = [
        *honest()[:3],
        Seen(11.0, 1, "closed", {"code": 1006}),
        Seen(12.0, 2, "out", request),
        Seen(12.0, 2, "in", {**joined.frame, "ref": "r4"}),
        Seen(15.0, 2, "in", turn(second, 15.0, 1, 0, [])),
    ]
    return order.turn_numbers(Reading("rae", diary, ROOM))


def test_who_comes_back_without_saying_how_far_may_never_have_got_the_first_turn() -> None:
    """Protocol rule 5: nothing is replayed then, and turns are stored for who was cut before they came."""
    assert numbers(second=2) == numbers(second=1) == []


def test_who_says_how_far_is_sent_each_turn() -> None:
    after = ("after", {"epoch": "e", "seq": 0})
    assert numbers(after, second=1) == []
    assert len(numbers(after, second=2)) == 1


def test_the_first_turn_of_who_was_never_here_is_number_one() -> None:
    diary = [*honest()[:3], Seen(15.0, 1, "in", turn(2, 15.0, 1, 0, []))]
    assert len(order.turn_numbers(Reading("rae", diary, ROOM))) == 1


def covering(first: int, away_s: float, lingers_s: float) -> list[str]:
    """What is found if whoever was cut after turn 1 joins afresh at head 4, and gets a turn from `first` on."""
    joined = honest()[2]
    back = 15.5 + away_s
    diary = [
        *honest()[:5],
        Seen(15.5, 1, "closed", {"code": 1006}),
        Seen(back, 2, "out", {"type": "join", "room": ROOM, "ref": "r4"}),
        Seen(back, 2, "in", {**joined.frame, "ref": "r4", "head": 4}),
        Seen(back + 5.0, 2, "in", turn(2, back + 5.0, first, 6, [])),
    ]
    log = log_of(ROOM, [witness()])
    return order.ranges(Reading("rae", diary, ROOM, lingers_s=lingers_s), log)


def test_a_new_run_begins_at_the_head_unless_a_connection_may_be_thought_to_be_there() -> None:
    assert covering(5, away_s=2.0, lingers_s=0.0) == covering(5, away_s=2.0, lingers_s=13.0) == []
    assert covering(4, away_s=2.0, lingers_s=13.0) == []
    assert covering(4, away_s=2.0, lingers_s=0.0) and covering(4, away_s=14.0, lingers_s=13.0)
