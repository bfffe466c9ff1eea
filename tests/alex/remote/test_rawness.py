"""Who reads raw while the worker is late, message by message."""

from __future__ import annotations

from cadence.alex.remote.rawness import RawReaders
from cadence.rooms.wire import Author, Kind, Message


def message(seq: int, room: str = "lab", kind: Kind = "agent") -> Message:
    return Message(room, "e", seq, f"m{seq}", Author("vera", "Vera", kind), "2026-01-01T00:00:00.000Z", f"text {seq}")


def seqs(messages: list[Message]) -> list[int]:
    return [one.seq for one in messages]


def test_who_begins_to_read_raw_is_owed_what_the_worker_had_not_heard() -> None:
    readers = RawReaders()
    for seq in range(1, 6):
        assert readers.posted(message(seq), told=True) == frozenset()
    readers.posted(message(9, "hall"), told=True)
    readers.heard(2)
    assert (readers.behind, readers.characters_behind) == (4, 4 * len("text 1"))
    assert seqs(readers.switched("lab", "ada", raw=True, at=3)) == [4, 5]
    assert readers.posted(message(6), told=True) == {"ada"}


def test_who_ends_it_is_owed_what_came_before_the_end() -> None:
    readers = RawReaders()
    readers.switched("lab", "ada", raw=True, at=0)
    assert readers.may_end("lab", "ada")
    assert [readers.posted(message(seq), told=True) for seq in (1, 2, 3)] == [frozenset()] * 3
    assert seqs(readers.switched("lab", "ada", raw=False, at=2)) == [1, 2]
    assert readers.ended("lab", "ada") == [], "the rest is the worker's to tell"


def test_who_does_not_end_it_is_owed_all_of_it_when_the_last_request_is_over() -> None:
    readers = RawReaders()
    readers.switched("lab", "ada", raw=True, at=0)
    assert readers.may_end("lab", "ada") and readers.may_end("lab", "ada")
    readers.posted(message(1), told=True)
    assert readers.ended("lab", "ada") == []
    readers.posted(message(2), told=True)
    assert seqs(readers.ended("lab", "ada")) == [1, 2]
    assert readers.posted(message(3), told=True) == {"ada"}


def test_whoever_does_not_read_raw_cannot_end_it() -> None:
    readers = RawReaders()
    assert not readers.may_end("lab", "ada")
    assert readers.ended("lab", "ada") == []


def test_what_is_redacted_is_kept_without_its_text() -> None:
    readers = RawReaders()
    readers.switched("lab", "bob", raw=True, at=0)
    readers.may_end("lab", "bob")
    readers.posted(message(1), told=True)
    readers.redacted("lab", 1)
    assert [one.text for one in readers.switched("lab", "ada", raw=True, at=0)] == [""]
    assert [one.text for one in readers.ended("lab", "bob")] == [""]


def test_who_leaves_is_owed_nothing() -> None:
    readers = RawReaders()
    readers.switched("lab", "ada", raw=True, at=0)
    readers.may_end("lab", "ada")
    readers.posted(message(1), told=True)
    readers.leave("lab", "ada")
    assert readers.ended("lab", "ada") == [] and readers.posted(message(2), told=True) == frozenset()
    readers.clear()
    assert readers.behind == readers.characters_behind == 0


def test_without_a_worker_nothing_is_kept() -> None:
    readers = RawReaders()
    readers.posted(message(1), told=False)
    assert readers.behind == 0


def test_human_speech_is_undecided_until_the_worker_has_heard_it() -> None:
    readers = RawReaders()
    readers.posted(message(1), told=True)
    assert not readers.undecided("lab")
    readers.posted(message(2, kind="human"), told=True)
    assert readers.undecided("lab") and not readers.undecided("hall")
    readers.heard(1)
    assert readers.undecided("lab")
    readers.heard(1)
    assert not readers.undecided("lab")
