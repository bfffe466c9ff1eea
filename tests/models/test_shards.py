"""A model's folder: one file or many, and what is missing from it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadence.models import shards
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_checkpoint, read_config, read_index
from tests.factory.checkpoints import weights, write

TENSORS = {name: weights("BF16", (2, 3), seed) for seed, name in enumerate("abcd")}


@pytest.mark.parametrize("files", [1, 3])
def test_one_file_or_many_hold_the_same_tensors(tmp_path: Path, files: int) -> None:
    checkpoint = read_checkpoint(write(tmp_path / "m", {}, TENSORS, files))
    assert {tensor.name: tensor.shape for tensor in checkpoint.tensors.values()} == dict.fromkeys("abcd", (2, 3))
    assert len(checkpoint.headers) == files
    assert checkpoint.tensor_bytes == 48


def test_a_tensor_says_where_its_bytes_lie(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", {}, TENSORS)
    for name, tensor in read_checkpoint(folder).tensors.items():
        data = (folder / tensor.file).read_bytes()[tensor.begin : tensor.begin + tensor.nbytes]
        assert data == TENSORS[name].bits.tobytes()


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", {}, TENSORS, 3)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00003.safetensors: the file is missing"):
        read_checkpoint(folder)


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", {}, TENSORS, 1)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: d: its bytes .* lie outside"):
        read_checkpoint(folder)


def test_no_weights_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "m", {}, {"a": weights("BF16", (1000, 1000), 0)}, 1)
    limit = []

    class Counting:
        def __init__(self, path: Path) -> None:
            self._file = path.open("rb", buffering=0)

        def __enter__(self) -> Counting:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def fileno(self) -> int:
            return self._file.fileno()

        def read(self, nbytes: int) -> bytes:
            limit.append(nbytes)
            return self._file.read(nbytes)

    class Opening(type(folder)):  # type: ignore[misc]
        def open(self, *_: object) -> Counting:
            return Counting(folder / self.name)

    shards.read_header(Opening(folder / "model.safetensors"))
    assert sum(limit) < 1_000


def test_a_folder_without_a_model_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors: the file is missing"):
        read_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"config\.json: the file is missing"):
        read_config(tmp_path)
    assert read_index(tmp_path) is None


def test_an_endless_config_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "INDEX_BYTES_MAX", 10)
    (tmp_path / "config.json").write_text(" " * 100)
    with pytest.raises(CheckpointError, match=r"config\.json: it has more than 10 bytes"):
        read_config(tmp_path)
