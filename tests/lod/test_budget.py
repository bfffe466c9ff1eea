"""The bucket of words: law 2's arithmetic under random use, and the bound on human speech."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod import budget
from cadence.lod.budget import (
    Bucket,
    SpeechWindow,
    credit_words_max,
    speech_words_max,
    turn_words_min,
    words_per_second,
)

PACE = st.floats(60, 1000)
CADENCE = st.floats(1, 30)
LONGEST_UNIT = 40


def test_the_defaults_are_those_of_the_design() -> None:
    rate = words_per_second(238.0)
    assert rate == pytest.approx(2.777, abs=0.001)
    assert credit_words_max(rate, 5.0) == 40.0
    assert credit_words_max(rate, 30.0) == pytest.approx(166.6)
    assert turn_words_min(rate, 5.0) == 12.0
    assert turn_words_min(rate, 1.0) == 6.0
    assert turn_words_min(rate, 3.0) == pytest.approx(8.33)
    assert speech_words_max(rate) == 240.0
    assert speech_words_max(10.0) == 600.0


def test_credit_starts_full_grows_with_time_and_never_overflows() -> None:
    bucket = Bucket(238.0, 5.0, 1000.0)
    bucket.spend(50)
    assert bucket.credit == -10.0
    bucket.advance(1006.0)
    assert bucket.credit == pytest.approx(-10.0 + 6 * bucket.rate)
    bucket.advance(1005.0)
    assert bucket.credit == pytest.approx(-10.0 + 6 * bucket.rate)
    bucket.advance(2000.0)
    assert bucket.credit == bucket.credit_max == 40.0


def test_a_new_pace_counts_from_now_and_cuts_what_was_saved() -> None:
    bucket = Bucket(1000.0, 30.0, 0.0)
    bucket.spend(bucket.credit)
    bucket.configure(60.0, 1.0, 10.0)
    assert bucket.credit == bucket.credit_max == 40.0
    bucket.spend(40.0)
    bucket.configure(120.0, 1.0, 20.0)
    assert bucket.credit == pytest.approx(7.0)


def test_reading_outside_the_bucket_uses_up_credit_but_forgives_no_debt() -> None:
    bucket = Bucket(238.0, 5.0, 0.0)
    bucket.settle()
    assert bucket.credit == 0.0
    bucket.spend(5.0)
    bucket.settle()
    assert bucket.credit == -5.0


@given(PACE, CADENCE, st.lists(st.tuples(st.floats(0, 60), st.integers(1, LONGEST_UNIT)), max_size=60))
def test_no_window_shows_more_than_the_rate_the_savings_and_one_unit(
    pace: float, cadence: float, looks: list[tuple[float, int]]
) -> None:
    bucket = Bucket(pace, cadence, 0.0)
    now, shown = 0.0, []
    for pause, words in looks:
        now += pause
        bucket.advance(now)
        if bucket.credit > 0:
            bucket.spend(words)
            shown.append((now, words))
    for first, (start, _) in enumerate(shown):
        total = 0
        for at, words in shown[first:]:
            total += words
            assert total <= bucket.rate * (at - start) + bucket.credit_max + LONGEST_UNIT + 1e-6


@given(st.lists(st.tuples(PACE, CADENCE, st.floats(0, 20), st.integers(0, 60)), min_size=1, max_size=40))
def test_changes_of_view_keep_credit_within_the_integral_of_the_rate(
    steps: list[tuple[float, float, float, int]],
) -> None:
    bucket = Bucket(238.0, 5.0, 0.0)
    now, earned, most, spent = 0.0, 0.0, bucket.credit_max, 0
    for pace, cadence, pause, words in steps:
        now += pause
        earned += pause * bucket.rate
        bucket.configure(pace, cadence, now)
        assert bucket.credit <= bucket.credit_max
        most = max(most, bucket.credit_max)
        assert spent + max(0.0, bucket.credit) <= earned + most + 60 + 1e-6
        if bucket.credit > 0:
            bucket.spend(words)
            spent += words


def test_speech_is_forgotten_after_a_minute() -> None:
    window = SpeechWindow()
    window.add(0.0, 100)
    window.add(30.0, 50)
    assert window.words(59.9) == 150
    assert window.words(60.0) == 50
    assert window.words(90.0) == 0


def test_a_crowd_is_counted_in_bounded_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SPEECH_ENTRIES_MAX", 8)
    window = SpeechWindow()
    for i in range(1_000):
        window.add(i * 0.001, 1)
        assert len(window._said) <= 8
    assert window.words(1.0) == 1_000
    assert window.words(61.0) == 0


def test_what_credit_will_be_is_told_without_a_change() -> None:
    bucket = Bucket(238.0, 5.0, 0.0)
    bucket.spend(bucket.credit)
    assert bucket.credit_at(5.0) == pytest.approx(5 * bucket.rate)
    assert bucket.credit_at(1_000.0) == bucket.credit_max
    assert bucket.credit == 0.0 and bucket.credit_at(-5.0) == 0.0
