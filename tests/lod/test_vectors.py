from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.vectors import NEIGHBOURS, Facility, Matrix, filled, max_cosine, stacked

EAST, NORTH, NORTH_EAST = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def matrix(*rows: list[float]) -> Matrix:
    return np.array(rows, dtype=np.float32)


def made_up(n: int, seed: int, d: int = 8) -> Matrix:
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def worth(vectors: Matrix, weights: np.ndarray, chosen: list[int]) -> float:
    """F by its definition."""
    best = np.maximum(vectors @ vectors[chosen].T, 0.0).max(axis=1)
    return float(best @ weights / weights.sum())


def test_a_unit_gains_what_it_stands_for() -> None:
    facility = Facility(matrix(EAST, NORTH, NORTH_EAST), np.array([1.0, 1.0, 2.0]))
    assert facility.gain() == pytest.approx([(1 + 2 * 0.6) / 4, (1 + 2 * 0.8) / 4, (0.6 + 0.8 + 2) / 4])


def test_what_is_taken_takes_the_gain_from_its_neighbours() -> None:
    facility = Facility(matrix(EAST, NORTH, NORTH_EAST), np.array([1.0, 1.0, 2.0]))
    facility.take(2)
    assert facility.gain() == pytest.approx([(1 - 0.6) / 4, (1 - 0.8) / 4, 0.0])


def test_a_paraphrase_of_what_was_taken_gains_nothing() -> None:
    facility = Facility(matrix(EAST, EAST, NORTH), np.ones(3))
    facility.take(0)
    assert facility.gain() == pytest.approx([0.0, 0.0, 1 / 3])


def test_what_points_away_from_a_unit_does_not_count_against_it() -> None:
    facility = Facility(matrix(EAST, [-1.0, 0.0]), np.ones(2))
    assert facility.gain() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("weights", [np.ones(3), np.zeros(3)])
def test_without_vectors_or_weight_nothing_gains_and_taking_is_harmless(weights: np.ndarray) -> None:
    for vectors in (None, np.zeros((3, 2), dtype=np.float32)):
        facility = Facility(vectors, weights)
        facility.take(1)
        assert facility.gain().tolist() == [0.0, 0.0, 0.0]
    assert Facility(made_up(3, 1), np.zeros(3)).gain().tolist() == [0.0, 0.0, 0.0]


def test_a_unit_without_a_vector_gains_nothing_and_keeps_its_share_from_the_others() -> None:
    facility = Facility(matrix(EAST, [0.0, 0.0]), np.ones(2))
    assert facility.gain().tolist() == [0.5, 0.0]
    facility.take(1)
    assert facility.gain().tolist() == [0.5, 0.0]


def test_no_units_have_no_gain() -> None:
    assert Facility(np.zeros((0, 4), dtype=np.float32), np.zeros(0)).gain().shape == (0,)


@given(st.integers(1, 12), st.integers(0, 10_000))
def test_the_gains_of_what_is_taken_sum_to_its_worth_which_is_at_most_one(n: int, seed: int) -> None:
    vectors = made_up(n, seed)
    weights = np.random.default_rng(seed).uniform(0.01, 5.0, n)
    facility = Facility(vectors, weights)
    order = list(np.random.default_rng(seed).permutation(n))
    total = 0.0
    for position, i in enumerate(order):
        before = facility.gain()
        total += before[i]
        facility.take(int(i))
        assert total == pytest.approx(worth(vectors, weights, order[: position + 1]), abs=1e-5)
        assert (facility.gain() <= before + 1e-7).all(), "a gain must never grow"
        assert facility.gain()[i] == 0.0
    assert total <= 1.0 + 1e-5


def test_a_greedy_choice_comes_close_to_the_best_pair() -> None:
    vectors, weights = made_up(12, 5), np.ones(12)
    facility = Facility(vectors, weights)
    chosen = []
    for _ in range(2):
        chosen.append(int(facility.gain().argmax()))
        facility.take(chosen[-1])
    best = max(worth(vectors, weights, list(pair)) for pair in combinations(range(12), 2))
    assert worth(vectors, weights, chosen) >= 0.9 * best


def test_a_sample_stands_for_many_with_the_mass_of_all() -> None:
    vectors = np.repeat(matrix(EAST, NORTH), [900, 300], axis=0)
    facility = Facility(vectors, np.ones(1200), clients_max=16)
    assert facility.gain()[[0, 1199]] == pytest.approx([0.75, 0.25])
    facility.take(0)
    assert facility.gain()[[1, 1199]] == pytest.approx([0.0, 0.25])


def test_a_sample_never_misses_who_weighs_as_much_as_one_of_it() -> None:
    weights = np.full(400, 0.001)
    weights[137] = 5.0
    vectors = np.repeat(matrix(EAST), 400, axis=0)
    vectors[137] = NORTH
    gain = Facility(vectors, weights, clients_max=8).gain()
    assert gain[137] == pytest.approx(1.0)


def test_the_same_input_gives_the_same_gains_to_the_last_bit() -> None:
    vectors, weights = made_up(700, 3, 64), np.linspace(0.1, 1.0, 700)
    one, two = Facility(vectors, weights), Facility(vectors.copy(), weights.copy())
    for i in (5, 600, 77):
        one.take(i)
        two.take(i)
    assert one.gain().tobytes() == two.gain().tobytes()


def test_closeness_is_that_to_the_nearest_of_what_was_shown() -> None:
    candidates = matrix(EAST, NORTH_EAST, [-1.0, 0.0], [0.0, 0.0])
    assert max_cosine(candidates, matrix(EAST, NORTH)) == pytest.approx([1.0, 0.8, 0.0, 0.0])


def test_nothing_shown_is_close_to_nothing() -> None:
    assert max_cosine(matrix(EAST), np.zeros((0, 2), dtype=np.float32)).tolist() == [0.0]
    assert max_cosine(np.zeros((0, 2), dtype=np.float32), matrix(EAST)).shape == (0,)


def test_units_without_a_vector_are_rows_of_zeros_in_the_stack() -> None:
    east = np.array(EAST, dtype=np.float32)
    found = stacked([None, east, None])
    assert found is not None and found.dtype == np.float32
    assert found.tolist() == [[0.0, 0.0], EAST, [0.0, 0.0]]
    assert stacked([None, None]) is None and stacked([]) is None


def test_who_has_no_vector_stands_where_the_neighbours_do() -> None:
    rows = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 2]]
    rows[[1, 2]] = 0.0
    stands = filled(rows, np.array([True, True, False, True, True]))
    assert stands[1].tolist() == pytest.approx([3**-0.5] * 3)
    assert not stands[2].any(), "nobody asked for it"
    assert np.array_equal(stands[[0, 3, 4]], rows[[0, 3, 4]]) and not rows[1].any()


def test_far_away_is_no_neighbour() -> None:
    rows = np.zeros((2 * NEIGHBOURS + 2, 3), dtype=np.float32)
    rows[0, 0] = rows[-1, 1] = 1.0
    stands = filled(rows, np.ones(len(rows), dtype=np.bool_))
    assert stands[1 : NEIGHBOURS + 1].tolist() == [[1.0, 0.0, 0.0]] * NEIGHBOURS
    assert stands[NEIGHBOURS + 1 : -1].tolist() == [[0.0, 1.0, 0.0]] * NEIGHBOURS


def test_where_nobody_has_a_vector_or_everybody_has_nothing_is_filled() -> None:
    wanted = np.ones(3, dtype=np.bool_)
    for rows in (np.zeros((3, 3), dtype=np.float32), np.eye(3, dtype=np.float32)):
        assert filled(rows, wanted) is rows
