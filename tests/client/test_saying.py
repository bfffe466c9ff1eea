from __future__ import annotations

from cadence.client.saying import TRIES_MAX, UNSAID_MAX, Saying
from cadence.rooms.wire import Error, Say


def later(id: str, retry_after_s: float = 2.0) -> Error:
    return Error(ref=id, code="rate_limited", message="wait", retry_after_s=retry_after_s)


def say(id: str) -> Say:
    return Say(room="hall", id=id, text=f"text {id}", ref=id)


def filled(*ids: str, window: int = 1) -> Saying:
    saying = Saying(window)
    for id in ids:
        saying.add(say(id))
    return saying


def sent(saying: Saying, now: float = 0.0) -> list[str]:
    """The ids of all that may be sent now."""
    ids = []
    while (one := saying.next(now)) is not None:
        ids.append(one.id)
    return ids


def test_with_a_window_of_one_they_are_said_one_after_the_other() -> None:
    saying = filled("1", "2")
    assert saying.next(0.0) == say("1")
    assert saying.next(0.0) is None, "the first is under way"
    saying.said("1")
    assert sent(saying) == ["2"]
    saying.said("1")
    assert len(saying) == 1, "an old answer is none"


def test_a_wider_window_lets_more_be_under_way() -> None:
    saying = filled("1", "2", "3", window=2)
    assert sent(saying) == ["1", "2"]
    saying.said("2")
    assert sent(saying) == ["3"]


def test_a_server_that_says_later_is_asked_later_with_the_same_id() -> None:
    saying = filled("1")
    saying.next(0.0)
    assert saying.refused(later("1"), 10.0) is False
    assert (saying.due, saying.next(11.9)) == (12.0, None)
    assert saying.next(12.0) == say("1") and saying.due is None


def test_a_refusal_drops_the_message_and_so_do_too_many_delays() -> None:
    saying = filled("1", "2")
    saying.next(0.0)
    assert saying.refused(Error(ref="1", code="too_large", message="no"), 0.0) is True
    for _ in range(TRIES_MAX):
        assert saying.next(1000.0) is not None
        final = saying.refused(later("2"), 0.0)
    assert final is True and len(saying) == 0


def test_an_error_of_something_else_is_final_and_drops_nothing() -> None:
    saying = filled("1")
    assert saying.refused(later("r7"), 0.0) is True
    assert len(saying) == 1


def test_after_a_cut_what_was_under_way_is_said_again_in_its_order() -> None:
    saying = filled("1", "2", "3", window=2)
    sent(saying)
    saying.cut()
    assert sent(saying) == ["1", "2"]


def test_somebody_else_does_not_say_what_may_have_been_said() -> None:
    saying = filled("1", "2", "3", window=2)
    sent(saying)
    saying.refused(later("2"), 0.0)
    saying.cut()
    assert saying.abandon() == ["1"]
    assert (sent(saying), saying.abandon()) == (["2", "3"], [])


def test_it_is_full_at_its_bound() -> None:
    saying = filled(*map(str, range(UNSAID_MAX - 1)))
    assert not saying.full
    saying.add(say("x"))
    assert saying.full
