"""Turns into the log, many at once: readers who look together are shown something together.

A turn alone took eight statements, each of which hands the interpreter away and has to get it back (see `appending`).
Before a thousand readers the writing thread was half of what the server spent on a turn, some 200 us. All turns of a
batch share them, and of a reader's record only what a turn changes is read and written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cadence.rooms.log import LogConflict, ReaderRecord
from cadence.rooms.log.appending import Row, insert_all, inserting
from cadence.rooms.log.rows import Cited, cited, next_record, unknown_room
from cadence.rooms.log.schema import Store
from cadence.rooms.wire import Turn, ViewPatch, encode

KEYS_AT_ONCE = (1, 8, 64)  # looked up by one statement; a few sizes only, as with `ROWS_AT_ONCE`


def _looking_up(query: str) -> dict[int, str]:
    return {size: f"{query} IN ({', '.join(['?'] * size)})" for size in KEYS_AT_ONCE}


_READERS = _looking_up("SELECT user, turn, covered_to, carried FROM readers WHERE room = ? AND user")
_REDACTED = _looking_up("SELECT seq FROM messages WHERE room = ? AND redacted = 1 AND seq")
_TURNS = inserting("INSERT INTO turns (room, user, turn, body) VALUES", "(?, ?, ?, ?)")
_SOURCES = inserting("INSERT INTO turn_sources (room, seq, turn_room, user, turn) VALUES", "(?, ?, ?, ?, ?)")
_FRESH = ReaderRecord()  # of whom nothing is stored but turns
_RECORDS = inserting(
    "INSERT INTO readers (room, user, turn, covered_to, carried, patch, locked, set_by, run_from) VALUES",
    f"(?, ?, ?, ?, ?, x'{encode(ViewPatch()).hex()}', x'{msgspec.json.encode(_FRESH.locked).hex()}', '', 0)",
    "ON CONFLICT (room, user) DO UPDATE"
    " SET turn = excluded.turn, covered_to = excluded.covered_to, carried = excluded.carried",
)


@dataclass(frozen=True, slots=True)
class AppendTurn:
    """The work of appending a turn, which may be done together with that of other readers; see `Log.append_turn`."""

    user: str
    turn: Turn
    carried: bytes | None = None

    def __call__(self, store: Store) -> None:
        append_turns(store, [self])


def append_turns(store: Store, works: Sequence[AppendTurn]) -> None:
    """Append the next turn of each of these readers, no two of whom are the same.

    Raises `LogError` for a room that has no log, `LogConflict` for a turn that is not the next or is stored already.
    What was written by then is to be undone, and does not tell whose fault it was.
    """
    for room in dict.fromkeys(work.turn.room for work in works):
        if store.execute("SELECT 1 FROM rooms WHERE room = ?", (room,)).fetchone() is None:
            raise unknown_room(room)
    records = _records(store, works)
    sources = [sorted(cited(work.turn)) for work in works]
    # Composed before a redaction, committed after it: the text must not come back.
    gone = _redacted(store, {source for each in sources for source in each})
    turns, kept, citing = list[Row](), list[Row](), list[Row]()
    for work, each in zip(works, sources, strict=True):
        user, turn = work.user, work.turn
        after = next_record(records.get((turn.room, user)), user, turn, work.carried)
        shown = turn.without([source for source in each if source in gone]) if gone else turn
        turns.append((turn.room, user, turn.turn, encode(shown)))
        kept.append((turn.room, user, after.turn, after.covered_to, after.carried))
        citing += [(room, seq, turn.room, user, turn.turn) for room, seq in each]
    try:
        insert_all(store, _TURNS, turns)
    except sqlite3.IntegrityError:
        one = works[0]
        raise LogConflict(
            f"expected a turn that is not stored, got turn {one.turn.turn} of `{one.user}` again"
        ) from None
    insert_all(store, _SOURCES, citing)
    insert_all(store, _RECORDS, kept)


def _records(store: Store, works: Sequence[AppendTurn]) -> dict[tuple[str, str], ReaderRecord]:
    """Of each reader who is stored, as far as a turn changes it."""
    found: dict[tuple[str, str], ReaderRecord] = {}
    for room, users in _by_room((work.turn.room, work.user) for work in works).items():
        for user, turn, covered_to, carried in _looked_up(store, _READERS, room, users):
            found[room, user] = ReaderRecord(turn=turn, covered_to=covered_to, carried=carried)
    return found


def _redacted(store: Store, sources: Iterable[Cited]) -> set[Cited]:
    return {
        (room, seq) for room, seqs in _by_room(sources).items() for (seq,) in _looked_up(store, _REDACTED, room, seqs)
    }


def _by_room(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for room, key in pairs:
        found.setdefault(room, []).append(key)
    return found


def _looked_up(store: Store, queries: dict[int, str], room: str, keys: Sequence[Any]) -> list[Row]:
    """The rows of these keys of a room; where there is no statement for so few, a key is asked for again."""
    rows: list[Row] = []
    for first in range(0, len(keys), KEYS_AT_ONCE[-1]):
        some = list(keys[first : first + KEYS_AT_ONCE[-1]])
        size = next(size for size in KEYS_AT_ONCE if size >= len(some))
        rows += store.execute(queries[size], [room, *some, *[some[-1]] * (size - len(some))]).fetchall()
    return rows
