"""Reads what lies in a model's folder: every file's hash and size, and the content of the small ones that gates read.

Symbolic links, devices and pipes are refused by name, since what they lead to can change after it was hashed. Files are
hashed in pieces, so that memory does not grow with the model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cadence.factory.alloy.files import digest
from cadence.factory.alloy.gates.verdict import FileFact

__all__ = ["CONTENT_BYTES_MAX", "FILES_MAX", "BundleError", "read_bundle"]

FILES_MAX = 10_000
DEPTH_MAX = 16  # folders within folders
CONTENT_BYTES_MAX = 8 * 2**20  # of one file that is kept in memory
KEPT = (".jsonl",)


class BundleError(ValueError):
    """A folder that cannot be read as a bundle: what stands in the way, and what to do."""


def read_bundle(folder: Path) -> dict[str, FileFact]:
    """Every file below `folder` by its path with slashes; raises `BundleError`."""
    if not folder.is_dir():
        raise BundleError(f"expected a folder with the model's files, got {folder}. Name the folder")
    found: dict[str, FileFact] = {}
    for path in _walk(folder, 0):
        if len(found) == FILES_MAX:
            raise BundleError(f"expected at most {FILES_MAX} files, {folder} has more. Name the model's own folder")
        found[path.relative_to(folder).as_posix()] = _fact(path)
    return found


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    if depth > DEPTH_MAX:
        raise BundleError(f"expected at most {DEPTH_MAX} folders within each other below {folder}. Name another folder")
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise BundleError(f"cannot read {folder}: {error.strerror}. Check its rights") from None
    for entry in entries:
        if entry.is_symlink():
            raise BundleError(f"expected files, {entry.path} is a symbolic link. Put the file itself there")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), depth + 1)
        elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
            yield Path(entry.path)
        else:
            raise BundleError(f"expected files, {entry.path} is something else. Remove it")


def _fact(path: Path) -> FileFact:
    try:
        size = path.stat().st_size
        small = path.suffix in KEPT and size <= CONTENT_BYTES_MAX
        return FileFact(digest(path), size, path.read_bytes() if small else None)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}. Check its rights") from None
