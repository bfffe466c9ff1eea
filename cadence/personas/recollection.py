"""What minds keep on disk, so that a restart finds them as they were: one small file each, and one of the room.

    DATA/minds/ROOM.ID.json      what the mind settled, and what it decided to say and does not know to be said
    DATA/minds/ROOM.chronicle    the pyramid of what was said; the log has the words

Files are written beside and moved into place. They survive a killed process; after a power cut the last thought may be
begun again. A file that cannot be read is like none: the mind then begins with what is said from now on.
"""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from cadence.personas.chronicle import Chronicle, Stored
from cadence.personas.play import Speak
from cadence.personas.thoughts import Memory

KEEP_SECONDS = 2.0  # what only says how far a mind has come is written so often at most

log = structlog.get_logger(__name__)


class _Kept(Struct, frozen=True):
    epoch: str
    settled: int
    pending: Speak | None = None


class MindFile:
    """The file of one mind. `path` None keeps nothing (tests, benchmarks)."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._epoch = ""
        self._kept: Memory | None = None
        self._at = 0.0

    def load(self, epoch: str, head: int) -> Memory:
        """What an earlier life left in this log; a mind that is new here begins with what is said after `head`."""
        self._epoch = epoch
        try:
            raw = self._path.read_bytes() if self._path is not None else b""
            kept = msgspec.json.decode(raw, type=_Kept) if raw else None
        except FileNotFoundError:
            kept = None
        except (OSError, ValueError) as error:
            log.warning("a mind's memory cannot be read", file=str(self._path), why=str(error))
            kept = None
        if kept is None or kept.epoch != epoch or kept.settled > head:
            return Memory(head)
        return Memory(kept.settled, kept.pending)

    def keep(self, memory: Memory, *, at_once: bool = False) -> None:
        """Write `memory`, if it is another one; unless `at_once`, not too often."""
        now = time.monotonic()
        if self._path is None or memory == self._kept or (not at_once and now - self._at < KEEP_SECONDS):
            return
        body = msgspec.json.encode(_Kept(self._epoch, memory.settled, memory.pending))
        if _write(self._path, body):
            self._kept, self._at = memory, now


def load_chronicle(path: Path | None, room: str) -> Chronicle | None:
    """The chronicle of a room as an earlier run left it, of whatever log that was; None if there is none."""
    try:
        raw = path.read_bytes() if path is not None else b""
        if raw:
            kept = msgspec.msgpack.decode(raw, type=Stored)
            return Chronicle(room, kept.epoch, kept.bodies, first=kept.first, gone=kept.gone)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("what minds know of a room is built again", file=str(path), why=str(error))
    return None


def save_chronicle(path: Path | None, stored: Stored) -> None:
    """Write a chronicle."""
    if path is not None:
        _write(path, msgspec.msgpack.encode(stored))


def forget_chronicle(path: Path | None) -> None:
    """Remove a chronicle from the disk: it knows words that were taken back. What is in memory is stored again."""
    if path is not None:
        path.unlink(missing_ok=True)


def _write(path: Path, body: bytes) -> bool:
    beside = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.write_bytes(body)
        beside.replace(path)
    except OSError as error:
        log.warning("what a mind remembers could not be written", file=str(path), why=str(error))
        return False
    return True
