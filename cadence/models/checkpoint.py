"""What a safetensors checkpoint holds, from its headers alone: names, types, shapes, byte ranges, never weights.

A file is 8 bytes of length (little endian), a JSON header of that length, and the tensors end to end
(https://github.com/huggingface/safetensors, format). A checkpoint is one such file, or several behind an index that
names the file of each tensor. Headers come from strangers: every length, offset and name is checked before it is used,
and whatever does not add up is refused by file and tensor.

Pure: takes bytes and text, touches no file (`shards` does that).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LENGTH_BYTES = 8  # in front of the header
HEADER_BYTES_MAX = 100_000_000  # the format's own limit
INDEX_BYTES_MAX = 256 * 1024 * 1024  # of an index or a config; the largest known models need 15 MB
TENSORS_MAX = 4_000_000  # of a checkpoint; Kimi-K2 has about 140,000 with its scales
DIMENSIONS_MAX = 8
NAME_CHARS_MAX = 1_024

DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted. The text names file, tensor, what came and the remedy, in one sentence."""

    def __init__(self, file: str, fault: str, remedy: str, tensor: str | None = None) -> None:
        self.file, self.tensor, self.remedy = file, tensor, remedy
        where = file if tensor is None else f"{file}: {shown(tensor)}"
        super().__init__(f"{where}: {fault}; {remedy}")


def shown(name: object) -> str:
    """A name from outside, printable and short enough for a message."""
    text = str(name)
    return text if text.isprintable() and 0 < len(text) <= 120 else f"{text[:80]!r}"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor and where its bytes lie: `begin` counts from the start of `file`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    begin: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Header:
    """One file: its tensors in the order of their bytes, and the strings its writer left."""

    file: str
    file_bytes: int
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """What `model.safetensors.index.json` says: the file of each tensor, and its writer's metadata."""

    file: str
    weight_map: Mapping[str, str]
    metadata: Mapping[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """The shards, each once, sorted."""
        return tuple(sorted(set(self.weight_map.values())))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All tensors by name, file after file, each file in the order of its bytes."""

    headers: tuple[Header, ...]
    tensors: Mapping[str, Tensor]
    index: Index | None

    @property
    def tensor_bytes(self) -> int:
        """Bytes of weights, without headers: what an index calls `total_size`."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


def tensor_nbytes(dtype: str, shape: Iterable[int]) -> int | None:
    """Bytes of a tensor, or None where its bits do not fill whole bytes. KeyError for an unknown `dtype`."""
    bits = math.prod(shape) * DTYPE_BITS[dtype]
    return None if bits % 8 else bits // 8


def header_nbytes(file: str, first: bytes, file_bytes: int) -> int:
    """Length of the JSON header, from the first 8 bytes of a file of `file_bytes`. Raises CheckpointError."""
    if len(first) < LENGTH_BYTES or file_bytes < LENGTH_BYTES:
        raise CheckpointError(file, f"expected a safetensors file, got {file_bytes} bytes", "download it again")
    length = int.from_bytes(first[:LENGTH_BYTES], "little")
    if not 2 <= length <= HEADER_BYTES_MAX:
        fault = f"expected a header of 2 to {HEADER_BYTES_MAX} bytes, the file claims {length}"
        raise CheckpointError(file, fault, "this is no safetensors file, or it is damaged: download it again")
    if LENGTH_BYTES + length > file_bytes:
        fault = f"the header claims {length} bytes, the file has {file_bytes} in all"
        raise CheckpointError(file, fault, "it is truncated: download it again")
    return length


def parse_header(file: str, header: bytes, file_bytes: int) -> Header:
    """The tensors of one file. `header` is the JSON behind the first 8 bytes. Raises CheckpointError.

    Refused: what is no JSON object, a name or key twice, an unknown type, a shape that does not fit its bytes, tensors
    that overlap, leave holes or end elsewhere than the file does.
    """
    if header[:1] != b"{":
        raise CheckpointError(file, "the header does not begin with an object", "download the file again")
    read = _json(file, header)
    if len(read) > TENSORS_MAX:
        raise CheckpointError(file, f"the header names more than {TENSORS_MAX} tensors", "split the checkpoint")
    metadata = read.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(file, "__metadata__ must map strings to strings", "write the file again")
    data = LENGTH_BYTES + len(header)
    tensors = [_tensor(file, name, entry, data, file_bytes) for name, entry in read.items()]
    tensors.sort(key=lambda tensor: (tensor.begin, tensor.nbytes))
    end = data
    for tensor in tensors:
        if tensor.begin != end:
            fault = "its bytes overlap another tensor's" if tensor.begin < end else "a hole lies in front of its bytes"
            raise CheckpointError(file, fault, "the header is damaged: download the file again", tensor.name)
        end += tensor.nbytes
    if end != file_bytes:
        fault = f"the tensors end at byte {end}, the file has {file_bytes}"
        raise CheckpointError(file, fault, "it is truncated or has a foreign tail: download it again")
    return Header(file, file_bytes, tuple(tensors), metadata)


def parse_index(file: str, text: bytes) -> Index:
    """The index of a checkpoint in several files. Names of files are plain names in the same folder."""
    read = _json(file, text)
    weight_map, metadata = read.get("weight_map"), read.get("metadata", {})
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(file, "expected a weight_map that names the file of each tensor", "download it again")
    if not isinstance(metadata, dict):
        raise CheckpointError(file, "metadata must be an object", "download it again")
    if len(weight_map) > TENSORS_MAX:
        raise CheckpointError(file, f"it names more than {TENSORS_MAX} tensors", "split the checkpoint")
    for name, shard in weight_map.items():
        plain = isinstance(shard, str) and shard.isprintable() and shard.endswith(".safetensors")
        if not plain or len(shard) > 255 or "/" in shard or "\\" in shard or shard.startswith("."):
            fault = f"expected the plain name of a .safetensors file beside it, got {shown(shard)}"
            raise CheckpointError(file, fault, "a shard may lie nowhere else: correct the index", name)
    return Index(file, weight_map, metadata)


def parse_config(file: str, text: bytes) -> dict[str, Any]:
    """A JSON object like config.json; a key that is there twice is refused."""
    return _json(file, text)


def assemble(headers: Iterable[Header], index: Index | None) -> Checkpoint:
    """Join files to a checkpoint, and hold them to the index where there is one. Raises CheckpointError."""
    ordered = tuple(sorted(headers, key=lambda header: header.file))
    tensors: dict[str, Tensor] = {}
    for header in ordered:
        for tensor in header.tensors:
            if (other := tensors.setdefault(tensor.name, tensor)) is not tensor:
                fault = f"the tensor lies in {other.file} too"
                raise CheckpointError(header.file, fault, "remove one of the two files", tensor.name)
    if index is not None:
        _hold_to_index(tensors, index)
    return Checkpoint(ordered, tensors, index)


def _hold_to_index(tensors: Mapping[str, Tensor], index: Index) -> None:
    for name, shard in index.weight_map.items():
        found = tensors.get(name)
        if found is None or found.file != shard:
            where = "no file has it" if found is None else f"it lies in {found.file}"
            raise CheckpointError(shard, f"the index promises this tensor, {where}", "download the shard again", name)
    for name, tensor in tensors.items():
        if name not in index.weight_map:
            fault = "the index does not know this tensor, so loaders would disagree about it"
            raise CheckpointError(tensor.file, fault, "remove the file, or add the tensor to the index", name)


def _tensor(file: str, name: str, entry: object, data: int, file_bytes: int) -> Tensor:
    def refuse(fault: str) -> CheckpointError:
        return CheckpointError(file, fault, "the header is damaged: download the file again", name)

    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        raise refuse(f"a name has 1 to {NAME_CHARS_MAX} printable characters")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise refuse("expected exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise refuse(f"unknown dtype {shown(dtype)}, known are {', '.join(DTYPE_BITS)}")
    if not _counts(shape) or len(shape) > DIMENSIONS_MAX:
        raise refuse(f"a shape is at most {DIMENSIONS_MAX} whole numbers from 0 up, not {shown(shape)}")
    if not _counts(offsets) or len(offsets) != 2:
        raise refuse(f"data_offsets are two whole numbers from 0 up, not {shown(offsets)}")
    begin, end = offsets
    if not begin <= end <= file_bytes - data:
        raise refuse(f"its bytes {shown(offsets)} lie outside of the file's {file_bytes - data} bytes of weights")
    if tensor_nbytes(dtype, shape) != end - begin:
        raise refuse(f"{dtype} {shown(shape)} does not fill its {end - begin} bytes")
    return Tensor(name, dtype, tuple(shape), file, data + begin, end - begin)


def _counts(value: object) -> bool:
    # The format's numbers have 64 bits; wider ones would make products that take seconds.
    return isinstance(value, list) and all(type(number) is int and 0 <= number < 1 << 63 for number in value)


def _json(file: str, text: bytes) -> dict[str, Any]:
    try:
        read = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(file, f"expected JSON, got: {first:.160}", "download the file again") from None
    if not isinstance(read, dict):
        raise CheckpointError(file, "expected a JSON object", "download the file again")
    return read


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {shown(counts.most_common(1)[0][0])} is there twice")
    return read
