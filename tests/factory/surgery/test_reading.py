"""What is read past the cache is what the file holds, wherever a range begins; any file system is read as it can be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from cadence.factory.surgery import reading as module
from cadence.factory.surgery.reading import ALIGNED_BYTES, LEAST_BYTES, Reader, reading
from cadence.models.checkpoint import CheckpointError, Tensor

SIZE = 3 * LEAST_BYTES + 1_234
DATA = np.random.default_rng(0).bytes(SIZE)
TENSOR = Tensor("t", "U8", (SIZE,), "f", 0, SIZE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(DATA)
    (tmp_path / "g").write_bytes(DATA[::-1])
    return tmp_path


def read(reader: Reader, begin: int, end: int, tensor: Tensor = TENSOR) -> bytes:
    return b"".join(bytes(piece) for piece in reader.pieces(tensor, begin, end))


RANGES = [
    (0, 1),
    (1, 3),
    (ALIGNED_BYTES - 1, ALIGNED_BYTES + 1),
    (ALIGNED_BYTES, 2 * ALIGNED_BYTES),
    (5, LEAST_BYTES + 5),
    (LEAST_BYTES - 2, LEAST_BYTES + 2),
    (SIZE - 1, SIZE),
    (0, SIZE),
    (7, 7),
]


@pytest.mark.parametrize("begin_end", RANGES)
def test_any_range_is_read_as_it_lies(folder: Path, begin_end: tuple[int, int]) -> None:
    with reading(folder) as reader:
        assert read(reader, *begin_end) == DATA[slice(*begin_end)]


@pytest.mark.parametrize("piece_bytes", [8, 24, ALIGNED_BYTES])
def test_neither_the_size_of_pieces_nor_what_was_read_before_shows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(module, "PIECE_BYTES", piece_bytes)
    other = Tensor("u", "U8", (SIZE,), "g", 0, SIZE)
    with reading(folder) as reader:
        for begin, end in [*RANGES[:5], (3, 300), (10, 20), (0, 9)]:
            assert read(reader, begin, end) == DATA[begin:end]
            assert read(reader, begin, end, other) == DATA[::-1][begin:end]
            assert all(len(piece) <= piece_bytes for piece in reader.pieces(TENSOR, begin, end))


def test_what_lies_behind_is_read_with_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *given: calls.append(given[2]) or real(*given))
    with reading(folder) as reader:
        for begin in range(0, LEAST_BYTES, 1_024):
            assert read(reader, begin, begin + 10) == DATA[begin : begin + 10]
    assert calls == [0]


@pytest.mark.parametrize("length", [0, 1, ALIGNED_BYTES, ALIGNED_BYTES + 1])
def test_a_file_that_ends_early_is_named(folder: Path, length: int) -> None:
    (folder / "f").write_bytes(DATA[:length])
    with reading(folder) as reader:
        assert read(reader, 0, length) == DATA[:length]
        with pytest.raises(CheckpointError, match="f: t: the file ends inside of this tensor, .*; download it again"):
            read(reader, 0, length + 1)


def test_a_file_that_is_not_there_is_the_disks_own_error(folder: Path) -> None:
    with reading(folder) as reader, pytest.raises(FileNotFoundError):
        read(reader, 0, 1, Tensor("t", "U8", (1,), "no", 0, 1))


@pytest.mark.skipif(not module.DIRECT, reason="this system knows no way past its cache")
@pytest.mark.parametrize("refuses", ["open", "preadv"])
def test_a_file_system_that_always_caches_is_read_through_its_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch, refuses: str
) -> None:
    direct: set[int] = set()
    opened, read_at = os.open, os.preadv

    def open_it(path: Path, flags: int) -> int:
        if flags & module.DIRECT and refuses == "open":
            raise OSError(errno.EINVAL, "no")
        descriptor = opened(path, flags & ~module.DIRECT)
        (direct.add if flags & module.DIRECT else direct.discard)(descriptor)
        return descriptor

    def refuse(descriptor: int, into: list[memoryview], at: int) -> int:
        if descriptor in direct:
            raise OSError(errno.EINVAL, "no")
        return read_at(descriptor, into, at)

    monkeypatch.setattr(os, "open", open_it)
    monkeypatch.setattr(os, "preadv", refuse)
    with reading(folder) as reader:
        assert read(reader, 5, SIZE) == DATA[5:]


def test_any_other_refusal_of_the_disk_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "worn out")

    monkeypatch.setattr(os, "preadv", broken)
    with reading(folder) as reader, pytest.raises(OSError, match="worn out"):
        read(reader, 0, 1)


def test_files_are_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda *given: opened.append(real(*given)) or opened[-1])
    with reading(folder) as reader:
        read(reader, 0, 1)
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(descriptor)
    assert opened
