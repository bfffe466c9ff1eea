"""What the writing thread does: one transaction for all who wait, one savepoint for each.

A request that fails for its own reason (another content under a used id) is undone alone. A store that
refuses (full, read-only, broken) fails the whole batch, and nothing of it is kept.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec

from cadence.rooms.log import (
    Appended,
    Draft,
    HostAction,
    LogUnavailable,
    ReaderRecord,
    RoomState,
    SessionRecord,
    StoredNode,
)
from cadence.rooms.log.appending import append_all
from cadence.rooms.log.lane import Outcome
from cadence.rooms.log.reads import read_message, read_turn
from cadence.rooms.log.rows import conflict, fingerprint, to_message, unknown_room
from cadence.rooms.log.schema import Store, empty_wal
from cadence.rooms.log.turning import AppendTurn, append_turns
from cadence.rooms.wire import encode

# The other sqlite3 errors speak of the store, these of what one request wanted from it.
_OWN_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)


def commit_together(store: Store, works: Sequence[Callable[[Store], Any]]) -> list[Outcome]:
    """Run `works` in order in one transaction; every outcome is final: committed, or not kept at all."""
    try:
        store.execute("BEGIN IMMEDIATE")
        outcomes = [outcome for run in _runs(works) for outcome in _run(store, run)]
        store.execute("COMMIT")
    except sqlite3.Error as error:
        if store.in_transaction:  # a full disk may have ended it already
            with suppress(sqlite3.Error):
                store.execute("ROLLBACK")
        refusal = f"expected to commit to the log, got: {error}; nothing was kept, try again"
        return [Outcome(error=LogUnavailable(refusal)) for _ in works]
    if store.erased:
        empty_wal(store)
        store.erased = False
    return outcomes


def _runs(works: Sequence[Callable[[Store], Any]]) -> Iterator[list[Callable[[Store], Any]]]:
    """What can be done together and follows one another, everything else alone; the order stays."""
    for kind, run in groupby(works, type):
        if kind in (Append, AppendTurn):
            yield list(run)
        else:
            yield from ([work] for work in run)


def _run(store: Store, works: Sequence[Callable[[Store], Any]]) -> list[Outcome]:
    if len(works) > 1:
        drafts = [work.draft for work in works if isinstance(work, Append)]
        appended = append_all(store, drafts) if drafts else None
        if appended is not None:
            return [Outcome(each) for each in appended]
        turns = [work for work in works if isinstance(work, AppendTurn)]
        if turns and _appended(store, turns):
            return [Outcome() for _ in turns]
    return [_alone(store, work) for work in works]


def _appended(store: Store, works: Sequence[AppendTurn]) -> bool:
    """Append turns together; False, and nothing is done, if one of them is refused or a reader has two."""
    if len({(work.turn.room, work.user) for work in works}) < len(works):
        return False
    done = _alone(store, lambda store: append_turns(store, works))
    return done.error is None


def _alone(store: Store, work: Callable[[Store], Any]) -> Outcome:
    store.execute("SAVEPOINT request")
    try:
        outcome = Outcome(work(store))
    except Exception as error:
        if isinstance(error, sqlite3.Error) and not isinstance(error, _OWN_FAULTS):
            raise
        store.execute("ROLLBACK TO request")
        outcome = Outcome(error=error)
    store.execute("RELEASE request")
    return outcome


def open_room(store: Store, room: str) -> RoomState:
    store.execute("INSERT OR IGNORE INTO rooms (room, epoch) VALUES (?, ?)", (room, secrets.token_hex(8)))
    return RoomState(*store.execute("SELECT epoch, head FROM rooms WHERE room = ?", (room,)).fetchone())


@dataclass(frozen=True, slots=True)
class Append:
    """The work of appending `draft`, which may be done together with that of others."""

    draft: Draft

    def __call__(self, store: Store) -> Appended:
        return append(store, self.draft)


def append(store: Store, draft: Draft) -> Appended:
    mark = fingerprint(store.salt, draft)
    said = store.execute(
        "SELECT mark, body FROM messages WHERE room = ? AND user = ? AND id = ?",
        (draft.room, draft.author.id, draft.id),
    ).fetchone()
    if said is not None:
        if said[0] != mark:
            raise conflict(draft)
        return Appended(read_message(said[1]), duplicate=True)
    found = store.execute("SELECT epoch, head, last_at FROM rooms WHERE room = ?", (draft.room,)).fetchone()
    if found is None:
        raise unknown_room(draft.room)
    epoch, head, last_at = found
    message = to_message(draft, epoch, head + 1, at := max(draft.at, last_at))
    store.execute(
        "INSERT INTO messages (room, seq, user, id, mark, body) VALUES (?, ?, ?, ?, ?, ?)",
        (draft.room, message.seq, draft.author.id, draft.id, mark, encode(message)),
    )
    store.execute("UPDATE rooms SET head = ?, last_at = ? WHERE room = ?", (message.seq, at, draft.room))
    return Appended(message, duplicate=False)


def erase(store: Store, room: str, seqs: Sequence[int]) -> list[int]:
    return [seq for seq in sorted(set(seqs)) if _erase_one(store, room, seq)]


def _erase_one(store: Store, room: str, seq: int) -> bool:
    found = store.execute(
        "SELECT body FROM messages WHERE room = ? AND seq = ? AND redacted = 0", (room, seq)
    ).fetchone()
    if found is None:
        return False
    erased = encode(read_message(found[0]).erased())
    store.execute("UPDATE messages SET redacted = 1, body = ? WHERE room = ? AND seq = ?", (erased, room, seq))
    citing = store.execute(
        "SELECT t.rowid, t.body FROM turn_sources AS s"
        " JOIN turns AS t ON t.room = s.turn_room AND t.user = s.user AND t.turn = s.turn"
        " WHERE s.room = ? AND s.seq = ?",
        (room, seq),
    ).fetchall()
    for rowid, body in citing:
        store.execute(
            "UPDATE turns SET body = ? WHERE rowid = ?", (encode(read_turn(body).without([(room, seq)])), rowid)
        )
    store.execute("DELETE FROM nodes WHERE room = ? AND first <= ? AND last >= ?", (room, seq, seq))
    store.erased = True
    return True


def save_reader(store: Store, room: str, user: str, record: ReaderRecord) -> None:
    store.execute(
        "INSERT OR REPLACE INTO readers (room, user, patch, locked, set_by, turn, run_from, covered_to, raw_from,"
        " closed_at, read_to, balance, carried) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            room,
            user,
            encode(record.patch),
            msgspec.json.encode(record.locked),
            record.set_by,
            record.turn,
            record.run_from,
            record.covered_to,
            record.raw_from,
            record.closed_at,
            record.read_to,
            None if record.balance is None else msgspec.json.encode(record.balance),
            record.carried,
        ),
    )


def add_raw_range(store: Store, room: str, user: str, first: int, last: int) -> None:
    store.execute(
        "INSERT OR IGNORE INTO raw_ranges (room, user, first, last) VALUES (?, ?, ?, ?)", (room, user, first, last)
    )


def add_postponed(store: Store, room: str, user: str, seqs: Sequence[int]) -> None:
    store.executemany(
        "INSERT OR IGNORE INTO postponed (room, user, seq) VALUES (?, ?, ?)", [(room, user, seq) for seq in seqs]
    )


def save_nodes(store: Store, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None:
    store.executemany("DELETE FROM nodes WHERE room = ? AND name = ?", [(room, name) for name in dropped])
    store.executemany(
        # Made before a redaction, committed after it: what it said must not come back.
        "INSERT OR REPLACE INTO nodes (room, name, first, last, gone, body) SELECT ?, ?, ?, ?, ?, ?"
        " WHERE (SELECT count(*) FROM messages WHERE room = ? AND redacted = 1 AND seq BETWEEN ? AND ?) <= ?",
        [
            (room, node.name, node.first, node.last, node.gone, node.body, room, node.first, node.last, node.gone)
            for node in kept
        ],
    )


def save_session(store: Store, record: SessionRecord) -> None:
    store.execute(
        "INSERT OR REPLACE INTO sessions (key, user, name, kind, role, closed_at) VALUES (?, ?, ?, ?, ?, ?)",
        (record.key, record.user, record.name, record.kind, record.role, record.closed_at),
    )


def keep(store: Store, kind: str, name: str, body: bytes | None) -> None:
    if body is None:
        store.execute("DELETE FROM kept WHERE kind = ? AND name = ?", (kind, name))
    else:
        store.execute("INSERT OR REPLACE INTO kept (kind, name, body) VALUES (?, ?, ?)", (kind, name, body))


def record(store: Store, action: HostAction) -> None:
    store.execute(
        "INSERT INTO host_actions (at, user, what, room, whom, until, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (action.at, action.by, action.what, action.room, action.whom, action.until, action.note),
    )
