from __future__ import annotations

from cadence.rooms.wire import Error, Say
from cadence.terminal.saying import TRIES_MAX, UNSAID_MAX, Saying


def later(id: str, retry_after_s: float = 2.0) -> Error:
    return Error(ref=id, code="rate_limited", message="wait", retry_after_s=retry_after_s)


def filled(*texts: str) -> Saying:
    saying = Saying("hall", "run")
    for text in texts:
        saying.add(text)
    return saying


def text(say: Say | None) -> str | None:
    return None if say is None else say.text


def test_lines_are_said_one_after_the_other() -> None:
    saying = filled("one", "two")
    assert saying.next(0.0) == Say(room="hall", id="run-1", text="one", ref="run-1")
    assert saying.next(0.0) is None, "the first is under way"
    saying.said("run-1")
    assert text(saying.next(0.0)) == "two"
    saying.said("run-1")
    assert len(saying) == 1, "an old answer is none"


def test_a_server_that_says_later_is_asked_later_with_the_same_id() -> None:
    saying = filled("one")
    saying.next(0.0)
    assert saying.refused(later("run-1"), 10.0) is False
    assert (saying.due, saying.next(11.9)) == (12.0, None)
    again = saying.next(12.0)
    assert again is not None and again.id == "run-1" and saying.due is None


def test_a_refusal_drops_the_line_and_so_do_too_many_delays() -> None:
    saying = filled("one", "two")
    saying.next(0.0)
    assert saying.refused(Error(ref="run-1", code="too_large", message="no"), 0.0) is True
    for _ in range(TRIES_MAX):
        assert saying.next(1000.0) is not None
        final = saying.refused(later("run-2"), 0.0)
    assert final is True and len(saying) == 0


def test_an_error_of_something_else_is_final_and_drops_nothing() -> None:
    saying = filled("one")
    assert saying.refused(later("r7"), 0.0) is True
    assert len(saying) == 1


def test_after_a_cut_the_line_is_said_again() -> None:
    saying = filled("one")
    first = saying.next(0.0)
    saying.cut()
    assert saying.next(0.0) == first


def test_it_is_full_at_its_bound() -> None:
    saying = filled(*["x"] * (UNSAID_MAX - 1))
    assert not saying.full
    saying.add("x")
    assert saying.full
