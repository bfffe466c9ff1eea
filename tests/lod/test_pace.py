"""Learning how fast somebody reads: simulated readers, idle tabs, skimmers."""

from __future__ import annotations

from math import exp
from random import Random
from statistics import median

import pytest

from cadence.lod.pace import SAMPLES_MIN, PaceEstimate, PaceLearner

NOISE = 0.15  # of the logarithm, from turn to turn


def reader(wpm: float, seed: int, turns: int = 20, learner: PaceLearner | None = None) -> PaceLearner:
    """Somebody who reads every turn at their own pace, and neither waits for the next nor is interrupted by it."""
    learner, chance, now = learner or PaceLearner(), Random(seed), 0.0
    for turn in range(1, turns + 1):
        words = chance.randint(8, 40)
        learner.sent(turn, words, now)
        learner.read(turn, words / (wpm / 60) * exp(chance.gauss(0, NOISE)))
        now += 5.0
    return learner


@pytest.mark.parametrize("wpm", [120, 167, 200, 238, 300, 400])
def test_a_readers_pace_is_recovered_within_a_tenth_after_twenty_turns(wpm: float) -> None:
    errors = [abs((reader(wpm, seed).estimate.wpm or 0.0) / wpm - 1) for seed in range(300)]
    assert sum(error <= 0.1 for error in errors) >= 0.97 * len(errors)
    assert median(errors) < 0.04


@pytest.mark.parametrize("wpm", [120, 238, 400])
def test_every_third_turn_skimmed_or_slept_over_changes_little(wpm: float) -> None:
    errors = []
    for seed in range(100):
        learner, chance, now = PaceLearner(), Random(seed), 0.0
        for turn in range(1, 31):
            words, odd = chance.randint(8, 40), chance.random()
            seconds = words / (wpm / 60) * exp(chance.gauss(0, NOISE))
            learner.sent(turn, words, now)
            learner.read(turn, 0.4 if odd < 0.15 else 600.0 if odd < 0.3 else None if odd < 0.35 else seconds)
            now += 5.0
        errors.append(abs((learner.estimate.wpm or 0.0) / wpm - 1))
    assert sum(error <= 0.1 for error in errors) >= 0.95 * len(errors)


def test_an_idle_tab_teaches_nothing() -> None:
    """Each turn stays until the next replaces it: that is the cadence, not the reader."""
    learner = PaceLearner()
    for turn in range(1, 61):
        learner.sent(turn, 14, 5.0 * turn)
        if turn > 1:
            assert not learner.read(turn - 1, 5.1)
    assert learner.estimate.wpm is None
    assert learner.next_pace(238.0, 400.0) is None


def test_neither_does_a_tab_that_was_hidden_nor_one_before_which_nobody_sits() -> None:
    learner = PaceLearner()
    for turn in range(1, 61):
        learner.sent(turn, 14, 5.0 * turn)
        assert not learner.read(turn, None if turn % 2 else 30.0)
    assert learner.estimate.wpm is None


def test_who_stays_with_a_turn_after_the_next_has_come_is_reading() -> None:
    learner = PaceLearner()
    learner.sent(1, 14, 0.0)
    learner.sent(2, 14, 5.0)
    assert learner.read(1, 7.0)


def test_a_turn_counts_once_and_only_if_it_was_sent() -> None:
    learner = PaceLearner()
    learner.sent(1, 14, 0.0)
    assert learner.read(1, 4.0) and not learner.read(1, 4.0) and not learner.read(2, 4.0)


@pytest.mark.parametrize(("words", "seconds"), [(5, 2.0), (14, 0.0), (14, -3.0), (14, 0.5), (14, 19.0)])
def test_what_is_no_reading_is_ignored(words: int, seconds: float) -> None:
    assert not PaceEstimate().add(words, seconds)


def test_few_readings_say_nothing_yet() -> None:
    assert reader(400, 1, turns=SAMPLES_MIN - 1).estimate.wpm is None
    assert reader(400, 1, turns=SAMPLES_MIN).estimate.wpm is not None


def test_the_pace_in_force_follows_by_a_tenth_a_minute_at_most() -> None:
    learner, pace, now = reader(120, 3, turns=40), 238.0, 1_000.0
    paces = [pace]
    for _ in range(600):
        now += 1.0
        following = learner.next_pace(pace, now)
        if following is not None:
            paces.append(pace := following)
    assert paces[1] == 215.0
    assert all(abs(after / before - 1) <= 0.1 for before, after in zip(paces, paces[1:], strict=False))
    assert len(paces) <= 11
    assert paces[-1] == pytest.approx(120, rel=0.1)


def test_a_pace_that_is_right_already_stays() -> None:
    learner = reader(238, 3)
    assert learner.next_pace(learner.estimate.wpm or 0.0, 1_000.0) is None


def test_a_reader_who_changes_is_followed() -> None:
    learner = reader(400, 1, turns=40)
    for turn in range(41, 91):
        learner.sent(turn, 20, 5.0 * turn)
        learner.read(turn, 20 / (150 / 60))
    assert learner.estimate.wpm == pytest.approx(150, rel=0.03)


def test_the_estimate_stays_within_what_a_view_allows() -> None:
    slow, fast = PaceEstimate(), PaceEstimate()
    for _ in range(40):
        slow.add(14, 18.0)
        fast.add(14, 0.72)
    assert slow.wpm == 60.0 and fast.wpm == 1_000.0
