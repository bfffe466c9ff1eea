"""Somebody is to be forgotten: their name and id leave every row, what was made for them alone goes. All of it blocks.

The work comes in pieces, each a transaction that looks at no more than `PIECE_ROWS` rows, so that those who speak
meanwhile wait for one piece and never for all. What a piece has done it finds done when it runs again.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from cadence.rooms.log import Traces
from cadence.rooms.log.reads import read_message, read_turn
from cadence.rooms.log.rows import MARK_BYTES, renamed_message, renamed_patch, renamed_turn
from cadence.rooms.log.schema import Store
from cadence.rooms.wire import ViewPatch, encode

PIECE_ROWS = 1000

_read_patch = msgspec.json.Decoder(ViewPatch).decode


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows to look at: `count` tells what of them speaks of the user, `forget` changes it, alike."""

    count: Callable[[sqlite3.Connection], Traces]
    forget: Callable[..., Traces]


def pieces(connection: sqlite3.Connection, user: str) -> list[Piece]:
    """All there is to look at now, in an order in which it may be interrupted."""
    windows = [_piece(kind, user, first) for kind in (_Messages, _Turns) for first in _windows(connection, kind.table)]
    return [*windows, *(_piece(kind, user, 0) for kind in (_Views, _Alone))]


def _windows(connection: sqlite3.Connection, table: str) -> Iterator[int]:
    (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    yield from range(1, (last or 0) + 1, PIECE_ROWS)


def _piece(kind: type[Any], user: str, first: int) -> Piece:
    def count(connection: sqlite3.Connection) -> Traces:
        found: Traces = kind(connection, user, first).count()
        return found

    def forget(store: Store, alias: str) -> Traces:
        one = kind(store, user, first)
        found: Traces = one.count()
        one.forget(alias)
        store.erased = store.erased or found != Traces()  # the old pages must leave the write-ahead file too
        return found

    return Piece(count, forget)


class _Messages:
    """What they said, and where the server marked that others mean them."""

    table = "messages"

    def __init__(self, connection: sqlite3.Connection, user: str, first: int) -> None:
        self._connection, self._user = connection, user
        query = (
            "SELECT rowid, user = ?, body FROM messages"
            " WHERE rowid BETWEEN ? AND ? AND (user = ? OR instr(body, ?) > 0)"
        )
        rows = connection.execute(query, (user, first, first + PIECE_ROWS - 1, user, _quoted(user))).fetchall()
        self._rows = [(rowid, bool(own), read_message(body)) for rowid, own, body in rows]

    def count(self) -> Traces:
        own = sum(own for _, own, _ in self._rows)
        named = sum(not own and self._user in message.mentions for _, own, message in self._rows)
        return Traces(messages=own, mentions=named)

    def forget(self, alias: str) -> None:
        for rowid, own, message in self._rows:
            changed = renamed_message(message, self._user, alias)
            self._connection.execute("UPDATE messages SET body = ? WHERE rowid = ?", (encode(changed), rowid))
            if own:
                # The mark is of the text they said, and the id was their client's own.
                self._connection.execute(
                    "UPDATE messages SET user = ?, id = ?, mark = ? WHERE rowid = ?",
                    (alias, changed.id, secrets.token_bytes(MARK_BYTES), rowid),
                )


class _Turns:
    """Turns of others in which they stand as a speaker."""

    table = "turns"

    def __init__(self, connection: sqlite3.Connection, user: str, first: int) -> None:
        self._connection, self._user = connection, user
        query = "SELECT rowid, body FROM turns WHERE rowid BETWEEN ? AND ? AND user <> ? AND instr(body, ?) > 0"
        rows = connection.execute(query, (first, first + PIECE_ROWS - 1, user, _quoted(user))).fetchall()
        turns = [(rowid, read_turn(body)) for rowid, body in rows]
        self._rows = [(rowid, turn) for rowid, turn in turns if renamed_turn(turn, user, "") != turn]

    def count(self) -> Traces:
        return Traces(cited=len(self._rows))

    def forget(self, alias: str) -> None:
        changed = [(encode(renamed_turn(turn, self._user, alias)), rowid) for rowid, turn in self._rows]
        self._connection.executemany("UPDATE turns SET body = ? WHERE rowid = ?", changed)


class _Views:
    """Views of others that follow them."""

    def __init__(self, connection: sqlite3.Connection, user: str, first: int) -> None:
        self._connection, self._user = connection, user
        query = "SELECT room, user, patch FROM readers WHERE user <> ? AND instr(patch, ?) > 0"
        rows = connection.execute(query, (user, _quoted(user))).fetchall()
        self._rows = [(room, reader, _read_patch(patch)) for room, reader, patch in rows]

    def count(self) -> Traces:
        return Traces(cited=len(self._rows))

    def forget(self, alias: str) -> None:
        changed = [(encode(renamed_patch(patch, self._user)), room, reader) for room, reader, patch in self._rows]
        self._connection.executemany("UPDATE readers SET patch = ? WHERE room = ? AND user = ?", changed)


class _Alone:
    """What was kept for them alone, and where they stand in the audit log."""

    def __init__(self, connection: sqlite3.Connection, user: str, first: int) -> None:
        self._connection, self._user = connection, user

    def count(self) -> Traces:
        def rows(where: str) -> int:
            return int(self._connection.execute(f"SELECT count(*) FROM {where}", {"user": self._user}).fetchone()[0])

        return Traces(
            turns=rows("turns WHERE user = :user"),
            readers=rows("readers WHERE user = :user"),
            sessions=rows("sessions WHERE user = :user"),
            actions=rows("host_actions WHERE user = :user OR whom = :user"),
        )

    def forget(self, alias: str) -> None:
        for table in ("turns", "turn_sources", "readers", "raw_ranges", "postponed", "sessions"):
            self._connection.execute(f"DELETE FROM {table} WHERE user = ?", (self._user,))
        for column in ("user", "whom"):
            self._connection.execute(f"UPDATE host_actions SET {column} = ? WHERE {column} = ?", (alias, self._user))
        self._connection.execute("UPDATE readers SET set_by = ? WHERE set_by = ?", (alias, self._user))


def _quoted(user: str) -> bytes:
    """The id as it stands in a body, quotes included, so that no longer id is meant."""
    return msgspec.json.encode(user)
