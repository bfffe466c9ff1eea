from __future__ import annotations

from cadence.rooms.wire import History, Message, Page
from cadence.terminal.opening import ORIGINALS_MAX, PAGES_MAX, Opening
from tests.terminal.frames import RAE, ROOM, message, quote, turn


def page(ref: str, *items: Message, more: bool = False) -> Page:
    return Page(ref=ref, room=ROOM, stream="raw", items=items, more=more)


def seqs(opening: Opening) -> list[int]:
    return [one.seq for one in opening.messages]


def test_what_was_quoted_is_asked_for_by_number_and_the_range_as_a_range() -> None:
    opening = Opening.of(turn(7, 10, 13, quote("ada", "x", 12), quote("bo", "y", 3)))
    assert opening.requests(ROOM, "r1") == [
        History(room=ROOM, stream="raw", seqs=(3, 12), ref="r1-cited"),
        History(room=ROOM, stream="raw", after=9, limit=4, ref="r1-range"),
    ]
    assert opening.take(page("r1-cited", message(3, "y"), message(12, "x"))) is None
    assert opening.waiting == {"r1-range"}
    items = [message(10, "a"), message(11, "said by a human, and shown", RAE), message(12, "x"), message(13, "b")]
    assert opening.take(page("r1-range", *items)) is None
    assert (opening.waiting, seqs(opening)) == (set(), [3, 10, 12, 13])


def test_a_page_that_was_cut_is_followed_by_another() -> None:
    opening = Opening.of(turn(7, 10, 13, quote("ada", "x", 3, 4, 5)))
    opening.requests(ROOM, "r1")
    assert opening.take(page("r1-cited", message(3, "y"), more=True)) == History(
        room=ROOM, stream="raw", seqs=(4, 5), ref="r1-cited"
    )
    assert opening.take(page("r1-range", message(10, "a"), message(11, "b"), more=True)) == History(
        room=ROOM, stream="raw", after=11, limit=2, ref="r1-range"
    )
    assert opening.waiting == {"r1-cited", "r1-range"}


def test_more_may_follow_the_range_and_is_not_asked_for() -> None:
    opening = Opening.of(turn(7, 10, 10))
    opening.requests(ROOM, "r1")
    assert opening.take(page("r1-range", message(10, "a"), more=True)) is None
    assert not opening.waiting


def test_a_long_range_is_opened_in_part() -> None:
    opening = Opening.of(turn(7, 1, 5000))
    assert [request.limit for request in opening.requests(ROOM, "r1")] == [ORIGINALS_MAX]
    assert opening.left_out == 5000 - ORIGINALS_MAX


def test_an_answer_has_no_range_and_an_empty_one_nothing() -> None:
    answer = Opening.of(turn(7, 1, 5, quote("ada", "x", 3), covers=None))
    assert [request.ref for request in answer.requests(ROOM, "r1")] == ["r1-cited"]
    assert Opening.of(turn(8, 1, 0)).requests(ROOM, "r2") == []


def test_a_server_that_always_has_more_is_not_asked_for_ever() -> None:
    opening = Opening.of(turn(7, 1, 150))
    opening.requests(ROOM, "r1")
    asked = [opening.take(page("r1-range", message(seq, "x"), more=True)) for seq in range(1, PAGES_MAX + 1)]
    assert asked[-1] is None and None not in asked[:-1]
