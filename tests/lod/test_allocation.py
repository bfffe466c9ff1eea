"""Water-filling between scopes: laws 4 and 5 over thousands of seeds, error diffusion over thousands of looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cadence.lod.allocation import (
    BLOCK_ROWS,
    CREDIT_WORDS_MAX,
    READABLE_WORDS,
    ScopeCredit,
    allocate,
    scope_attention,
)

SEEDS = 5_000
SCOPES = 14
Floats = NDArray[np.float64]


def drawn(seed: int, rows: int = SEEDS) -> tuple[Floats, Floats, Floats]:
    """Words, attention and budgets: silent scopes, equal ones, tiny and huge attention and budgets among them."""
    chance = np.random.default_rng(seed)
    words = chance.integers(0, 80, (rows, SCOPES)) * (chance.random((rows, SCOPES)) < 0.8)
    attention = np.where(
        chance.random((rows, SCOPES)) < 0.3,
        chance.integers(1, 4, (rows, SCOPES)),
        10 ** chance.uniform(-12, 0, (rows, SCOPES)),
    )
    budget = chance.choice([0.0, 0.5, 14.0, 40.0, 300.0, 2_000.0], rows) * chance.uniform(0.5, 1.5, rows)
    return words.astype(np.float64), attention.astype(np.float64), budget


def lambda_by_bisection(words: Floats, attention: Floats, budget: float) -> float:
    low, high = 0.0, 1e16
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if (words * np.minimum(1, middle * attention)).sum() < budget else (low, middle)
    return high


def test_shares_sum_to_the_budget_or_to_all_there_is() -> None:
    words, attention, budget = drawn(1)
    shares = allocate(words, attention, budget)
    assert np.abs(shares.sum(axis=1) - np.minimum(budget, words.sum(axis=1))).max() < 1e-9
    assert (shares >= 0).all() and (shares <= words).all()


def test_shares_are_those_that_bisection_finds() -> None:
    words, attention, budget = drawn(2, 200)
    budget = np.minimum(budget, 0.99 * words.sum(axis=1))
    for row, shares in enumerate(allocate(words, attention, budget)):
        level = lambda_by_bisection(words[row], attention[row], budget[row])
        assert shares == pytest.approx(words[row] * np.minimum(1, level * attention[row]), abs=1e-6)


def test_what_fits_is_given_whole_to_the_bit() -> None:
    words, attention, _ = drawn(3)
    assert (allocate(words, attention, words.sum(axis=1)) == words).all()


def test_a_row_does_not_depend_on_the_other_rows() -> None:
    words, attention, budget = drawn(4, BLOCK_ROWS + 7)
    whole = allocate(words, attention, budget)
    for row in (0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 6):
        assert (allocate(words[[row]], attention[[row]], budget[[row]]) == whole[[row]]).all()


def test_only_ratios_of_attention_matter() -> None:
    words, attention, budget = drawn(5)
    assert allocate(words, attention * 8.0, budget) == pytest.approx(allocate(words, attention, budget))


def test_nothing_to_hear_or_nobody_to_hear_it() -> None:
    assert allocate(np.zeros((3, 2)), np.ones((3, 2)), [5.0, 0.0, 1.0]).tolist() == [[0.0, 0.0]] * 3
    assert allocate(np.zeros((3, 0)), np.ones((3, 0)), [5.0, 0.0, 1.0]).shape == (3, 0)
    assert allocate(np.ones((0, 4)), np.ones((0, 4)), []).shape == (0, 4)
    assert scope_attention(np.ones((2, 0)), 1.0).shape == (2, 0)


def test_more_attention_never_means_less() -> None:
    """Law 4, for one scope at a time."""
    words, attention, budget = drawn(6)
    chance = np.random.default_rng(6)
    before = allocate(words, attention, budget)
    rows, scope = np.arange(SEEDS), chance.integers(0, SCOPES, SEEDS)
    attention[rows, scope] *= 1 + 10 ** chance.uniform(-6, 3, SEEDS)
    after = allocate(words, attention, budget)
    assert (after[rows, scope] >= before[rows, scope] - 1e-9).all()
    others = np.ones_like(words, dtype=bool)
    others[rows, scope] = False
    assert (after[others] <= before[others] + 1e-9).all()


def test_attention_falls_off_as_the_design_says_and_never_to_zero() -> None:
    weights = scope_attention([[1.0, 2.0, 3.0, 90.0]], 1.0)[0]
    assert weights[:3].tolist() == pytest.approx([1.0, np.exp(-1.5), np.exp(-4.0)])
    assert weights[3] == 1e-12


def moved(sigma: float, step: float, rows: int = 2_000) -> tuple[float, float, float]:
    """The largest change of any share per unit of focus, of sigma and of budget, over random readers of 14 pods."""
    chance = np.random.default_rng(7)
    words, budget = chance.uniform(0, 60, (rows, SCOPES)), chance.uniform(5, 40, rows)
    steps = chance.uniform(1, 7, (rows, SCOPES))
    direction = chance.uniform(-1, 1, (rows, SCOPES))

    def shares(steps: Floats, sigma: float, budget: Floats) -> Floats:
        return allocate(words, scope_attention(steps, sigma), budget)

    base = shares(steps, sigma, budget)
    others = (
        shares(steps + step * direction, sigma, budget),
        shares(steps, sigma + step, budget),
        shares(steps, sigma, budget + step),
    )
    focus, spread, pace = (float(np.abs(other - base).max()) / step for other in others)
    return focus, spread, pace


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("step", [0.1, 0.01, 0.001])
def test_a_small_move_changes_every_share_by_little(sigma: float, step: float) -> None:
    """Law 5, with the bound that the module states: B 40 words, D 7.1 steps; the same at every size of the step."""
    focus, spread, pace = moved(sigma, step)
    assert focus <= 40 * 7.1 / (2 * sigma**2)
    assert spread <= 40 * 7.1**2 / (2 * sigma**3)
    assert pace <= 1 + 1e-9


def test_the_bound_falls_as_one_over_sigma_squared() -> None:
    """Measured, words a step: 111, 26.8, 7.6, 2.4 at sigma 0.5, 1, 2, 4."""
    measured = [moved(sigma, 0.001)[0] for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert all(2.0 < near / far < 5.0 for near, far in zip(measured, measured[1:], strict=False)), measured


def test_a_walk_across_a_party_has_no_seams() -> None:
    """Fourteen pods on a circle of 3 m, walked through by centimetres: nothing jumps."""
    around = 2 * np.pi * np.arange(SCOPES) / SCOPES
    pods = 3 * np.stack([np.cos(around), np.sin(around)])
    for sigma, most in ((0.5, 80.0), (1.0, 20.0), (2.0, 5.0)):
        here = np.stack([np.linspace(-3.5, 3.5, 701), np.full(701, 0.4)])
        steps = 1 + np.hypot(*(here[:, :, None] - pods[:, None, :]))
        shares = allocate(np.full(steps.shape, 60.0), scope_attention(steps, sigma), np.full(701, 40.0))
        assert np.abs(np.diff(shares, axis=0)).max() / 0.01 < most  # words a metre


def played(attention: Sequence[float], looks: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Words shown and earned by each scope, and how far it was behind at worst, over many looks of one reader."""
    chance = np.random.default_rng(seed)
    names = [f"pod-{i}" for i in range(len(attention))]
    credit, bucket, income = ScopeCredit(), 40.0, 13.9
    shown, earned, behind = (np.zeros(len(attention)) for _ in range(3))
    for _ in range(looks):
        bucket = min(bucket + income, 40.0)
        (shares,) = allocate([[60.0] * len(attention)], [attention], [income])
        earned += shares
        credit.earn(dict(zip(names, shares, strict=True)))
        while due := credit.due():
            words = int(chance.integers(6, 25))
            if words > bucket:
                break
            credit.pay(due[0], words)
            shown[names.index(due[0])] += words
            bucket -= words
        behind = np.maximum(behind, earned - shown)
    return shown, earned, behind


def test_no_scope_is_cut_to_zero_over_time() -> None:
    """Every share of this reader is under six words; thrown away, nothing would be shown for ever."""
    attention = scope_attention([np.linspace(1.0, 3.0, SCOPES)], 1.0)[0]
    (shares,) = allocate([[60.0] * SCOPES], [attention], [13.9])
    assert shares.max() < READABLE_WORDS
    shown, earned, behind = played(attention.tolist(), 2_000, 1)
    assert shown.min() > 0
    assert np.abs(shown - earned).max() < 40.0
    assert behind.max() <= 30.0  # the longest unit and the least credit
    assert shown.sum() == pytest.approx(earned.sum(), rel=0.001)


def test_the_largest_credit_is_paid_first_and_ties_go_by_name() -> None:
    credit = ScopeCredit()
    credit.earn({"b": 7.0, "a": 7.0, "c": 9.0, "d": 5.9})
    assert credit.due() == ["c", "a", "b"]
    credit.pay("c", 24.0)
    assert credit["c"] == -15.0
    credit.earn({"d": 0.2})
    assert credit.due() == ["a", "b", "d"]
    credit.keep({"d": None})
    assert credit.due() == ["d"] and credit["a"] == 0.0


def test_credit_is_kept_but_not_hoarded_without_end() -> None:
    credit = ScopeCredit()
    for _ in range(100):
        credit.earn({"a": 5.0})
    assert credit["a"] == CREDIT_WORDS_MAX
