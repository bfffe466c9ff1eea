from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cadence.lod.leanings import CALM, SPEAKERS_MIN, UNITS_MIN, Argument, Leanings
from cadence.lod.vectors import Matrix

TOPIC, STANCE, NOISE = np.eye(40)[:1], np.eye(40)[1:2], np.eye(40)[2:]
LEANINGS = Leanings(np.eye(40, 4, dtype=np.float32))
SPEAKERS = ["ada", "bob", "cyd", "eve"] * 3
STANCES = [1, 1, 1, -1] * 3


def ties_between(argument: Argument, *speakers: str) -> NDArray[np.float64]:
    groups = argument.groups(speakers)
    found: NDArray[np.float64] = -np.log(argument.favours(1.0))[np.ix_(groups, groups)]
    return found


def said(stances: list[int], about: float = 1.0) -> Matrix:
    """Vectors of length 1: so much about one topic, a stance, and something of each one's own."""
    rows = about * TOPIC + 0.6 * np.array(stances)[:, None] * STANCE + 0.4 * NOISE[: len(stances)]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_who_stands_alone_is_tied_to_nobody() -> None:
    argument = LEANINGS.argument(said(STANCES), SPEAKERS)
    ties = ties_between(argument, "ada", "bob", "eve")
    assert argument.heat == 1.0
    assert ties[0, 1] > 0 > ties[0, 2]
    assert ties[2, 2] == pytest.approx(1.0) and np.abs(ties).max() <= 1.0 + 1e-9


def test_talk_of_this_and_that_is_no_argument() -> None:
    assert LEANINGS.argument(said(STANCES, about=0.0), SPEAKERS) is CALM


def test_the_heat_rises_without_a_step() -> None:
    heats = [LEANINGS.argument(said(STANCES, about=about), SPEAKERS).heat for about in np.arange(0.2, 1.0, 0.002)]
    assert heats[0] == 0.0 and heats[-1] == 1.0
    assert max(np.abs(np.diff(heats))) < 0.02


@pytest.mark.parametrize(("count", "speakers"), [(UNITS_MIN - 1, 4), (UNITS_MIN, SPEAKERS_MIN - 1), (0, 1)])
def test_few_words_and_few_voices_are_no_argument(count: int, speakers: int) -> None:
    vectors, who = said(STANCES)[:count], [SPEAKERS[i % speakers] for i in range(count)]
    assert LEANINGS.argument(vectors, who) is CALM


def test_nobody_is_tied_to_a_stranger() -> None:
    argument = LEANINGS.argument(said(STANCES), SPEAKERS)
    assert not ties_between(argument, "ada", "zoe")[0, 1]
    assert not ties_between(CALM, "ada", "zoe").any()


def test_vectors_of_another_encoder_tell_nothing() -> None:
    assert LEANINGS.argument(said(STANCES)[:, :30], SPEAKERS) is CALM


def test_how_much_somebody_says_does_not_make_them_an_opponent() -> None:
    """Sums over the root of their number: what is noise in a voice weighs the same, whoever talks most."""
    random = np.random.default_rng(3)
    rows = TOPIC + 0.5 * random.normal(size=(400, 40)) / np.sqrt(40)
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    who = ["much"] * 300 + [f"little {i % 10}" for i in range(100)]
    argument = Leanings(np.eye(40, dtype=np.float32)).argument(vectors, who)
    own = np.diag(argument.ties)[1:]  # without clipping they would be about 1 each
    assert argument.ties[argument.places["much"], argument.places["much"]] < own.mean()
