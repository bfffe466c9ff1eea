"""The tables of the SQLite log, as the steps that lead from one version of it to the next.

A step is never changed once it was released: a log of any earlier version becomes ours by the steps it lacks.

Tables that hold what people said are ordinary rowid tables, not `WITHOUT ROWID`: there `secure_delete` leaves
no trace of an erased text, while balancing a clustered tree was seen to leave copies in the slack of pages.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE rooms (
    room TEXT PRIMARY KEY, epoch TEXT NOT NULL, head INTEGER NOT NULL DEFAULT 0, last_at REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE messages (
    room TEXT NOT NULL, seq INTEGER NOT NULL, user TEXT NOT NULL, id TEXT NOT NULL,
    mark BLOB NOT NULL,   -- salted sha256 of the content, to tell a repeat from a conflict
    redacted INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,   -- wire.Message
    PRIMARY KEY (room, seq), UNIQUE (room, user, id)
);
CREATE INDEX messages_redacted ON messages (room, seq) WHERE redacted = 1;
CREATE TABLE turns (
    room TEXT NOT NULL, user TEXT NOT NULL, turn INTEGER NOT NULL,
    body BLOB NOT NULL,   -- wire.Turn
    PRIMARY KEY (room, user, turn)
);
CREATE TABLE turn_sources (  -- message (room, seq) is cited by that turn, which may be of another room
    room TEXT NOT NULL, seq INTEGER NOT NULL, turn_room TEXT NOT NULL, user TEXT NOT NULL, turn INTEGER NOT NULL,
    PRIMARY KEY (room, seq, turn_room, user, turn)
) WITHOUT ROWID;
CREATE TABLE readers (
    room TEXT NOT NULL, user TEXT NOT NULL,
    patch BLOB NOT NULL, locked BLOB NOT NULL, set_by TEXT NOT NULL,
    turn INTEGER NOT NULL, run_from INTEGER NOT NULL, covered_to INTEGER NOT NULL,
    raw_from INTEGER, closed_at REAL,
    PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE TABLE raw_ranges (
    room TEXT NOT NULL, user TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (room, user, first, last)
) WITHOUT ROWID;
CREATE TABLE postponed (
    room TEXT NOT NULL, user TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, user, seq)
) WITHOUT ROWID;
CREATE TABLE sessions (
    key TEXT PRIMARY KEY, user TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, role TEXT NOT NULL, closed_at REAL
) WITHOUT ROWID;
CREATE INDEX sessions_closed ON sessions (closed_at);
"""

_NODES = """
CREATE TABLE nodes (  -- what a mediator keeps of the messages first..last; a cache: the log alone makes them again
    room TEXT NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, gone INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, name)
);
CREATE INDEX nodes_messages ON nodes (room, first, last);
ALTER TABLE readers ADD COLUMN read_to INTEGER NOT NULL DEFAULT 0;
"""

_HOST_ACTIONS = """
CREATE TABLE host_actions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, room TEXT NOT NULL,
    user TEXT NOT NULL,   -- who did it
    what TEXT NOT NULL, whom TEXT NOT NULL, until REAL, note TEXT NOT NULL
);
CREATE INDEX host_actions_room ON host_actions (room, number);
"""

_KEPT = """
CREATE TABLE kept (   -- small records of the server's own: tokens, rooms that hosts made, who is invited
    kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, name)
);
"""

_BALANCE = """
ALTER TABLE readers ADD COLUMN balance BLOB;   -- mediation.Balance
"""

_CARRIED = """
ALTER TABLE readers ADD COLUMN carried BLOB NOT NULL DEFAULT x'';   -- see alex.carried
"""

STEPS = (_FIRST, _NODES, _HOST_ACTIONS, _KEPT, _BALANCE, _CARRIED)
VERSION = len(STEPS)
