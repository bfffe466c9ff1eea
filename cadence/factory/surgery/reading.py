"""Reads pieces of large files past the system's cache, where the file system allows it.

A checkpoint is read once, and most often is larger than memory. To go through the cache costs a page of memory for
each page read, a copy of it, and other programs' pages; on the machine where this was measured 11 s of processor
time for 8.6 GB, where reading past it took 0.6 s and half the time.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cadence.models.checkpoint import CheckpointError, Tensor

PIECE_BYTES = 4 * 2**20  # given out at once; a multiple of every width, so that no weight is cut in two
LEAST_BYTES = 2**17  # read at once, though fewer are asked for: what lies behind is often asked for next
ALIGNED_BYTES: Final = 4_096  # offsets and sizes that every disk takes without its cache
DIRECT: Final = getattr(os, "O_DIRECT", 0)  # not everywhere


class Reader:
    """The files of one folder, through one buffer. A view holds until the next is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, int] = {}
        self._buffer = memoryview(mmap.mmap(-1, PIECE_BYTES + 2 * ALIGNED_BYTES))  # begins at a page, as it must
        self._file = ""  # whose bytes from _begin to _end the buffer holds
        self._begin = self._end = 0

    def pieces(self, tensor: Tensor, begin: int, end: int) -> Iterator[memoryview]:
        """The bytes from `begin` to `end` of the file that `tensor` lies in, at most PIECE_BYTES at once.

        Raises CheckpointError for a file that ends too early, OSError where the disk refuses.
        """
        for at in range(begin, end, PIECE_BYTES):
            yield self._piece(tensor, at, min(at + PIECE_BYTES, end))

    def close(self) -> None:
        """Close every file."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _piece(self, tensor: Tensor, begin: int, end: int) -> memoryview:
        if self._file != tensor.file or begin < self._begin or end > self._end:
            self._fill(tensor, begin, end)
        return self._buffer[begin - self._begin : end - self._begin]

    def _fill(self, tensor: Tensor, begin: int, end: int) -> None:
        start = begin - begin % ALIGNED_BYTES
        stop = max(end, start + min(LEAST_BYTES, PIECE_BYTES))
        stop += -stop % ALIGNED_BYTES
        self._file, self._begin, self._end = tensor.file, start, start
        while self._end < end:
            got = self._read(tensor.file, self._buffer[self._end - start : stop - start], self._end)
            self._end += got
            if self._end < end and (not got or self._end % ALIGNED_BYTES):
                fault = "the file ends inside of this tensor, though its header was whole"
                raise CheckpointError(tensor.file, fault, "download it again", tensor.name)

    def _read(self, name: str, into: memoryview, at: int) -> int:
        if name not in self._files:
            self._files[name] = _open(self._folder / name, DIRECT)
        try:
            return os.preadv(self._files[name], [into], at)
        except OSError as error:
            if error.errno != errno.EINVAL or not DIRECT:
                raise
        os.close(self._files.pop(name))  # opened past the cache, though this file system cannot read so
        self._files[name] = _open(self._folder / name, 0)
        return os.preadv(self._files[name], [into], at)


def _open(path: Path, direct: int) -> int:
    try:
        return os.open(path, os.O_RDONLY | direct)
    except OSError as error:
        if error.errno != errno.EINVAL or not direct:
            raise
    return os.open(path, os.O_RDONLY)


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    """A reader of the files in `folder`, closed at the end."""
    reader = Reader(folder)
    try:
        yield reader
    finally:
        reader.close()
