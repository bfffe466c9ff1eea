from __future__ import annotations

from dataclasses import replace

import pytest

from cadence.client import inbox as limits
from cadence.client.inbox import Inbox, Item, Missed
from cadence.client.link import Progress
from cadence.rooms.wire import PAGE_ITEMS_MAX, After, Author, Message, Redacted, Segment, Turn


def message(seq: int) -> Message:
    return Message(
        "hall", "e", seq, f"m{seq}", Author("ada", "Ada", "agent"), "2026-01-01T00:00:00.000Z", f"text {seq}"
    )


def messages(first: int, last: int) -> tuple[Message, ...]:
    return tuple(message(seq) for seq in range(first, last + 1))


def turn(number: int, *sources: int) -> Turn:
    segment = Segment("quote", ("ada",), "text", sources, 1.0)
    at = "2026-01-01T00:00:00.000Z"
    return Turn(room="hall", turn=number, at=at, mode="paraphrase", covers=None, words=1, segments=(segment,), by="x")


def inbox(seq: int = 10, *, whole: bool = True, items_max: int = 5, missed_max: int = 1000) -> tuple[Inbox, Progress]:
    progress = Progress("e", seq)
    return Inbox(progress, whole=whole, items_max=items_max, missed_max=missed_max), progress


def seqs(box: Inbox) -> list[int]:
    """Take everything; all of it must be messages."""
    taken = []
    while (item := box.take()) is not None:
        assert isinstance(item, Message)
        taken.append(item.seq)
    return taken


def test_messages_come_once_and_in_order() -> None:
    box, progress = inbox()
    for seq in (9, 10, 11, 11, 12):
        box.message(message(seq))
    assert (seqs(box), progress.seq, box.wanted()) == ([11, 12], 12, None)


def test_what_finds_no_room_is_read_from_the_log_when_there_is() -> None:
    box, progress = inbox(items_max=3)
    for seq in range(11, 21):
        box.message(message(seq))
    assert (len(box), progress.seq, box.behind, box.wanted()) == (3, 13, True, None)
    assert seqs(box) == [11, 12, 13]
    assert (box.wanted(), box.wanted(), box.page_limit) == ("page", None, 3), "asked once"
    box.page(messages(14, 16), more=True)
    assert seqs(box) == [14, 15, 16]
    assert box.wanted() == "page"
    box.message(message(21))
    box.page(messages(17, 19), more=True)
    assert seqs(box) == [17, 18, 19]
    assert box.wanted() == "page"
    box.page(messages(20, 21), more=False)
    assert box.behind is False
    box.message(message(22))
    assert seqs(box) == [20, 21, 22]


def test_a_page_that_ends_before_what_came_meanwhile_is_not_the_last() -> None:
    box, _ = inbox(items_max=2)
    for seq in (11, 12, 13):
        box.message(message(seq))
    assert seqs(box) == [11, 12]
    assert box.wanted() == "page"
    box.message(message(14))
    box.page(messages(13, 13), more=False)
    assert (box.behind, seqs(box), box.wanted()) == (True, [13], "page")
    box.page(messages(14, 14), more=False)
    assert (box.behind, seqs(box)) == (False, [14])


def test_a_log_that_has_less_than_it_said_is_believed() -> None:
    box, _ = inbox()
    box.message(message(13))
    assert box.wanted() == "page"
    box.page((), more=False)
    assert (box.behind, box.wanted()) == (False, None)


def test_a_hole_is_filled_from_the_log_for_those_who_get_everything() -> None:
    box, _ = inbox()
    box.message(message(12))
    assert (len(box), box.wanted()) == (0, "page")
    mediated, _ = inbox(whole=False)
    mediated.message(message(12))
    assert (seqs(mediated), mediated.wanted()) == ([12], None)


def test_a_mediated_reader_who_is_too_slow_joins_again() -> None:
    box, progress = inbox(whole=False, items_max=2)
    box.turn(turn(1))
    box.message(message(11))
    box.turn(turn(2))
    box.message(message(12))
    assert (len(box), progress.turn, progress.seq, box.wanted()) == (2, 1, 11, None)
    assert [type(box.take()), type(box.take())] == [Turn, Message]
    assert box.wanted() == "join"
    box.joined(replace(progress), goes_on=True)
    box.turn(turn(1))
    box.turn(turn(2))
    assert (progress.turn, len(box), box.wanted()) == (2, 1, None)


def joined(seq: int, head: int, epoch: str = "e", whole: bool = True, missed_max: int = 1000) -> tuple[Inbox, Progress]:
    """Back after an absence of `head - seq` messages that the server does not replay."""
    box, progress = inbox(seq, whole=whole, missed_max=missed_max)
    before = replace(progress)
    progress.epoch, progress.seq = epoch, head
    box.joined(before, goes_on=False)
    return box, progress


def test_a_long_absence_is_read_from_the_log() -> None:
    box, progress = joined(10, 900)
    assert progress.seq == 10
    box.message(message(901))
    assert box.wanted() == "page"
    box.page(messages(11, 12), more=True)
    assert seqs(box) == [11, 12]


@pytest.mark.parametrize(
    ("seq", "head", "epoch", "whole", "expected"),
    [
        (10, 5000, "e", True, Missed(10, 5000, False)),
        (10, 900, "e", False, Missed(10, 900, False)),
        (10, 4, "f", True, Missed(10, 4, True)),
    ],
)
def test_what_will_not_come_is_said(seq: int, head: int, epoch: str, whole: bool, expected: Item) -> None:
    box, progress = joined(seq, head, epoch, whole)
    assert (box.take(), box.take(), progress.seq) == (expected, None, head)
    box.message(message(head + 1))
    assert seqs(box) == [head + 1]


def test_nothing_is_missed_at_the_first_join_nor_where_nothing_was_said() -> None:
    box, progress = inbox(40)
    box.joined(Progress(), goes_on=False)
    assert (box.take(), progress.seq) == (None, 40)
    assert joined(10, 10)[0].take() is None
    assert joined(10, 10)[0].wanted() is None


def test_after_a_cut_the_page_is_asked_for_again() -> None:
    box, progress = inbox()
    box.message(message(12))
    assert box.wanted() == "page"
    box.cut()
    assert box.wanted() == "page"
    box.joined(replace(progress), goes_on=True)
    box.page((), more=False)
    assert box.wanted() is None, "the server replays it"


def test_what_is_taken_back_is_erased_where_it_waits_and_told_where_it_was_taken() -> None:
    box, _ = inbox()
    box.message(message(11))
    box.message(message(12))
    assert box.take() == message(11)
    for seq in (11, 12, 13):
        box.redacted(Redacted(room="hall", seq=seq, by="ada"))
    assert box.take() == Redacted(room="hall", seq=11, by="ada")
    assert box.take() == message(12).erased()
    assert box.take() is None


def test_a_waiting_turn_loses_what_it_cites() -> None:
    box, _ = inbox(whole=False)
    box.turn(turn(1, 9))
    box.redacted(Redacted(room="hall", seq=9, by="ada"))
    assert isinstance(box.take(), Redacted)
    shown = box.take()
    assert isinstance(shown, Turn) and shown.segments[0].text == ""


def test_redactions_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REDACTED_MAX", 2)
    box, _ = inbox()
    for seq in (1, 2, 3):
        box.redacted(Redacted(room="hall", seq=seq, by=""))
    assert [item.seq for item in (box.take(), box.take()) if isinstance(item, Redacted)] == [2, 3]


def test_how_far_one_has_come_ends_before_what_waits() -> None:
    box, _ = inbox(whole=False)
    assert box.taken == After("e", 10, 0)
    box.turn(turn(1))
    box.message(message(11))
    box.message(message(12))
    assert box.taken == After("e", 10, 0)
    box.take()
    box.take()
    assert box.taken == After("e", 11, 1)


def test_a_page_is_never_larger_than_the_protocol_allows() -> None:
    box, _ = inbox(items_max=5000)
    assert box.page_limit == PAGE_ITEMS_MAX
