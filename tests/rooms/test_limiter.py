from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.limiter import Bucket, Shares, admit, messages_per_s, retry_after_s


def test_two_seconds_worth_may_come_at_once() -> None:
    bucket = Bucket(5.0)
    assert [admit([bucket], 100.0) for _ in range(10)] == [0.0] * 10
    assert admit([bucket], 100.0) == 0.2


def test_the_wait_is_exactly_long_enough() -> None:
    bucket = Bucket(5.0)
    for _ in range(10):
        admit([bucket], 100.0)
    wait = admit([bucket], 100.0)
    assert admit([bucket], 100.0 + wait * 0.99) > 0
    assert admit([bucket], 100.0 + wait + 1e-9) == 0


def test_what_one_bucket_refuses_costs_the_others_nothing() -> None:
    small, large = Bucket(1.0, burst_s=1.0), Bucket(3.0, burst_s=1.0)
    assert admit([small, large], 0.0) == 0
    assert admit([small, large], 0.0) == 1.0
    assert [admit([large], 0.0) for _ in range(3)] == [0.0, 0.0, 1 / 3]


def test_agents_may_speak_forty_times_as_fast_as_people() -> None:
    assert (messages_per_s("agent"), messages_per_s("human")) == (200.0, 5.0)


def test_a_clock_that_stands_still_refills_nothing() -> None:
    bucket = Bucket(1.0, burst_s=1.0)
    admit([bucket], 50.0)
    assert admit([bucket], 50.0) == 1.0
    assert admit([bucket], 49.0) == 1.0


@given(st.lists(st.floats(0.0, 0.5), max_size=200))
def test_no_window_holds_more_than_burst_and_rate_allow(gaps: list[float]) -> None:
    bucket, now, admitted = Bucket(5.0), 0.0, 0
    for gap in gaps:
        now += gap
        admitted += admit([bucket], now) == 0
    assert admitted <= 10 + 5 * now + 1e-6


def test_who_waits_as_told_is_not_told_to_wait_nothing() -> None:
    assert retry_after_s(0.2) == 0.2
    assert retry_after_s(0.2001) == 0.201
    assert retry_after_s(1e-12) == 0.001


def test_each_user_has_a_share_and_the_idle_are_forgotten() -> None:
    shares = Shares(1.0, burst_s=1.0, keys_max=2)
    assert [admit([shares.of(user)], 0.0) for user in ("ann", "ann", "bob")] == [0.0, 1.0, 0.0]
    assert shares.of("ann") is shares.of("ann")
    before = shares.of("ann")
    shares.of("bob")
    shares.of("eve")
    assert shares.of("bob") is not None and shares.of("ann") is not before
