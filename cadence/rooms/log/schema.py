"""The file of the SQLite log: whose it is, and how it is opened, brought up to date and held."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from cadence.rooms.log import LogError, LogNewer, LogUnavailable
from cadence.rooms.log.rows import SALT_BYTES
from cadence.rooms.log.tables import STEPS, VERSION

APPLICATION_ID = 0x43414443  # "CADC": tells our file from any other database
BUSY_MS_MAX = 1000  # how long one statement waits for a stranger's lock (a backup, a shell)


class Store(sqlite3.Connection):
    """The one connection that writes."""

    salt: bytes = b""
    newest: float = 0.0  # the newest time in it when it was opened
    erased: bool = False  # a redaction is in the open transaction; its text is still in the write-ahead file


def open_store(path: Path, now: float, *, keep: bool = True) -> Store:
    """Open the log for writing, made if absent; who was connected at a crash was closed at `now`.

    A log of an earlier version is brought up to ours, and copied before unless `keep` is false.

    Raises `LogNewer`, `LogUnavailable`, or `LogError` for a file that is no log; then the file is as it was.
    """
    try:
        _make_private(path)
        store = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Store)
    except (OSError, sqlite3.Error) as error:
        raise _cannot_open(path, error) from error
    try:
        version = _version(store, path)
        _configure(store)
        if keep and 0 < version < VERSION:
            copy_to(store, before_step(path, version))
        store.execute("BEGIN IMMEDIATE")
        _bring_up(store, version)
        store.newest = newest(store)
        for table in ("readers", "sessions"):
            store.execute(f"UPDATE {table} SET closed_at = ? WHERE closed_at IS NULL", (max(now, store.newest),))
        store.salt = store.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()[0]
        store.execute("COMMIT")
        empty_wal(store)  # a crash right after a redaction leaves the old text there
        return store
    except (OSError, sqlite3.Error) as error:
        store.close()
        raise _cannot_open(path, error) from error
    except BaseException:
        store.close()
        raise


def newest(store: sqlite3.Connection) -> float:
    """The newest time in a log: of its messages, and of when readers and sessions closed."""
    kept = (("last_at", "rooms"), ("closed_at", "readers"), ("closed_at", "sessions"))
    times = [store.execute(f"SELECT max({column}) FROM {table}").fetchone()[0] for column, table in kept]
    return max((float(at) for at in times if at is not None), default=0.0)


def open_reading(path: Path) -> sqlite3.Connection:
    """A second connection to a log that is open, for reading only."""
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS_MAX}")
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise _cannot_open(path, error) from error
    return connection


def look_into(path: Path) -> sqlite3.Connection:
    """A connection that reads a log which may be in use, or not be ours at all; raises `LogError`.

    A log of an older version is opened as it is.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise LogUnavailable(f"expected a Cadence log at {path}, got no file that can be opened") from error
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS_MAX}")
        if _version(connection, path) == 0:
            raise _not_ours(path, "an empty database")
        connection.execute("PRAGMA query_only = ON")
        return connection
    except sqlite3.Error as error:
        connection.close()
        raise _cannot_open(path, error) from error
    except BaseException:
        connection.close()
        raise


def hold(path: Path) -> sqlite3.Connection:
    """Keep every other process from opening the log, until the returned connection is closed or we die.

    Two servers on one log would each think the other's readers gone. The lock is on a file beside the log,
    through SQLite because that is the one lock that works alike on every system.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        _make_private(beside)
        lock = sqlite3.connect(beside, isolation_level=None, check_same_thread=False, timeout=0)
    except (OSError, sqlite3.Error) as error:
        raise _cannot_open(beside, error) from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise _cannot_open(beside, error) from error
        raise LogUnavailable(
            f"expected to be the only one to open `{path.name}`, but another server holds it:"
            " stop that one, use another folder for the data, or let both share their rooms by --redis"
        ) from error
    return lock


def before_step(path: Path, version: int) -> Path:
    """Where the log is copied to before it is brought up from `version`."""
    return path.with_name(f"{path.name}.version-{version}")


def copy_to(connection: sqlite3.Connection, path: Path) -> None:
    """Write the whole log as of now into a new file that is on disk when this returns; an older file there is replaced.

    Safe while others write. Raises `sqlite3.Error` or `OSError`; then there is no new file.
    """
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    _make_private(part)
    try:
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, whole without a write-ahead file beside it
        finally:
            copy.close()
        sync(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def empty_wal(store: sqlite3.Connection) -> None:
    """Move the write-ahead file into the database and cut it to nothing, unless someone is reading from it."""
    try:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        # What was committed stays so. The old pages are overwritten by a later checkpoint, at the latest by the
        # one that closes or opens the log.
        pass


def _make_private(path: Path) -> None:
    # Before SQLite does, which would let everyone read it; its other files inherit the mode of the first.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # has no handle that can be synced
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _version(store: sqlite3.Connection, path: Path) -> int:
    """0 for an empty file, else the version; refuses what is not ours before a byte is changed."""
    (version,) = store.execute("PRAGMA user_version").fetchone()
    (owner,) = store.execute("PRAGMA application_id").fetchone()
    (tables,) = store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (owner or version or tables):
        raise _not_ours(path, "another program's database")
    if version > VERSION:
        raise LogNewer(
            f"expected version {VERSION} or older of the log `{path.name}`, got version {version}, written by a newer"
            " Cadence: update this one, or use another folder for the data"
        )
    return int(version)


def _configure(store: Store) -> None:
    store.execute(f"PRAGMA busy_timeout = {BUSY_MS_MAX}")
    store.execute("PRAGMA temp_store = MEMORY")  # images of pages with text in them stay out of the system's /tmp
    store.execute("PRAGMA secure_delete = ON")
    (mode,) = store.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"no write-ahead log on this file system (journal mode `{mode}`)")
    store.execute("PRAGMA synchronous = FULL")  # an fsync per commit; NORMAL would lose the last ones with the power
    store.execute("PRAGMA fullfsync = ON")  # where a plain fsync does not reach the disk (macOS)


def _bring_up(store: Store, version: int) -> None:
    """From `version` to ours, within the open transaction."""
    for step in STEPS[version:]:
        for statement in step.split(";\n"):
            if statement.strip():
                store.execute(statement)
    if version == 0:
        store.execute("INSERT INTO facts (name, value) VALUES ('salt', ?)", (secrets.token_bytes(SALT_BYTES),))
        store.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.execute(f"PRAGMA user_version = {VERSION}")


def _cannot_open(path: Path, error: Exception) -> LogError:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return _not_ours(path, "something else")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return LogUnavailable(f"expected to open `{path.name}` for writing, got: {reason}; check its folder and the disk")


def _not_ours(path: Path, what: str) -> LogError:
    return LogError(f"expected a Cadence log in `{path.name}`, got {what}: move it away, or use another folder")
