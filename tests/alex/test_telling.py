from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cadence.alex.telling import in_order, passed_over
from cadence.lod.units import Unit
from tests.alex.talk import entry

SENTENCES = ("The pump failed at noon.", "It had run dry since nine.", "Nobody had looked at the gauge before lunch.")


def units(*messages: tuple[int, int]) -> list[Unit]:
    """The first so many units of messages, as (seq, how many)."""
    return [unit for seq, count in messages for unit in entry(seq, " ".join(SENTENCES)).parsed.units[:count]]


def test_a_choice_goes_back_if_something_before_it_in_its_message_will_still_wait() -> None:
    waiting = units((1, 3), (2, 1))
    assert [unit.index for unit in waiting] == [0, 1, 2, 0]
    assert passed_over([2], waiting) == {0, 1}
    assert passed_over([0, 2], waiting) == {1}
    assert not passed_over([0, 1], waiting)
    assert not passed_over([3, 0], waiting), "another message may stand before it"


def test_a_message_is_told_from_the_first_that_is_planned() -> None:
    waiting = units((1, 3), (2, 1))
    assert in_order([2, 3], [2, 3, 1], waiting, 40.0, overdraw=True) == (1, 3)
    assert in_order([2, 3, 0], [2, 3, 0, 1], waiting, 40.0, overdraw=True) == (0, 3, 1)


def test_what_does_not_fit_waits_and_what_fits_beside_it_is_told() -> None:
    waiting = units((1, 3), (2, 1))
    assert [unit.n for unit in waiting] == [5, 6, 8, 5]
    assert in_order([0, 3], [0, 3], waiting, 9.0, overdraw=True) == (0,)
    assert in_order([2, 3], [2, 3], waiting, 6.0, overdraw=False) == (3,)


def test_only_the_first_may_overdraw_and_it_ends_the_turn() -> None:
    waiting = units((1, 3), (2, 1))
    assert in_order([1, 3], [1, 3], waiting, 4.0, overdraw=True) == (1,)
    assert in_order([1, 3], [1, 3], waiting, 4.0, overdraw=False) == ()


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.integers(0, 60),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_what_is_told_is_planned_fits_and_keeps_the_order_of_each_message(
    sizes: list[int], budget: int, overdraw: bool, chance: object
) -> None:
    waiting = units(*enumerate(sizes, 1))
    planned = chance.sample(range(len(waiting)), chance.randint(1, len(waiting)))  # type: ignore[attr-defined]
    chosen = planned[: chance.randint(1, len(planned))]  # type: ignore[attr-defined]
    told = in_order(chosen, planned, waiting, budget, overdraw=overdraw)
    assert len(set(told)) == len(told) <= len(chosen) and set(told) <= set(planned)
    assert sum(waiting[i].n for i in told) <= budget or (overdraw and len(told) == 1)
    for seq in {waiting[i].seq for i in told}:
        indices = [waiting[i].index for i in told if waiting[i].seq == seq]
        in_plan = sorted(waiting[i].index for i in planned if waiting[i].seq == seq)
        assert indices == in_plan[: len(indices)]
