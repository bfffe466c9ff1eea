from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cadence.counts import SECONDS, MediationCounts, Spread


def test_a_spread_counts_at_or_below_each_bound() -> None:
    spread = Spread((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        spread.add(value)
    assert spread.cumulative() == [("0.1", 2.0), ("1.0", 3.0), ("+Inf", 4.0)]
    assert spread.total == 7.65


def test_what_is_a_hair_below_nothing_is_nothing() -> None:
    spread = Spread((1.0,))
    spread.add(-1e-9)
    assert (spread.cumulative()[0], spread.total) == (("1.0", 1.0), 0.0)


def test_counts_of_two_are_one_count() -> None:
    first, second = MediationCounts(), MediationCounts()
    first.told(100, 10)
    second.told(50, 5)
    second.late.add(0.2)
    first.prose.faults.update(["names"])
    second.prose.faults.update(["names", "voice"])
    second.fell_back += 3
    first.include(second)
    assert (first.turns, first.words_in, first.words_out, first.late.total) == (2, 150, 15, 0.2)
    assert first.fell_back == 3 and first.prose.faults == {"names": 2, "voice": 1}
    assert first.late.cumulative()[-1] == ("+Inf", 1.0)


@given(st.lists(st.floats(0, 100)))
def test_the_last_bound_has_them_all_and_none_goes_down(values: list[float]) -> None:
    spread = Spread()
    for value in values:
        spread.add(value)
    counts = [count for _, count in spread.cumulative()]
    assert counts == sorted(counts) and counts[-1] == len(values)
    assert counts[:-1] == [sum(value <= bound for value in values) for bound in SECONDS]
