"""Copies ranges of bytes into a new file, and looks at each weight in passing: none may be NaN or infinite.

One buffer of four megabytes serves a file of any size. While the next megabytes are copied, a thread hands those
already written to the disk, so that making the file durable costs little more than writing it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cadence.factory.surgery.layout import Shard
from cadence.factory.surgery.reading import reading
from cadence.models.checkpoint import CheckpointError, Tensor

SYNC_BYTES = 128 * 2**20  # written between two hand-overs to the disk

_sync = getattr(os, "fdatasync", os.fsync)  # not everywhere

# Types that can hold NaN, as integers of their width: the smallest pattern that is not finite, without and with sign.
# Read as signed numbers those without sign lie above all others, read as unsigned ones those with it do.
NOT_FINITE = {
    "F64": (np.int64, 0x7FF0_0000_0000_0000),
    "F32": (np.int32, 0x7F80_0000),
    "F16": (np.int16, 0x7C00),
    "BF16": (np.int16, 0x7F80),
    "F8_E5M2": (np.int8, 0x7C),
    "F8_E4M3": (np.int8, 0x7F),
}


def copy_shard(
    source: Path, shard: Shard, out: Path, *, check: bool = True, wrote: Callable[[int], None] = lambda nbytes: None
) -> None:
    """Write `shard` to `out`, durably: under another name first, so that `out` is whole or not there.

    Reads the files of `source` forwards; `wrote` hears of bytes, some megabytes at a time. Raises CheckpointError for
    a weight that is NaN or infinite (unless `check` is off) and for a file that ends too early; OSError where the disk
    refuses. Neither leaves `out` behind.
    """
    with durable(out) as to, _Writer(to, wrote) as writer, reading(source) as reader:
        writer.write(shard.head)
        for cut in shard.cuts:
            for begin, length in cut.ranges:
                for piece in reader.pieces(cut.source, begin, begin + length):
                    if check:
                        check_finite(piece, cut.source)
                    writer.write(piece)


def check_finite(weights: memoryview, tensor: Tensor) -> None:
    """Raise CheckpointError if one of `weights`, some of `tensor`'s, is NaN or infinite."""
    if (kind := NOT_FINITE.get(tensor.dtype)) is None or not weights:
        return
    signed, limit = kind
    patterns = np.frombuffer(weights, dtype=signed)
    # Two maxima read the weights at the speed of memory; a mask for each of them would not.
    sign = 1 << (8 * patterns.itemsize - 1)
    if int(patterns.max()) >= limit or int(patterns.view(f"u{patterns.itemsize}").max()) >= limit + sign:
        fault = "a weight is NaN or infinite"
        raise CheckpointError(tensor.file, fault, "download the file again, or take another revision", tensor.name)


@contextmanager
def durable(out: Path) -> Iterator[int]:
    """A file descriptor to write `out` through: it appears under its name when all is on the disk, or never."""
    part = out.with_name(f"{out.name}.tmp")
    to = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        try:
            yield to
            os.fsync(to)
        finally:
            os.close(to)
        os.replace(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(out.parent)


def write_all(to: int, data: bytes | memoryview) -> None:
    """Write all of `data`; a disk that fills up may take a part of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(to, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Writer:
    """Writes to a descriptor, and has the disk start early. Whole only after its context."""

    def __init__(self, to: int, wrote: Callable[[int], None]) -> None:
        self._to = to
        self._wrote = wrote
        self._since_sync = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._pending: Future[None] | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if kind is None and self._pending is not None:
            self._pending.result()  # a disk tells of a fault once, and may have told the thread

    def write(self, data: bytes | memoryview) -> None:
        """Write all of `data` now."""
        write_all(self._to, data)
        self._wrote(len(data))
        self._since_sync += len(data)
        if self._since_sync >= SYNC_BYTES and (self._pending is None or self._pending.done()):
            if self._pending is not None:
                self._pending.result()
            self._since_sync = 0
            self._pending = self._thread.submit(_sync, self._to)
