"""The ranked digest: what is worth showing, how digests nest, and that no voice is silenced."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.lod import digest
from cadence.lod.digest import Ladder, SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse


def unit(seq: int, speaker: str, n: int, terms: str, index: int = 0) -> Unit:
    known = tuple(terms.split())
    return Unit(seq, index, speaker, float(seq), n, f"x{seq} " * n, known, False, 1.0, None, 0, 2 * n - 1)


def room_of(units: list[Unit]) -> Background:
    background = Background()
    for one in units:
        background.add(one.terms)
    for i in range(50):
        background.add((f"other{i}",))
    return background


def ladder(units: list[Unit], budget: float, memory: SpeakerMemory | None = None) -> Ladder:
    return rank(units, np.ones(len(units)), room_of(units), memory or SpeakerMemory(), 0.0, budget)


TERMS = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=5).map(" ".join)
WINDOW = st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 40), TERMS), min_size=1, max_size=40).map(
    lambda rows: [unit(seq, *row) for seq, row in enumerate(rows, 1)]
)


def test_words_are_covered_not_sentences() -> None:
    units = [unit(1, "x", 5, "queue log"), unit(2, "x", 5, "queue log"), unit(3, "x", 5, "ledger")]
    assert ladder(units, 10).select(10) == (0, 2)


def test_what_has_attention_is_shown_first() -> None:
    units = [unit(1, "x", 5, "queue"), unit(2, "y", 5, "ledger")]
    room = room_of(units)
    for attention, first in (([1.0, 0.2], 0), ([0.2, 1.0], 1)):
        assert rank(units, np.array(attention), room, SpeakerMemory(), 0.0, 5).select(5) == (first,)


def test_a_flooding_voice_does_not_silence_a_slow_one() -> None:
    flood = [unit(seq, "loud", 4, f"t{seq} u{seq} v{seq}") for seq in range(1, 31)]
    units = [*flood, unit(31, "slow", 4, "w x")]
    assert 30 in ladder(units, 20).select(20)
    memory = SpeakerMemory()
    memory.add("loud", 1.0, 0.0)
    assert ladder(units, 5, memory).select(5) == (30,)


def test_of_equal_units_the_earlier_wins_whatever_their_order() -> None:
    units = [unit(2, "x", 5, "a", 1), unit(2, "x", 5, "b", 0), unit(1, "x", 5, "c")]
    assert ladder(units, 20).select(20) == (2, 1, 0)


def test_a_unit_without_content_comes_last_but_comes() -> None:
    units = [unit(1, "x", 1, ""), unit(2, "x", 12, "queue"), unit(3, "y", 1, "")]
    assert ladder(units, 40).select(40) == (1, 0, 2)
    assert ladder(units, 5).select(5) == (1,)


def test_shares_tell_what_showing_a_unit_is_worth() -> None:
    units = [unit(1, "x", 5, "a b"), unit(2, "y", 5, "c"), unit(3, "y", 5, "")]
    shares = ladder(units, 10).shares
    assert shares == pytest.approx([2 / 3, 1 / 3, 0.0])


def test_a_room_where_everybody_says_the_same_is_ranked_too() -> None:
    units = [unit(1, "x", 5, "a"), unit(2, "y", 5, "a")]
    background = Background()
    for one in units:
        background.add(one.terms)
    found = rank(units, np.ones(2), background, SpeakerMemory(), 0.0, 10)
    assert sorted(found.select(10)) == [0, 1]
    assert rank(units, np.ones(2), Background(), SpeakerMemory(), 0.0, 10).select(10)


def test_nothing_to_rank_is_an_empty_ladder() -> None:
    assert ladder([], 100).select(100) == ()


def test_rungs_double_and_stop_where_the_budget_ends() -> None:
    units = [unit(seq, "x", 9, f"t{seq}") for seq in range(1, 200)]
    assert [rung.limit_words for rung in ladder(units, 39).rungs] == [10, 20, 40]
    assert [rung.limit_words for rung in ladder(units, 40).rungs] == [10, 20, 40, 80]


def test_if_nothing_fits_the_best_of_the_lowest_rung_overdraws() -> None:
    units = [unit(1, "x", 35, "a"), unit(2, "x", 18, "b c d e f"), unit(3, "x", 38, "g")]
    found = ladder(units, 1)
    assert [rung.added for rung in found.rungs] == [(), (1,)]
    assert found.select(1) == (1,)
    assert found.select(15) == (1,)


@given(WINDOW, st.lists(st.floats(0.5, 400), min_size=2, max_size=6))
@settings(max_examples=200)
def test_digests_of_different_budgets_are_nested(units: list[Unit], budgets: list[float]) -> None:
    built = ladder(units, max(budgets))
    chosen = [built.select(budget) for budget in sorted(budgets)]
    for smaller, larger in zip(chosen, chosen[1:], strict=False):
        assert set(smaller) <= set(larger)


@given(WINDOW, st.floats(0.5, 400))
@settings(max_examples=200)
def test_a_digest_fits_its_budget_or_is_one_overdraft(units: list[Unit], budget: float) -> None:
    built = ladder(units, budget)
    chosen = built.select(budget)
    used = sum(units[i].n for i in chosen)
    assert len(set(chosen)) == len(chosen) > 0
    if used > budget:
        lowest = next(rung for rung in built.rungs if rung.added)
        assert chosen == lowest.added[:1]


@given(WINDOW, st.floats(0.5, 400))
@settings(max_examples=200)
def test_rungs_are_whole_below_the_budget_and_a_prefix_above(units: list[Unit], budget: float) -> None:
    built = ladder(units, budget)
    chosen = built.select(budget)
    whole = [i for rung in built.rungs if rung.limit_words <= budget for i in rung.added]
    beyond = [rung.added for rung in built.rungs if rung.limit_words > budget]
    assert sum(units[i].n for i in whole) <= budget
    if sum(units[i].n for i in chosen) <= budget:
        assert list(chosen[: len(whole)]) == whole
        rest = chosen[len(whole) :]
        assert not rest or rest == beyond[0][: len(rest)]


@given(WINDOW)
def test_a_large_budget_reaches_everything(units: list[Unit]) -> None:
    budget = 2 * sum(one.n for one in units) + 10
    ranked = ladder(units, budget)
    refused = [unit for unit, _ in ranked.repeats]
    assert sorted([*ranked.select(budget), *refused]) == list(range(len(units)))


@given(WINDOW, st.floats(1, 300), st.randoms(use_true_random=False))
def test_the_order_in_which_units_are_given_changes_nothing(
    units: list[Unit], budget: float, chance: random.Random
) -> None:
    shuffled = list(units)
    chance.shuffle(shuffled)
    first = [units[i].seq for i in ladder(units, budget).select(budget)]
    assert [shuffled[i].seq for i in ladder(shuffled, budget).select(budget)] == first


@given(WINDOW, st.floats(1, 300), st.sampled_from([2.0**-20, 0.5, 1024.0]))
def test_only_ratios_of_attention_matter(units: list[Unit], budget: float, factor: float) -> None:
    weights = np.linspace(0.25, 1.0, len(units))
    room = room_of(units)
    found = [rank(units, weights * by, room, SpeakerMemory(), 0.0, budget).select(budget) for by in (1.0, factor)]
    assert found[0] == found[1]


def test_more_salience_is_never_shown_later() -> None:
    units = [unit(1, "x", 5, "a b"), dataclasses.replace(unit(2, "y", 5, "c d"), salience=0.5)]
    assert ladder(units, 5).select(5) == (0,)
    assert ladder([dataclasses.replace(units[0], salience=0.1), units[1]], 5).select(5) == (1,)


def test_a_speakers_reward_is_halved_every_ten_minutes() -> None:
    memory = SpeakerMemory()
    assert memory.reward("x", 0.0) == 0.0
    memory.add("x", 0.8, 0.0)
    assert memory.reward("x", 600.0) == pytest.approx(0.4)
    memory.add("x", 0.1, 600.0)
    assert memory.reward("x", 1200.0) == pytest.approx(0.25)
    assert memory.reward("x", 0.0) == pytest.approx(0.5)
    memory.clear()
    assert memory.reward("x", 1200.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 900)), max_size=20))
def test_showing_a_speaker_more_never_lowers_their_reward(steps: list[tuple[float, float]]) -> None:
    less, more = SpeakerMemory(), SpeakerMemory()
    now = 0.0
    for r, pause in steps:
        now += pause
        less.add("x", r / 2, now)
        more.add("x", r, now)
        assert more.reward("x", now) >= less.reward("x", now)


def test_a_crowd_of_speakers_is_remembered_in_bounded_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "SPEAKERS_MAX", 3)
    memory = SpeakerMemory()
    for i, r in enumerate((0.5, 0.9, 0.1, 0.7, 0.6)):
        memory.add(f"s{i}", r, 0.0)
    kept = [i for i in range(5) if memory.reward(f"s{i}", 0.0)]
    assert kept == [1, 3, 4]


def test_real_messages_make_a_digest_of_the_point() -> None:
    texts = [
        "ok",
        "I think we should keep the ledger in one place.",
        "Replication to the second site costs five milliseconds.",
        "yes, you know, that is fine",
        "The queue loses the order of bookings when it retries.",
    ]
    units = [one for seq, text in enumerate(texts, 1) for one in parse(Source(seq, f"s{seq}", 0.0, text)).units]
    shown = [units[i].seq for i in ladder(units, 40).select(22)]
    assert set(shown) <= {2, 3, 5}
    assert len(shown) >= 2


def test_what_was_picked_is_not_said_again_and_is_counted() -> None:
    units = [unit(1, "x", 5, "queue log ledger"), unit(2, "y", 5, "ledger log queue"), unit(3, "z", 5, "a b c")]
    ranked = ladder(units, 40)
    assert sorted(ranked.select(40)) in ([0, 2], [1, 2])
    ((refused, picked),) = ranked.repeats
    assert {refused, picked} == {0, 1} and picked in ranked.select(40)


def test_a_side_that_was_shown_much_yields_to_the_other() -> None:
    units = [unit(1, "x", 5, "a b"), unit(2, "y", 5, "c d")]
    memory = SpeakerMemory()
    memory.add("side 0", 1.0, 0.0)
    sides = ["side 0", "side 1"]
    ranked = rank(units, np.ones(2), room_of(units), memory, 0.0, 5, sides=sides)
    assert ranked.select(5) == (1,)
    without = rank(units, np.ones(2), room_of(units), memory, 0.0, 5)
    assert without.select(5) == (0,)


def test_speakers_of_no_side_are_judged_as_before() -> None:
    units = [unit(seq, "xyz"[seq % 3], 4, f"t{seq} u{seq}") for seq in range(1, 12)]
    plain = rank(units, np.ones(11), room_of(units), SpeakerMemory(), 0.0, 40)
    sides: list[str | None] = [None] * 11
    assert rank(units, np.ones(11), room_of(units), SpeakerMemory(), 0.0, 40, sides=sides).select(40) == plain.select(
        40
    )


def test_with_vectors_a_unit_that_stands_for_others_is_preferred() -> None:
    units = [unit(1, "x", 5, "a"), unit(2, "y", 5, "b"), unit(3, "z", 5, "c"), unit(4, "u", 5, "d")]
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 0.995], [0.1, 0.995]], dtype=np.float32)
    background = room_of(units)
    ranked = rank(units, np.ones(4), background, SpeakerMemory(), 0.0, 5, vectors=vectors)
    assert ranked.select(5) == (2,)


def test_what_comes_close_to_what_was_shown_yields() -> None:
    units = [unit(1, "x", 5, "a b"), unit(2, "y", 5, "c d")]
    closeness = np.array([0.9, 0.1])
    ranked = rank(units, np.ones(2), room_of(units), SpeakerMemory(), 0.0, 5, closeness=closeness)
    assert ranked.select(5) == (1,)


@settings(max_examples=200)
@given(WINDOW, st.integers(5, 200))
def test_an_answer_of_so_many_words_uses_them_and_never_overdraws(units: list[Unit], budget: int) -> None:
    found = rank(units, np.ones(len(units)), room_of(units), SpeakerMemory(), 0.0, budget, exact=True)
    chosen = found.select(budget)
    left = budget - sum(units[i].n for i in chosen)
    assert left >= 0
    said_again = {unit for unit, _ in found.repeats}
    waiting = [one for i, one in enumerate(units) if i not in chosen and i not in said_again and one.terms]
    assert not [one for one in waiting if one.n <= left]


def test_what_comes_close_to_a_pick_by_its_vector_yields_and_what_says_the_same_is_refused() -> None:
    units = [unit(seq, f"s{seq}", 5, f"t{seq} u{seq}") for seq in range(1, 5)]
    vectors = np.array([[1.0, 0.0], [0.95, 0.31], [0.75, 0.66], [0.0, 1.0]], dtype=np.float32)
    found = rank(units, np.array([1.0, 0.9, 0.9, 0.4]), room_of(units), SpeakerMemory(), 0.0, 20, vectors=vectors)
    assert found.select(20) == (0, 3, 2)
    assert found.repeats == ((1, 0),)
