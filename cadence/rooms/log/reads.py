"""What the reading thread asks of the file: every answer is complete when it returns, and holds no lock after."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from cadence.rooms.log import HostAction, ReaderRecord, RoomState, SessionRecord, StoredNode
from cadence.rooms.mediation import Balance
from cadence.rooms.wire import Message, Turn, ViewPatch

_LARGEST = 2**63 - 1  # the largest integer SQLite compares

read_message = msgspec.json.Decoder(Message).decode
read_turn = msgspec.json.Decoder(Turn).decode
_read_patch = msgspec.json.Decoder(ViewPatch).decode
_read_names = msgspec.json.Decoder(tuple[str, ...]).decode
_read_balance = msgspec.json.Decoder(Balance).decode


def state(connection: sqlite3.Connection, room: str) -> RoomState | None:
    row = connection.execute("SELECT epoch, head FROM rooms WHERE room = ?", (room,)).fetchone()
    return None if row is None else RoomState(*row)


def messages(
    connection: sqlite3.Connection, room: str, after: int | None, before: int | None, limit: int
) -> list[Message]:
    bodies = _page(connection, "messages", "seq", "room = ?", (room,), after, before, limit)
    return [read_message(body) for body in bodies]


def turns(
    connection: sqlite3.Connection, room: str, user: str, after: int | None, before: int | None, limit: int
) -> list[Turn]:
    bodies = _page(connection, "turns", "turn", "room = ? AND user = ?", (room, user), after, before, limit)
    return [read_turn(body) for body in bodies]


def _page(
    connection: sqlite3.Connection,
    table: str,
    key: str,
    where: str,
    whose: tuple[str, ...],
    after: int | None,
    before: int | None,
    limit: int,
) -> list[bytes]:
    """The first bodies above `after`, else the last below `before`; ascending, by the table's own index."""
    order = "ASC" if after is not None else "DESC"
    bounds = (0 if after is None else after, _LARGEST if before is None else before, max(limit, 0))
    rows = connection.execute(
        f"SELECT body FROM {table} WHERE {where} AND {key} > ? AND {key} < ? ORDER BY {key} {order} LIMIT ?",
        (*whose, *bounds),
    ).fetchall()
    bodies = [body for (body,) in rows]
    return bodies if after is not None else bodies[::-1]


def messages_at(connection: sqlite3.Connection, room: str, seqs: Sequence[int]) -> list[Message]:
    query = "SELECT body FROM messages WHERE room = ? AND seq = ?"
    rows = (connection.execute(query, (room, seq)).fetchone() for seq in sorted(set(seqs)))
    return [read_message(row[0]) for row in rows if row is not None]


def turns_at(connection: sqlite3.Connection, room: str, user: str, numbers: Sequence[int]) -> list[Turn]:
    query = "SELECT body FROM turns WHERE room = ? AND user = ? AND turn = ?"
    rows = (connection.execute(query, (room, user, number)).fetchone() for number in sorted(set(numbers)))
    return [read_turn(row[0]) for row in rows if row is not None]


def redacted_seqs(connection: sqlite3.Connection, room: str, after: int, to: int) -> list[int]:
    query = "SELECT seq FROM messages WHERE room = ? AND redacted = 1 AND seq > ? AND seq <= ? ORDER BY seq"
    return [seq for (seq,) in connection.execute(query, (room, after, to)).fetchall()]


def reader(connection: sqlite3.Connection, room: str, user: str) -> ReaderRecord | None:
    row = connection.execute(
        "SELECT patch, locked, set_by, turn, run_from, covered_to, raw_from, closed_at, read_to, carried, balance"
        " FROM readers"
        " WHERE room = ? AND user = ?",
        (room, user),
    ).fetchone()
    if row is None:
        return None
    patch, locked, *rest, balance = row
    record = ReaderRecord(_read_patch(patch), _read_names(locked), *rest)
    return record if balance is None else replace(record, balance=_read_balance(balance))


def raw_ranges(connection: sqlite3.Connection, room: str, user: str, after: int) -> list[tuple[int, int]]:
    query = "SELECT first, last FROM raw_ranges WHERE room = ? AND user = ? AND last > ? ORDER BY first, last"
    return connection.execute(query, (room, user, after)).fetchall()


def postponed(connection: sqlite3.Connection, room: str, user: str, after: int) -> list[int]:
    query = "SELECT seq FROM postponed WHERE room = ? AND user = ? AND seq > ? ORDER BY seq"
    return [seq for (seq,) in connection.execute(query, (room, user, after)).fetchall()]


def nodes(connection: sqlite3.Connection, room: str) -> list[StoredNode]:
    query = "SELECT name, first, last, gone, body FROM nodes WHERE room = ? ORDER BY first, last, name"
    return [StoredNode(*row) for row in connection.execute(query, (room,)).fetchall()]


def host_actions(
    connection: sqlite3.Connection, room: str, before: int | None, limit: int
) -> list[tuple[int, HostAction]]:
    rows = connection.execute(
        "SELECT number, at, user, what, room, whom, until, note FROM host_actions WHERE room = ? AND number < ?"
        " ORDER BY number DESC LIMIT ?",
        (room, _LARGEST if before is None else before, max(limit, 0)),
    ).fetchall()
    return [(number, HostAction(*action)) for number, *action in reversed(rows)]


def sanctions(connection: sqlite3.Connection, room: str, now: float) -> list[HostAction]:
    rows = connection.execute(
        "SELECT at, user, what, room, whom, until, note FROM host_actions WHERE number IN (SELECT max(number)"
        " FROM host_actions WHERE room = ? AND what IN ('mute', 'kick', 'ban') GROUP BY whom, what)"
        " AND (until IS NULL OR until > ?) ORDER BY number",
        (room, now),
    )
    return [HostAction(*row) for row in rows.fetchall()]


def kept(connection: sqlite3.Connection, kind: str) -> dict[str, bytes]:
    return dict(connection.execute("SELECT name, body FROM kept WHERE kind = ? ORDER BY name", (kind,)).fetchall())


def said_by(connection: sqlite3.Connection, user: str, limit: int) -> list[tuple[str, int]]:
    query = (
        "SELECT room, seq FROM messages WHERE room IN (SELECT room FROM rooms) AND user = ? AND redacted = 0"
        " ORDER BY room, seq LIMIT ?"
    )
    return connection.execute(query, (user, max(limit, 0))).fetchall()


def knows(connection: sqlite3.Connection, room: str, user: str) -> bool:
    spoke, read = (
        "SELECT 1 FROM messages WHERE room = ? AND user = ?",
        "SELECT 1 FROM readers WHERE room = ? AND user = ?",
    )
    found = connection.execute(f"{spoke} UNION ALL {read} LIMIT 1", (room, user, room, user))
    return found.fetchone() is not None


def session(connection: sqlite3.Connection, key: str) -> SessionRecord | None:
    rows = _sessions(connection, "WHERE key = ?", key)
    return rows[0] if rows else None


def sessions_open_since(connection: sqlite3.Connection, closed_after: float) -> list[SessionRecord]:
    return _sessions(connection, "WHERE closed_at IS NULL OR closed_at > ? ORDER BY key", closed_after)


def _sessions(connection: sqlite3.Connection, where: str, *values: Any) -> list[SessionRecord]:
    rows = connection.execute(f"SELECT key, user, name, kind, role, closed_at FROM sessions {where}", values)
    return [SessionRecord(*row) for row in rows.fetchall()]
