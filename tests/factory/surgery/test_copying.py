"""Bytes arrive as they left, no weight that is not a number gets through, and no file is there before it is whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cadence.factory.surgery import copying
from cadence.factory.surgery.copying import check_finite, copy_shard, durable
from cadence.factory.surgery.layout import Cut, Shard
from cadence.models.checkpoint import CheckpointError, Tensor


def shard(data: bytes, *ranges: tuple[int, int], dtype: str = "U8") -> Shard:
    tensor = Tensor("t", dtype, (len(data),), "f", 0, len(data))
    return Shard("out", b"head", (Cut("t", (1,), tensor, ranges), Cut("u", (1,), tensor, ((0, 2),))))


def test_ranges_are_joined_in_order(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    copy_shard(tmp_path, shard(b"0123456789", (7, 2), (1, 3)), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"head7812301"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "out"]


def test_bytes_handed_to_the_disk_early_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "SYNC_BYTES", 32)
    data = np.random.default_rng(0).bytes(1_000)
    (tmp_path / "f").write_bytes(data)
    told: list[int] = []
    copy_shard(tmp_path, shard(data, (100, 333), (500, 1), (501, 499)), tmp_path / "out", wrote=told.append)
    assert (tmp_path / "out").read_bytes() == b"head" + data[100:433] + data[500:1_000] + data[:2]
    assert sum(told) == 4 + 333 + 1 + 499 + 2


def bits(dtype: str, pattern: int) -> memoryview:
    width = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "U8": 1, "I32": 4}[dtype]
    return memoryview(b"\0" * width + pattern.to_bytes(width, "little") + b"\1" * width)


@pytest.mark.parametrize(
    ("dtype", "finite", "infinite"),
    [
        ("F64", 0x7FEF_FFFF_FFFF_FFFF, 0x7FF0_0000_0000_0000),
        ("F32", 0x7F7F_FFFF, 0x7F80_0000),
        ("F16", 0x7BFF, 0x7C00),
        ("BF16", 0x7F7F, 0x7F80),
        ("F8_E5M2", 0x7B, 0x7C),
        ("F8_E4M3", 0x7E, 0x7F),
    ],
)
def test_the_first_pattern_that_is_no_number_is_found_with_either_sign(dtype: str, finite: int, infinite: int) -> None:
    tensor = Tensor("model.a", dtype, (3,), "f.safetensors", 0, 3)
    width = len(bits(dtype, 0)) // 3
    sign = 1 << (8 * width - 1)
    for pattern in (0, sign, finite, finite | sign):
        check_finite(bits(dtype, pattern), tensor)
    for pattern in (infinite, infinite | sign, sign - 1, 2 * sign - 1):
        with pytest.raises(CheckpointError, match=r"f\.safetensors: model\.a: a weight is NaN or infinite; download"):
            check_finite(bits(dtype, pattern), tensor)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_real_numbers_pass_and_real_nans_do_not(kind: type[np.floating]) -> None:
    dtype = f"F{np.dtype(kind).itemsize * 8}"
    tensor = Tensor("a", dtype, (3,), "f", 0, 3)
    info = np.finfo(kind)
    check_finite(memoryview(np.array([info.max, info.min, -0.0, info.smallest_subnormal], kind).tobytes()), tensor)
    for bad in (np.nan, -np.nan, np.inf, -np.inf):
        with pytest.raises(CheckpointError):
            check_finite(memoryview(np.array([1, bad, 2], kind).tobytes()), tensor)


def test_types_that_have_no_nan_may_hold_any_bits() -> None:
    for dtype in ("U8", "I32"):
        check_finite(memoryview(b"\xff" * 8), Tensor("a", dtype, (8,), "f", 0, 8))


def test_a_bad_weight_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\x00\x00\xc0\x7f\x00\x00")
    with pytest.raises(CheckpointError, match="f: t: a weight is NaN"):
        copy_shard(tmp_path, shard(b"123456", (0, 6), dtype="BF16"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    copy_shard(tmp_path, shard(b"123456", (0, 6), dtype="BF16"), tmp_path / "out", check=False)
    assert (tmp_path / "out").is_file()


def test_a_file_that_ends_early_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"01234")
    with pytest.raises(CheckpointError, match="f: t: the file ends inside of this tensor"):
        copy_shard(tmp_path, shard(b"0123456789", (3, 6)), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with durable(out) as to:
        os.write(to, b"half")
        assert not out.exists()
    assert out.read_bytes() == b"half"


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out.tmp").write_bytes(b"longer than what comes")
    with durable(tmp_path / "out") as to:
        os.write(to, b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert not (tmp_path / "out.tmp").exists()
