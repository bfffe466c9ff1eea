from __future__ import annotations

import pytest

from cadence.alex.feed import FEED_MESSAGES_MAX, Feed
from cadence.alex.transcript import Entry
from tests.alex.talk import entry, message


def test_who_has_heard_some_hears_the_rest() -> None:
    feed = Feed()
    first, second = entry(1), entry(2)
    feed.add(first, 10.0)
    feed.add(second, 11.0)
    assert list(feed.after(0)[0]) == [(first, 10.0, False), (second, 11.0, False)]
    assert list(feed.after(1)[0]) == [(second, 11.0, False)]
    assert (list(feed.after(feed.end)[0]), feed.end) == ([], 2)
    third = entry(3)
    feed.add(third, 12.0)
    assert list(feed.after(1)[0]) == [(second, 11.0, False), (third, 12.0, False)]


def test_whom_the_news_involve_is_known_for_all_who_ask() -> None:
    feed = Feed()
    feed.add(entry(1, speaker="vera", mentions=("ada",)), 1.0)
    feed.add(entry(2, speaker="hob"), 2.0)
    assert feed.after(0)[1] == {"vera", "ada", "hob"} and feed.after(1)[1] == {"hob"}
    feed.add(Entry(message(3, speaker="ida"), message(2, speaker="bob")), 3.0)
    assert feed.after(1)[1] == {"hob", "ida", "bob"}


def test_what_all_have_heard_is_forgotten_and_places_stay() -> None:
    feed = Feed()
    for seq in range(1, 6):
        feed.add(entry(seq), float(seq))
    feed.forget([3, 4, 5])
    assert [at for _, at, _ in feed.after(3)[0]] == [4.0, 5.0]
    assert feed.end == 5
    with pytest.raises(AssertionError, match="from 3 on"):
        feed.after(2)


def test_where_nobody_hears_nothing_is_kept() -> None:
    feed = Feed()
    said = entry(1)
    while not feed.full:
        feed.add(said, 0.0)
    assert feed.end == FEED_MESSAGES_MAX
    feed.forget([])
    assert not feed.full and feed.end == FEED_MESSAGES_MAX
