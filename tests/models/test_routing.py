"""Who gets the next call, who is left alone, and when another attempt is worth it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.models.chat import ModelError, Trouble
from cadence.models.routing import ATTEMPTS_MAX, Routing


def error(trouble: Trouble = "unreachable", again_s: float | None = None) -> ModelError:
    return ModelError(trouble, f"it was {trouble}", again_s=again_s)


def fail(routing: Routing, at: int, now: float, times: int = 1, trouble: Trouble = "unreachable") -> None:
    for _ in range(times):
        others = set(range(len(routing.health(now)))) - {at}
        assert routing.choose(now, others) == at
        routing.ended(at, now, error(trouble))


def states(routing: Routing, now: float) -> list[str]:
    return [health.state for health in routing.health(now)]


def test_calls_spread_over_endpoints() -> None:
    routing = Routing(3, 10)
    assert [routing.choose(0) for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_the_least_busy_comes_first_and_of_equals_the_one_that_waited() -> None:
    routing = Routing(3, 10)
    assert [routing.choose(0) for _ in range(4)] == [0, 1, 2, 0]
    routing.ended(2, 0)
    assert routing.choose(0) == 2
    routing.ended(0, 0)
    assert [routing.choose(0) for _ in range(3)] == [1, 0, 2]


def test_an_endpoint_takes_only_so_many() -> None:
    routing = Routing(2, 2)
    assert None not in [routing.choose(0) for _ in range(4)]
    assert routing.choose(0) is None
    assert routing.why_none(0) is None
    routing.left(1, 0, 0, False)
    assert routing.choose(0) == 1


def test_where_a_call_has_failed_it_goes_last() -> None:
    routing = Routing(2, 10)
    assert routing.choose(0, {0}) == 1
    assert routing.choose(0, {0}) == 1
    assert routing.choose(0, {0, 1}) == 0


def test_three_failures_make_it_rest_and_one_call_tries_it() -> None:
    routing = Routing(1, 10)
    fail(routing, 0, 10.0, 2)
    assert states(routing, 10.0) == ["well"]
    fail(routing, 0, 10.0)
    assert states(routing, 10.9) == ["resting"] and routing.choose(10.9) is None
    assert str(routing.why_none(10.9)) == "it was unreachable"
    assert states(routing, 11.0) == ["trying"]
    assert routing.choose(11.0) == 0
    assert routing.choose(11.0) is None, "one try at a time"
    routing.ended(0, 11.5)
    assert states(routing, 11.5) == ["well"]


def test_rests_grow_and_a_success_ends_that() -> None:
    routing = Routing(1, 10)
    fail(routing, 0, 0.0, 3)
    now, rests = 0.0, []
    for _ in range(8):
        rests.append(routing.health(now)[0].resting_s)
        now += rests[-1]
        fail(routing, 0, now)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    now += 60
    assert routing.choose(now) == 0
    routing.ended(0, now)
    fail(routing, 0, now, 3)
    assert routing.health(now)[0].resting_s == 1


def test_a_success_forgets_failures() -> None:
    routing = Routing(1, 10)
    for _ in range(5):
        fail(routing, 0, 0, 2)
        assert routing.choose(0) == 0
        routing.ended(0, 0)
    assert states(routing, 0) == ["well"]


@pytest.mark.parametrize("trouble", ["too_long", "invalid"])
def test_what_the_call_is_to_blame_for_says_nothing_of_the_endpoint(trouble: Trouble) -> None:
    routing = Routing(1, 10)
    fail(routing, 0, 0, 20, trouble)
    assert states(routing, 0) == ["well"] and routing.health(0)[0].last is None


@pytest.mark.parametrize("trouble", ["forbidden", "unknown_model"])
def test_a_refused_key_or_name_rests_at_once(trouble: Trouble) -> None:
    routing = Routing(1, 10)
    fail(routing, 0, 0, 1, trouble)
    assert routing.health(0)[0].resting_s == 60


def test_who_asks_for_a_wait_gets_it() -> None:
    routing = Routing(1, 10)
    routing.choose(0)
    routing.ended(0, 0, error("overloaded", 7.0))
    assert routing.health(0)[0].resting_s == 7
    assert routing.choose(6.9) is None and routing.choose(7.0) == 0


def test_callers_who_leave_with_nothing_after_a_while_are_failures() -> None:
    routing = Routing(1, 10)
    for _ in range(3):
        routing.choose(0.0)
        routing.left(0, 2.9, 0.0, False)
        routing.choose(0.0)
        routing.left(0, 60.0, 0.0, True)
    assert states(routing, 60.0) == ["well"]
    for _ in range(3):
        routing.choose(60.0)
        routing.left(0, 63.0, 60.0, False)
    assert states(routing, 63.0) == ["resting"]
    assert "gave up after 3.0 s" in str(routing.health(63.0)[0].last)


def test_calls_that_fall_with_an_endpoint_do_not_lengthen_its_rest() -> None:
    routing = Routing(1, 10)
    for _ in range(6):
        routing.choose(0)
    for at in range(6):
        routing.ended(0, at / 10, error())
    assert routing.health(0.5)[0].resting_s == pytest.approx(0.7)
    assert routing.health(0.5)[0].outstanding == 0


def test_another_endpoint_is_tried_at_once() -> None:
    routing = Routing(2, 10)
    assert routing.pause(error(), 1, 0, {0}, 0.5) == 0.0
    assert routing.pause(error("forbidden"), 1, 0, {0}, 0.5) == 0.0
    assert routing.pause(error("forbidden"), 1, 0, {0, 1}, 0.5) is None
    fail(routing, 1, 0, 3)
    assert routing.pause(error(), 1, 0, {0}, 0.0) == 0.125


def test_waits_grow_and_are_spread() -> None:
    routing = Routing(1, 10)
    waits = [[routing.pause(error(), attempt, 0, {0}, chance) for chance in (0.0, 1.0)] for attempt in (1, 2)]
    assert waits == [[0.125, 0.25], [0.25, 0.5]]
    assert routing.pause(error(), ATTEMPTS_MAX, 0, {0}, 0.5) is None


def test_a_wait_is_as_long_as_asked_for_or_not_at_all() -> None:
    routing = Routing(1, 10)
    assert routing.pause(error("overloaded", 2.0), 1, 0, {0}, 0.5) == 2.0
    assert routing.pause(error("overloaded", 30.0), 1, 0, {0}, 0.5) is None


@pytest.mark.parametrize("trouble", ["too_long", "invalid"])
def test_a_call_that_is_to_blame_is_not_repeated(trouble: Trouble) -> None:
    assert Routing(2, 10).pause(error(trouble), 1, 0, {0}, 0.5) is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["choose", "well", "unreachable", "invalid", "forbidden", "overloaded", "left"]),
        st.floats(0, 30),
        st.sets(st.integers(0, 2)),
    ),
    max_size=80,
)


@given(STEPS)
def test_counts_hold_and_rests_end_whatever_happens(steps: list[tuple[str, float, set[int]]]) -> None:
    routing, now, under_way = Routing(3, 2), 0.0, []
    for what, seconds, avoid in steps:
        now += seconds
        if what == "choose":
            at = routing.choose(now, avoid)
            under_way += [] if at is None else [(at, now)]
        elif under_way:
            at, began = under_way.pop(0)
            if what == "left":
                routing.left(at, now, began, False)
            else:
                routing.ended(at, now, None if what == "well" else error(what))  # type: ignore[arg-type]
        health = routing.health(now)
        assert [each.outstanding for each in health] == [sum(at == i for at, _ in under_way) for i in range(3)]
        assert all(each.outstanding <= 2 and each.resting_s <= 60 + 1e-9 for each in health)
    for at, began in under_way:
        routing.left(at, now, began, True)
    assert {routing.choose(now + 60), routing.choose(now + 60), routing.choose(now + 60)} == {0, 1, 2}
