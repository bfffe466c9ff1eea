"""The log as a file that operators move: copy it while it is in use, put a copy back, look into it. All of it blocks.

A copy that is put back is another history than the one its readers knew: what was said since is gone. So every room
gets a new epoch, in its messages and turns too, and clients reload instead of going on in the wrong place.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from cadence.rooms.log import HostAction, LogError, LogUnavailable, reads
from cadence.rooms.log.schema import Store, copy_to, hold, look_into, open_store, sync
from cadence.rooms.log.tables import VERSION
from cadence.rooms.wire import Message, Turn, encode

_MAGIC = b"SQLite format 3\0"
BATCH_ROWS = 500  # read and rewritten at once when epochs change

_T = TypeVar("_T", Message, Turn)


@dataclass(frozen=True, slots=True)
class RoomStatus:
    room: str
    epoch: str
    head: int
    redacted: int


@dataclass(frozen=True, slots=True)
class Status:
    """What is in a log. Bytes are of the database and of its write-ahead file; `version` is its schema's."""

    version: int
    version_here: int
    bytes: int
    wal_bytes: int
    in_use: bool
    sound: bool
    rooms: tuple[RoomStatus, ...]
    turns: int
    readers: int
    sessions: int
    host_actions: int


def back_up(log: Path, to: Path) -> int:
    """Copy the log, in use or not, into the file `to`, which is whole and on disk afterwards; returns its bytes.

    Raises `LogError`; then `to` is as it was.
    """
    if to.resolve() == log.resolve():
        raise LogError("expected another file to copy the log to, got the log itself")
    with closing(look_into(log)) as connection:
        try:
            copy_to(connection, to)
            return to.stat().st_size
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise LogUnavailable(f"expected to write a copy of the log to {to}, got: {reason}") from error


def restore(copy: Path, log: Path, now: float, stamp: str) -> Path | None:
    """Put `copy` in the place of `log`, with new epochs; returns where the log that was there is now, if there was one.

    `stamp` makes that name new. Raises `LogError`, also while a server uses the log or if the copy is damaged; then
    the log is as it was.
    """
    with closing(look_into(copy)) as source, closing(hold(log)):
        _check_sound(source, copy)
        fresh = log.with_name(f"{log.name}.restoring")
        try:
            copy_to(source, fresh)
            with closing(open_store(fresh, now, keep=False)) as store:
                _new_epochs(store)
            aside = _exchange(fresh, log, log.with_name(f"{log.name}.before-restore-{stamp}"))
            sync(log.parent)
            return aside
        except (OSError, sqlite3.Error) as error:
            raise LogUnavailable(f"expected to put {copy.name} in the place of {log.name}, got: {error}") from error
        finally:
            for rest in (fresh, *_beside(fresh)):
                rest.unlink(missing_ok=True)


def status(log: Path, *, thorough: bool = False) -> Status:
    """What is in the log; `thorough` also reads all of it for damage. Raises `LogError`."""
    in_use = _in_use(log)
    with closing(look_into(log)) as connection:
        try:
            return _status(connection, log, in_use, thorough)
        except sqlite3.Error as error:
            raise LogUnavailable(f"expected to read the log {log.name}, got: {error}") from error


def audit(log: Path, room: str, limit: int) -> list[tuple[int, HostAction]]:
    """The last `limit` lines of a room's audit log, ascending. Raises `LogError`."""
    with closing(look_into(log)) as connection:
        try:
            return reads.host_actions(connection, room, None, limit)
        except sqlite3.Error as error:
            raise LogUnavailable(f"expected to read the audit log of {log.name}, got: {error}") from error


def _status(connection: sqlite3.Connection, log: Path, in_use: bool, thorough: bool) -> Status:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    (version,) = connection.execute("PRAGMA user_version").fetchone()

    def count(table: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) if table in tables else 0

    rooms = connection.execute(
        "SELECT room, epoch, head, (SELECT count(*) FROM messages AS m WHERE m.room = r.room AND m.redacted = 1)"
        " FROM rooms AS r ORDER BY room"
    ).fetchall()
    return Status(
        version=version,
        version_here=VERSION,
        bytes=log.stat().st_size,
        wal_bytes=sum(path.stat().st_size for path in _beside(log) if path.name.endswith("-wal")),
        in_use=in_use,
        sound=not thorough or connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",),
        rooms=tuple(RoomStatus(*row) for row in rooms),
        turns=count("turns"),
        readers=count("readers"),
        sessions=count("sessions"),
        host_actions=count("host_actions"),
    )


def _in_use(log: Path) -> bool:
    if not log.with_name(log.name + ".lock").exists():
        return False
    try:
        hold(log).close()
    except LogUnavailable:
        return True
    return False


def _check_sound(source: sqlite3.Connection, path: Path) -> None:
    try:
        found = source.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise LogError(f"expected an undamaged copy in {path.name}, got: {str(found)[:200]}")


def _new_epochs(store: Store) -> None:
    """Give every room a new epoch, and write it into all its messages and turns. In one transaction."""
    store.execute("BEGIN IMMEDIATE")
    epochs = {room: secrets.token_hex(8) for (room,) in store.execute("SELECT room FROM rooms").fetchall()}
    store.executemany("UPDATE rooms SET epoch = ? WHERE room = ?", [(epoch, room) for room, epoch in epochs.items()])

    def message(one: Message) -> Message:
        return msgspec.structs.replace(one, epoch=epochs[one.room])

    def turn(one: Turn) -> Turn:
        if one.covers is None:
            return one
        return msgspec.structs.replace(one, covers=msgspec.structs.replace(one.covers, epoch=epochs[one.room]))

    _rewrite(store, "messages", reads.read_message, message)
    _rewrite(store, "turns", reads.read_turn, turn)
    store.execute("COMMIT")


def _rewrite(store: Store, table: str, read: Callable[[bytes], _T], change: Callable[[_T], _T]) -> None:
    for rows in _rows(store, table):
        changed = [(encode(change(read(body))), rowid) for rowid, body in rows]
        store.executemany(f"UPDATE {table} SET body = ? WHERE rowid = ?", changed)


def _rows(store: Store, table: str) -> Iterator[list[tuple[int, bytes]]]:
    last = 0
    query = f"SELECT rowid, body FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {BATCH_ROWS}"
    while rows := store.execute(query, (last,)).fetchall():
        yield rows
        last = rows[-1][0]


def _exchange(fresh: Path, log: Path, aside: Path) -> Path | None:
    """Put `fresh` in the place of `log`, which is kept as `aside`. At no moment is there no log."""
    if not log.exists():
        fresh.replace(log)
        return None
    if _is_database(
        log
    ):  # else SQLite throws away what it cannot match to the file, and somebody may want to rescue it
        with suppress(sqlite3.Error), closing(sqlite3.connect(log)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    try:
        os.link(log, aside)
    except OSError:  # a file system without links
        shutil.copy2(log, aside)
    for beside in _beside(log):  # of a log too broken to be closed: replayed into the new one, it would break that too
        beside.replace(aside.with_name(beside.name.replace(log.name, aside.name)))
    fresh.replace(log)
    return aside


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _beside(log: Path) -> list[Path]:
    names = (log.with_name(log.name + ending) for ending in ("-wal", "-shm", "-journal"))
    return [path for path in names if path.exists()]
