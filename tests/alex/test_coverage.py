from __future__ import annotations

import math

from cadence.alex.coverage import ENTRIES_MAX, OpenRange
from tests.alex.talk import entry


def test_closing_gives_the_counts_and_begins_anew() -> None:
    range_ = OpenRange()
    range_.add(entry(1, "two words"), 5.0)
    range_.add(entry(2, "and three words"), 6.0)
    assert (range_.since, range_.words) == (5.0, 5)
    assert range_.close(2) == (2, 5)
    assert (range_.since, range_.messages, range_.words) == (math.inf, 0, 0)


def test_what_lies_beyond_stays_open() -> None:
    range_ = OpenRange()
    for seq in (1, 2, 5):
        range_.add(entry(seq, "two words"), float(seq))
    assert range_.close(4) == (2, 4)
    assert (range_.since, range_.messages, range_.words) == (5.0, 1, 2)


def test_what_is_skipped_counts_first() -> None:
    range_ = OpenRange()
    range_.skip(40, 400, 5.0)
    range_.add(entry(41, "two words"), 6.0)
    assert range_.since == 5.0
    assert range_.close(40) == (40, 400)
    assert range_.close(41) == (1, 2)


def test_nothing_skipped_does_not_begin_a_wait() -> None:
    range_ = OpenRange()
    range_.skip(0, 0, 5.0)
    assert range_.since == math.inf


def test_messages_kept_one_by_one_are_bounded() -> None:
    range_ = OpenRange()
    one = entry(1, "two words")
    for number in range(ENTRIES_MAX + 5):
        range_.add(one, float(number))
    assert len(range_._entries) <= ENTRIES_MAX
    assert (range_.messages, range_.words, range_.since) == (ENTRIES_MAX + 5, 2 * (ENTRIES_MAX + 5), 0.0)
