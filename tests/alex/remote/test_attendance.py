"""Who is here, who is leaving, and from when on a worker's word for somebody counts again."""

from __future__ import annotations

from cadence.alex.remote.attendance import Attendance
from cadence.rooms.wire import Covers, Turn, TurnMode
from tests.alex.house import ADA, BOB


def turn(number: int, mode: TurnMode = "paraphrase") -> Turn:
    covers = Covers(epoch="e", from_=1, to=number, messages=1, words=3)
    at = "2026-01-01T00:00:00Z"
    return Turn(room="lab", turn=number, at=at, mode=mode, covers=covers, words=0, segments=(), by="embedded")


def test_a_stay_lasts_from_the_first_connection_to_the_last() -> None:
    lab = Attendance()
    stay = lab.arrive("lab", ADA)
    assert lab.arrive("lab", ADA) is stay and stay.connections == 2
    assert lab.leave("lab", "ada") and lab.is_here("lab", "ada")
    assert lab.leave("lab", "ada") and not lab.is_here("lab", "ada")
    assert not lab.leave("lab", "ada") and lab.arrive("lab", ADA) is not stay


def test_the_audience_is_the_same_set_while_nobody_comes_or_goes() -> None:
    lab = Attendance()
    lab.arrive("lab", ADA)
    lab.arrive("attic", BOB)
    audience = lab.audience("lab")
    lab.arrive("attic", ADA)
    assert audience == {"ada"} and lab.audience("lab") is audience
    lab.arrive("lab", BOB)
    assert lab.audience("lab") == {"ada", "bob"}


def test_who_is_nowhere_any_more_is_no_member() -> None:
    lab = Attendance()
    lab.arrive("lab", ADA)
    lab.arrive("attic", ADA)
    lab.leave("lab", "ada")
    assert lab.member("ada") == ADA and lab.members() == ["ada"]
    lab.give("attic", "ada")
    assert lab.member("ada") is None and lab.members() == []


def test_when_a_worker_is_gone_its_readers_are_leaving_and_may_be_back_before_they_left() -> None:
    lab = Attendance()
    stay = lab.arrive("lab", ADA)
    lab.arrive("lab", BOB)
    lab.leave("lab", "bob")
    assert lab.lost() == {"ada"}
    assert lab.audience("lab") == {"ada"} and not lab.is_here("lab", "ada")
    assert lab.arrive("lab", ADA) is stay and stay.connections == 1
    assert lab.left("lab", "ada") and not lab.left("lab", "ada")
    assert lab.is_here("lab", "ada") and lab.audience("lab") == {"ada"}


def test_who_is_given_away_is_gone_at_once_and_heard_of_again_when_the_worker_has_answered() -> None:
    lab = Attendance()
    before = lab.arrive("lab", ADA)
    assert lab.give("lab", "ada") is before and before.over
    giving = lab.giving("lab", "ada")
    assert lab.audience("lab") == frozenset() and not lab.counts("lab", "ada")
    again = lab.giving("lab", "ada")
    assert lab.arrive("lab", ADA) is not before
    lab.given("lab", "ada", giving)
    assert not lab.counts("lab", "ada"), "it was given away twice"
    lab.given("lab", "ada", again)
    assert lab.counts("lab", "ada")
    assert lab.give("lab", "bob") is None


def test_an_answer_of_a_worker_that_is_gone_is_none_of_the_next() -> None:
    lab = Attendance()
    old = lab.giving("lab", "ada")
    lab.lost()
    assert lab.counts("lab", "ada")
    lab.giving("lab", "ada")
    lab.given("lab", "ada", old)
    assert not lab.counts("lab", "ada")


def test_a_stored_turn_is_owed_until_it_is_told_but_for_an_answer() -> None:
    stay = Attendance().arrive("lab", ADA)
    stay.stored(turn(3))
    assert (stay.sent, stay.untold) == (3, turn(3))
    stay.untold = None
    stay.stored(turn(4, "answer"))
    assert (stay.sent, stay.untold) == (4, None)
