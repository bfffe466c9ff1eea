"""The full-text index of the log: a file of its own beside it, made when somebody first searches, and safe to delete.

It is not in the log's file because indexing a message costs more than keeping it, and nobody who speaks should wait
for that. It holds copies of texts, so a redaction must reach it: the text is deleted at once, and the pages where its
words lay are rewritten soon after (`clean`). What the log says is true; an index of another epoch is begun anew.

Words are folded before they go in (`cadence.rooms.query.fold`), so the index and whoever asks split them alike. All
functions block; they run in a thread of their own.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cadence.rooms.log import LogUnavailable
from cadence.rooms.query import Term, fold
from cadence.rooms.wire import Message

VERSION = 1
SEARCH_SECONDS_MAX = 2.0
STEPS_BETWEEN_LOOKS = 20_000  # of SQLite's machine, between looks at the clock

_TABLES = f"""
CREATE TABLE places (
    number INTEGER PRIMARY KEY, room TEXT NOT NULL, seq INTEGER NOT NULL, user TEXT NOT NULL, UNIQUE (room, seq)
);
CREATE TABLE indexed (room TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE dirty (yes INTEGER PRIMARY KEY);   -- has a row while words of an erased text may lie in old pages
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'unicode61 remove_diacritics 0');
PRAGMA user_version = {VERSION};
"""


def open_index(path: Path) -> sqlite3.Connection:
    """Open or make the index; one that cannot be read, or is of another version, is made anew."""
    try:
        return _open(path)
    except sqlite3.Error:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
            path.with_name(name).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    index = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        index.execute("PRAGMA temp_store = MEMORY")
        index.execute("PRAGMA secure_delete = ON")
        index.execute("PRAGMA journal_mode = TRUNCATE")  # one file: nothing of an erased text lies in another
        index.execute("PRAGMA synchronous = NORMAL")
        version = index.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"version {version}")
        if version == 0:
            index.executescript(f"BEGIN;{_TABLES}COMMIT;")
        clean(index)
        return index
    except BaseException:
        index.close()
        raise


@contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    """All of it, or, on a full disk say, nothing."""
    index.execute("BEGIN")
    try:
        yield
        index.execute("COMMIT")
    except BaseException:
        if index.in_transaction:
            index.execute("ROLLBACK")
        raise


def rooms(index: sqlite3.Connection) -> list[str]:
    """The rooms of which something is in the index."""
    return [room for (room,) in index.execute("SELECT room FROM indexed ORDER BY room").fetchall()]


def indexed_to(index: sqlite3.Connection, room: str, epoch: str, head: int) -> int:
    """The last seq of the room in the index; what is there of another epoch goes first."""
    found = index.execute("SELECT epoch, seq FROM indexed WHERE room = ?", (room,)).fetchone()
    if found is None:
        return 0
    if found[0] == epoch and found[1] <= head:
        return int(found[1])
    with _transaction(index):
        index.execute("DELETE FROM words WHERE rowid IN (SELECT number FROM places WHERE room = ?)", (room,))
        index.execute("DELETE FROM places WHERE room = ?", (room,))
        index.execute("DELETE FROM indexed WHERE room = ?", (room,))
        index.execute("INSERT OR IGNORE INTO dirty VALUES (1)")
    return 0


def held(index: sqlite3.Connection, room: str, seqs: Sequence[int]) -> list[int]:
    """Those of `seqs` whose text is in the index."""
    query = "SELECT 1 FROM places JOIN words ON words.rowid = number WHERE room = ? AND seq = ?"
    return [seq for seq in seqs if index.execute(query, (room, seq)).fetchone() is not None]


def add(index: sqlite3.Connection, room: str, messages: Sequence[Message]) -> None:
    """Index messages of one room that follow those indexed, ascending."""
    with _transaction(index):
        for message in messages:
            text = "" if message.redacted else " ".join((message.text, *(part.body for part in message.parts)))
            row = (room, message.seq, message.from_.id)
            number = index.execute("INSERT INTO places (room, seq, user) VALUES (?, ?, ?)", row).lastrowid
            index.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, " ".join(fold(text))))
        last = (room, messages[-1].epoch, messages[-1].seq)
        index.execute("INSERT OR REPLACE INTO indexed (room, epoch, seq) VALUES (?, ?, ?)", last)


def forget(index: sqlite3.Connection, room: str, seqs: Sequence[int]) -> bool:
    """Delete the texts of these messages; True if there were any, and `clean` should follow."""
    there = held(index, room, seqs)
    if there:
        number = "SELECT number FROM places WHERE room = ? AND seq = ?"
        with _transaction(index):
            index.executemany(f"DELETE FROM words WHERE rowid = ({number})", [(room, seq) for seq in there])
            index.execute("INSERT OR IGNORE INTO dirty VALUES (1)")
    return bool(there)


def rename(index: sqlite3.Connection, user: str, alias: str) -> None:
    """Let `alias` stand where `user` stood."""
    with _transaction(index):
        index.execute("UPDATE places SET user = ? WHERE user = ?", (alias, user))


def clean(index: sqlite3.Connection) -> None:
    """Rewrite the pages in which words of deleted texts may still lie."""
    if index.execute("SELECT 1 FROM dirty").fetchone() is not None:
        with _transaction(index):
            index.execute("INSERT INTO words (words) VALUES ('optimize')")
            index.execute("DELETE FROM dirty")


def find(index: sqlite3.Connection, room: str, terms: Sequence[Term], user: str | None, limit: int) -> list[int]:
    """Seqs of the newest `limit` messages of the room (by `user`) with all `terms`, descending.

    Raises `LogUnavailable` if that takes longer than `SEARCH_SECONDS_MAX`.
    """
    until = time.monotonic() + SEARCH_SECONDS_MAX
    index.set_progress_handler(lambda: time.monotonic() > until, STEPS_BETWEEN_LOOKS)
    try:
        rows = index.execute(
            "SELECT seq FROM words JOIN places ON number = words.rowid WHERE words MATCH ?1 AND room = ?2"
            " AND (?3 IS NULL OR user = ?3) ORDER BY words.rowid DESC LIMIT ?4",
            (" ".join(map(_phrase, terms)), room, user, limit),
        ).fetchall()
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        raise LogUnavailable("the search took too long: look for rarer words") from None
    finally:
        index.set_progress_handler(None, 0)
    return [seq for (seq,) in rows]


def _phrase(term: Term) -> str:
    # Folded words are letters and digits: nothing in the quotes can end them.
    return f'"{" ".join(term.words)}"' + ("*" if term.prefix else "")
