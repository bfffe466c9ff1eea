"""Many drafts at once, in as few statements as there can be: what the writing thread does most.

Each statement hands the interpreter to whoever wants it and has to get it back afterwards, which takes up to five
milliseconds while the loop is busy. One statement for each message (it was five) made a batch of 256 last 27 ms of
which the disk took 4; the profile showed a thread waiting. So all rows of a batch go in as one statement, and what must
be known of a room is read once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from cadence.rooms.log import Appended, Draft
from cadence.rooms.log.rows import fingerprint, to_message
from cadence.rooms.log.schema import Store
from cadence.rooms.wire import Message, encode

# Rows of one statement, largest first. A few sizes only: each is another statement that SQLite keeps prepared.
ROWS_AT_ONCE = (128, 32, 8, 1)
State = tuple[str, int, float]  # epoch, head (-1: no such room) and the last `at` of a room
Row = tuple[Any, ...]


def inserting(head: str, row: str, tail: str = "") -> dict[int, str]:
    """Statements that insert rows of the shape `row`, by how many of them; for `insert_all`."""
    return {size: f"{head} {', '.join([row] * size)} {tail}" for size in ROWS_AT_ONCE}


_MESSAGES = inserting("INSERT INTO messages (room, seq, user, id, mark, body) VALUES", "(?, ?, ?, ?, ?, ?)")


def append_all(store: Store, drafts: Sequence[Draft]) -> list[Appended] | None:
    """Append `drafts`, all new and all of rooms that are open, in order; None, and nothing is done, if one is not.

    A repeat is found by the index that forbids it, so that nobody pays for looking who does not repeat.
    """
    heads = {room: _state(store, room) for room in dict.fromkeys(draft.room for draft in drafts)}
    try:
        messages, rows = _compose(store.salt, drafts, heads)
    except (LookupError, ValueError):  # an unknown room, or half a character: it fails alone, the others do not
        return None
    store.execute("SAVEPOINT drafts")
    try:
        insert_all(store, _MESSAGES, rows)
    except sqlite3.IntegrityError:
        store.execute("ROLLBACK TO drafts")
        store.execute("RELEASE drafts")
        return None
    store.executemany(
        "UPDATE rooms SET head = ?, last_at = ? WHERE room = ?",
        [(head, last_at, room) for room, (_, head, last_at) in heads.items()],
    )
    store.execute("RELEASE drafts")
    return [Appended(message, duplicate=False) for message in messages]


def _state(store: Store, room: str) -> State:
    found: State | None = store.execute("SELECT epoch, head, last_at FROM rooms WHERE room = ?", (room,)).fetchone()
    return found or ("", -1, 0.0)


def _compose(salt: bytes, drafts: Sequence[Draft], heads: dict[str, State]) -> tuple[list[Message], list[Row]]:
    """The messages that `drafts` become, and their rows; `heads` follow."""
    messages, rows = list[Message](), list[Row]()
    for draft in drafts:
        epoch, head, last_at = heads[draft.room]
        if head < 0:
            raise LookupError(draft.room)
        at = max(draft.at, last_at)
        heads[draft.room] = (epoch, head + 1, at)
        message = to_message(draft, epoch, head + 1, at)
        messages.append(message)
        rows.append((draft.room, message.seq, draft.author.id, draft.id, fingerprint(salt, draft), encode(message)))
    return messages, rows


def insert_all(store: Store, statements: dict[int, str], rows: Sequence[Row]) -> None:
    """Insert all rows, by few statements."""
    done = 0
    for size, statement in statements.items():
        while len(rows) - done >= size:
            store.execute(statement, [value for row in rows[done : done + size] for value in row])
            done += size
