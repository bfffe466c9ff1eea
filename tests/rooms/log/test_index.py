from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from cadence.rooms.log import LogUnavailable, index
from cadence.rooms.log.index import VERSION, add, clean, find, forget, held, indexed_to, open_index, rooms
from cadence.rooms.log.rows import to_message
from cadence.rooms.query import parse
from cadence.rooms.wire import Message
from tests.rooms.log.places import draft


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db.search"


def said(text: str, seq: int, epoch: str = "e", user: str = "ana") -> Message:
    return to_message(draft(text, str(seq), user=user), epoch, seq, 0.0)


def test_what_was_indexed_is_found_the_newest_first(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said("the probe", 1), said("the hill", 2), said("a probe of the hill", 3, user="bo")])
    add(there, "other", [said("another probe", 1)])
    assert find(there, "room", parse("probe"), None, 10) == [3, 1]
    assert find(there, "room", parse("probe"), None, 1) == [3]
    assert find(there, "room", parse("probe"), "ana", 10) == [1]
    assert find(there, "room", parse("probes"), None, 10) == []
    assert (indexed_to(there, "room", "e", 3), rooms(there)) == (3, ["other", "room"])
    there.close()


def test_a_room_of_another_epoch_is_begun_anew(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said("the probe", 1), said("the hill", 2)])
    assert indexed_to(there, "room", "e", 1) == 0  # it was cut
    assert find(there, "room", parse("probe"), None, 10) == []
    add(there, "room", [said("the probe", 1)])
    assert indexed_to(there, "room", "new", 1) == 0
    there.close()


def test_an_erased_text_leaves_no_word_in_the_file(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said(f"word{n} lighthouse{n}", n) for n in range(1, 200)])
    add(there, "room", [said("xylophonist secretary", 200)])
    assert b"xylophonist" in path.read_bytes()
    assert forget(there, "room", [200, 999]) and not forget(there, "room", [200])
    assert find(there, "room", parse("xylo*"), None, 10) == [] == held(there, "room", [200])
    clean(there)
    assert b"xylophonist" not in path.read_bytes()
    assert find(there, "room", parse("lighthouse7"), None, 10) == [7]
    there.close()


def test_what_a_crash_left_dirty_is_cleaned_at_the_next_opening(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said("xylophonist", 1), said("more", 2)])
    forget(there, "room", [1])
    there.close()
    open_index(path).close()
    assert b"xylophonist" not in path.read_bytes()


@pytest.mark.parametrize("spoil", ["garbage", "version"])
def test_an_index_that_cannot_be_read_is_made_anew(path: Path, spoil: str) -> None:
    there = open_index(path)
    add(there, "room", [said("the probe", 1)])
    there.close()
    if spoil == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.close()
    there = open_index(path)
    assert rooms(there) == []
    there.close()


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
def test_only_the_owner_may_read_it(path: Path) -> None:
    open_index(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_search_has_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SEARCH_SECONDS_MAX", -1.0)
    monkeypatch.setattr(index, "STEPS_BETWEEN_LOOKS", 1)
    there = open_index(path)
    add(there, "room", [said("the probe", n) for n in range(1, 50)])
    with pytest.raises(LogUnavailable, match="rarer words"):
        find(there, "room", parse("probe"), None, 10)
    monkeypatch.undo()
    assert len(find(there, "room", parse("probe"), None, 100)) == 49
    there.close()


def test_what_fails_is_not_half_indexed(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said("one", 1)])
    with pytest.raises(sqlite3.IntegrityError):
        add(there, "room", [said("two", 2), said("one", 1)])
    assert indexed_to(there, "room", "e", 2) == 1 and find(there, "room", parse("two"), None, 5) == []
    there.close()


def test_what_is_interrupted_is_undone_and_can_be_done_again(path: Path) -> None:
    there = open_index(path)
    add(there, "room", [said("xylophonist", 1)])
    there.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK
    )
    with pytest.raises(sqlite3.DatabaseError):
        forget(there, "room", [1])
    assert not there.in_transaction
    there.set_authorizer(None)
    assert held(there, "room", [1]) == [1] and forget(there, "room", [1])
    there.close()
