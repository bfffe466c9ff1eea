from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.wire import from_iso, to_iso

YEAR_9999 = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def test_times_are_utc_with_milliseconds_and_z() -> None:
    assert to_iso(0) == "1970-01-01T00:00:00.000Z"
    assert to_iso(1763808412.0625) == "2025-11-22T10:46:52.062Z"
    assert to_iso(0.9999) == "1970-01-01T00:00:01.000Z"


@given(st.floats(0, YEAR_9999))
def test_a_time_that_was_written_once_reads_and_writes_the_same(seconds: float) -> None:
    text = to_iso(seconds)
    assert to_iso(from_iso(text)) == text
    assert abs(from_iso(text) - seconds) < 0.000_6


@given(st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000))
def test_written_times_sort_like_the_times(a: int, b: int) -> None:
    assert (to_iso(a / 1000) < to_iso(b / 1000)) == (a < b)


def test_another_offset_is_the_same_moment() -> None:
    assert from_iso("2026-11-22T11:00:00.000+01:00") == from_iso("2026-11-22T10:00:00.000Z")


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", "2026-11-22T10:00:00"])
def test_what_is_not_one_moment_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        from_iso(text)


@given(st.text())
def test_no_text_makes_reading_a_time_fail_in_another_way(text: str) -> None:
    try:
        from_iso(text)
    except ValueError:
        pass
