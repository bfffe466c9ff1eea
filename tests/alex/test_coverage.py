from __future__ import annotations

import math

from cadence.alex.coverage import UNCOUNTED_MAX, OpenRange
from tests.alex.talk import entry


def test_closing_gives_the_counts_and_begins_anew() -> None:
    range_ = OpenRange()
    range_.add(entry(1, "two words"), 5.0)
    range_.add(entry(2, "and three words"), 6.0)
    assert (range_.since, range_.words) == (5.0, 5)
    assert range_.close() == (2, 5)
    assert (range_.since, range_.messages, range_.words) == (math.inf, 0, 0)


def test_what_is_skipped_counts() -> None:
    range_ = OpenRange()
    range_.skip(40, 400, 5.0)
    range_.add(entry(1, "two words"), 6.0)
    assert range_.since == 5.0
    assert range_.close() == (41, 402)


def test_nothing_skipped_does_not_begin_a_wait() -> None:
    range_ = OpenRange()
    range_.skip(0, 0, 5.0)
    assert range_.since == math.inf


def test_uncounted_messages_are_bounded() -> None:
    range_ = OpenRange()
    one = entry(1, "two words")
    for _ in range(UNCOUNTED_MAX + 5):
        range_.add(one, 0.0)
    assert len(range_._uncounted) <= UNCOUNTED_MAX
    assert range_.words == 2 * (UNCOUNTED_MAX + 5)
