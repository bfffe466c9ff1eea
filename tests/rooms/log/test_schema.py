from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from cadence.rooms.log import LogError, LogNewer, LogUnavailable
from cadence.rooms.log.schema import (
    APPLICATION_ID,
    STEPS,
    VERSION,
    before_step,
    copy_to,
    hold,
    open_reading,
    open_store,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite"


def rewrite(path: Path, *statements: str) -> bytes:
    """Change a file behind our back; returns what is in it then."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path.read_bytes()


def test_a_new_log_has_its_version_and_syncs_every_commit(path: Path) -> None:
    store = open_store(path, 0.0)
    pragmas: dict[str, object] = {
        "user_version": VERSION,
        "application_id": APPLICATION_ID,
        "synchronous": 2,
        "secure_delete": 1,
    }
    pragmas |= {"journal_mode": "wal", "temp_store": 2}
    assert {name: store.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas} == pragmas
    store.close()


@pytest.mark.skipif(os.name != "posix", reason="file modes are of POSIX")
def test_only_the_owner_may_read_any_file_of_the_log(path: Path) -> None:
    before = os.umask(0)
    try:
        lock, store = hold(path), open_store(path, 0.0)
        store.execute("UPDATE rooms SET head = 0")
        names = {file.name for file in path.parent.iterdir()}
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        store.close()
        lock.close()
    finally:
        os.umask(before)
    assert names >= {"log.sqlite", "log.sqlite-wal", "log.sqlite-shm", "log.sqlite.lock"}
    assert modes == {0o600}


def test_a_log_of_the_first_version_is_brought_up_to_date_with_all_it_holds(path: Path) -> None:
    first = [*STEPS[0].split(";\n")[:-1], f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1"]
    said = "INSERT INTO messages (room, seq, user, id, mark, body) VALUES ('room', 1, 'ana', '1', x'00', x'01')"
    rea = "INSERT INTO readers VALUES ('room', 'rea', '{}', '[]', '', 3, 1, 9, NULL, 5.0)"
    rewrite(path, *first, "INSERT INTO facts VALUES ('salt', x'0102')", said, rea)
    store = open_store(path, 0.0)
    assert store.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert store.salt == b"\x01\x02"
    assert store.execute("SELECT user, seq FROM messages").fetchall() == [("ana", 1)]
    assert store.execute("SELECT user, turn, closed_at, read_to FROM readers").fetchall() == [("rea", 3, 5.0, 0)]
    assert store.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
    store.close()


def test_the_salt_is_made_once(path: Path) -> None:
    first = open_store(path, 0.0)
    salt = first.salt
    first.close()
    second = open_store(path, 0.0)
    assert len(salt) == 16 and second.salt == salt
    second.close()
    other = open_store(path.with_name("other"), 0.0)
    assert other.salt != salt
    other.close()


def test_a_newer_log_is_refused_with_both_versions_and_left_alone(path: Path) -> None:
    open_store(path, 0.0).close()
    content = rewrite(path, f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(
        LogNewer, match=f"expected version {VERSION} or older .*`log.sqlite`, got version {VERSION + 1}"
    ):
        open_store(path, 0.0)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (a)", "PRAGMA user_version = 9", "PRAGMA application_id = 5"]
)
def test_the_database_of_another_program_is_refused_and_left_alone(path: Path, statement: str) -> None:
    content = rewrite(path, statement)
    with pytest.raises(LogError, match="another program's database"):
        open_store(path, 0.0)
    assert path.read_bytes() == content


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"minutes of the meeting\n" * 100)
    with pytest.raises(LogError, match="expected a Cadence log in `log.sqlite`, got something else"):
        open_store(path, 0.0)
    assert path.read_bytes() == b"minutes of the meeting\n" * 100


def test_a_folder_that_is_not_there_is_named_without_its_path(path: Path) -> None:
    with pytest.raises(LogUnavailable, match="`log.sqlite` .*No such file or directory") as caught:
        open_store(path.parent / "absent" / path.name, 0.0)
    assert str(path.parent) not in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to read-only files")
def test_a_read_only_file_is_unavailable(path: Path) -> None:
    open_store(path, 0.0).close()
    path.chmod(0o400)
    with pytest.raises(LogUnavailable, match="Permission denied"):
        open_store(path, 0.0)


def test_half_a_creation_is_begun_again(path: Path) -> None:
    rewrite(path, "PRAGMA journal_mode = WAL")  # as far as a crash may leave it before the tables are committed
    store = open_store(path, 0.0)
    assert store.execute("SELECT count(*) FROM rooms").fetchone() == (0,)
    store.close()


def test_the_reading_connection_cannot_write(path: Path) -> None:
    store = open_store(path, 0.0)
    reading = open_reading(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.execute("DELETE FROM rooms")
    reading.close()
    store.close()


def test_a_log_is_held_by_one_at_a_time(path: Path) -> None:
    lock = hold(path)
    with pytest.raises(LogUnavailable, match="another server holds it"):
        hold(path)
    lock.close()
    hold(path).close()


def test_a_lock_that_cannot_be_made_says_so(path: Path) -> None:
    with pytest.raises(LogUnavailable, match=r"`log.sqlite.lock` .*No such file"):
        hold(path.parent / "absent" / path.name)


def old(path: Path, version: int) -> Path:
    """A log as a Cadence of that version left it, with a message in it."""
    store = sqlite3.connect(path)
    for step in STEPS[:version]:
        store.executescript(step)
    store.execute("INSERT INTO facts (name, value) VALUES ('salt', x'00')")
    store.execute("INSERT INTO rooms (room, epoch, head) VALUES ('room', 'e', 1)")
    store.execute("INSERT INTO messages (room, seq, user, id, mark, body) VALUES ('room', 1, 'ana', 'i', x'', x'')")
    store.execute(f"PRAGMA user_version = {version}")
    store.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.commit()
    store.close()
    return path


def shape(store: sqlite3.Connection) -> list[tuple[str, str]]:
    return store.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name").fetchall()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_an_older_log_becomes_ours_and_is_copied_before(path: Path, version: int) -> None:
    store = open_store(old(path, version), 0.0)
    fresh = open_store(path.with_name("fresh"), 0.0)
    assert shape(store) == shape(fresh)
    assert store.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert store.execute("SELECT head FROM rooms").fetchone() == (1,)
    assert store.salt == b"\0"
    store.close()
    fresh.close()
    copy = sqlite3.connect(before_step(path, version))
    assert copy.execute("PRAGMA user_version").fetchone() == (version,)
    assert copy.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    copy.close()
    if os.name == "posix":
        assert stat.S_IMODE(before_step(path, version).stat().st_mode) == 0o600
    open_store(path, 0.0).close()  # ours by now: opens as it is


def test_a_log_that_cannot_be_copied_is_not_changed(path: Path) -> None:
    old(path, 1)
    before_step(path, 1).with_name(before_step(path, 1).name + ".part").mkdir()
    with pytest.raises(LogUnavailable):
        open_store(path, 0.0)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()


def test_a_copy_is_one_whole_file_made_while_others_write(path: Path) -> None:
    store = open_store(path, 0.0)
    store.execute("INSERT INTO rooms (room, epoch) VALUES ('room', 'e')")
    to = path.with_name("copy")
    to.write_text("an older copy")
    reading = open_reading(path)
    copy_to(reading, to)
    store.execute("INSERT INTO rooms (room, epoch) VALUES ('later', 'e')")
    copy = sqlite3.connect(to)
    assert copy.execute("SELECT room FROM rooms").fetchall() == [("room",)]
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for connection in (copy, reading, store):
        connection.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["copy", "log.sqlite"]
