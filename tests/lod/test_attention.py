"""Attention as a Gaussian over place, age and topic: LOD.md section 2, with its own figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.attention import ATTENTION_MIN, age_units, attention, topic_distance
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse

AXIS = st.lists(st.tuples(*[st.floats(0, 50)] * 2, st.floats(0, 1)), min_size=1, max_size=20)


def units(*texts: str) -> list[Unit]:
    return [parse(Source(seq, "ada", float(seq), text)).units[0] for seq, text in enumerate(texts, 1)]


def background_of(these: list[Unit]) -> Background:
    background = Background()
    for unit in these:
        background.add(unit.terms)
    return background


@pytest.mark.parametrize(("sigma", "ratio"), [(0.5, 7.4), (1.0, 1.65), (2.0, 1.13)])
def test_a_followed_speaker_weighs_what_the_design_says(sigma: float, ratio: float) -> None:
    near, far = attention([0, 1], [0, 0], [0, 0], sigma)
    assert near / far == pytest.approx(ratio, rel=0.01)


def test_only_ratios_matter_and_nothing_is_cut_to_zero() -> None:
    assert list(attention([5, 5], [9, 9], [1, 1], 1.0)) == [1.0, 1.0]
    assert list(attention([0, 100], [0, 0], [0, 0], 0.1)) == [1.0, ATTENTION_MIN]
    assert attention([], [], [], 1.0).shape == (0,)


@given(AXIS, st.floats(0.1, 10))
def test_attention_lies_between_its_floor_and_one_and_the_nearest_has_one(
    rows: list[tuple[float, float, float]], sigma: float
) -> None:
    weights = attention(*np.array(rows).T, sigma)
    assert weights.max() == 1.0
    assert weights.min() >= ATTENTION_MIN


def test_age_is_counted_in_looks_or_in_the_time_to_read_a_little() -> None:
    assert list(age_units(100.0, [100.0, 90.0, 80.0], 5.0, 20.0)) == [0.0, 2.0, 4.0]
    assert list(age_units(100.0, [90.0], 1.0, 2.0)) == [1.0]
    assert float(age_units(100.0, 130.0, 5.0, 2.0)) == 0.0


def test_without_interests_or_a_match_there_is_no_preference() -> None:
    these = units("The queue is full.", "The ledger is slow.")
    background = background_of(these)
    assert list(topic_distance([], these, background)) == [0.0, 0.0]
    assert list(topic_distance(["gardening"], these, background)) == [0.0, 0.0]
    assert list(topic_distance(["the of and"], these, background)) == [0.0, 0.0]
    assert topic_distance(["queue"], [], background).shape == (0,)


def test_the_best_match_is_near_and_its_neighbours_in_time_are_nearer_than_strangers() -> None:
    these = units(*["Lunch was late."] * 9, "The queue is full.", *["Nobody saw that."] * 9)
    distance = topic_distance(["full queue"], these, background_of(these))
    assert distance[9] == 0.0
    assert 0.0 < distance[8] < distance[7] < distance[0] == 1.0
    assert distance[10] == pytest.approx(distance[8])
    assert distance.min() >= 0.0
    assert distance.max() <= 1.0


def test_any_of_several_interests_will_do() -> None:
    these = units("The queue is full.", *["Lunch was late."] * 8, "The ledger is slow.")
    distance = topic_distance(["queue", "ledger"], these, background_of(these))
    assert distance[0] < 0.2
    assert distance[9] < 0.5
    assert distance[5] == 1.0


def test_an_interest_in_another_language_matches_by_stem() -> None:
    these = units("Die Warteschlange ist jetzt voll.", *["Das Essen war spät und nicht gut."] * 8)
    assert topic_distance(["Warteschlangen"], these, background_of(these))[0] == 0.0
