"""Files of an alloy: loading one, hashing others in pieces, and never leaving the folder they are said to be in."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path, PurePosixPath

from cadence.factory.alloy import document
from cadence.factory.alloy.document import BYTES_MAX, Document, DocumentError
from cadence.factory.alloy.rules import escapes

PIECE_BYTES = 2**20


class EscapeError(ValueError):
    """A path in an alloy that leads out of the folder it is relative to."""


def load(path: Path) -> Document:
    """Read the alloy at `path`, at most 8 MiB of it; raises `DocumentError` for anything that is no readable alloy."""
    name = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # before opening it: a pipe would wait for whoever writes
            why = "Pipes, devices and folders have no bytes that stay the same"
            raise DocumentError(name, 0, 0, (), "expected a file, this is something else", why, "Name the file itself")
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        what = f"expected a readable file: {error.strerror or type(error).__name__}"
        raise DocumentError(name, 0, 0, (), what, "Nothing was checked", "Check the path and its rights") from None
    return document.read(raw, name=name)


def inside(folder: Path, relative: str) -> Path:
    """The file that an alloy calls `relative`; raises `EscapeError` where it would lie outside of `folder`.

    Refused are names that lead out on any system, and every symbolic link on the way: a link inside of a model folder
    may point anywhere, also at a file that only looks like the one that was hashed.
    """
    parts = PurePosixPath(relative).parts
    if not parts or escapes(relative):
        raise EscapeError(f"expected a path inside of the folder, got {relative[:80]!r}. Name files relative to it")
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise EscapeError(
                f"expected a file, {relative[:80]!r} goes through a symbolic link. Put the file itself there"
            )
    return path


def digest(path: Path) -> str:
    """SHA-256 of a file as 64 hex digits, read in pieces of 1 MiB; raises `OSError`."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            total.update(piece)
    return total.hexdigest()
