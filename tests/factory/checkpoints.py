"""Small checkpoints, written and read without a line of the product: what both got wrong would look like agreement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTHS = {"BF16": 2, "F16": 2, "F32": 4, "F8_E4M3": 1, "U8": 1, "I32": 4}


@dataclass(frozen=True, eq=False)
class Weights:
    """A tensor as raw integers of its type's width, so that any type can be cut with plain indexing."""

    dtype: str
    bits: NDArray[Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and self.dtype == other.dtype and np.array_equal(self.bits, other.bits)


Tensors = Mapping[str, Weights]


def weights(dtype: str, shape: tuple[int, ...], seed: int) -> Weights:
    """Finite weights, all different from those of another seed."""
    kind = f"u{WIDTHS[dtype]}"
    # Below the exponent of all ones in every type.
    top = {"BF16": 0x7F00, "F16": 0x7B00, "F32": 0x7F000000, "F8_E4M3": 0x78, "U8": 256, "I32": 1 << 32}[dtype]
    return Weights(dtype, np.random.default_rng(seed).integers(0, top, shape, dtype=kind))


def encode(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """One safetensors file."""
    header: dict[str, Any] = {"__metadata__": dict(metadata or {"format": "pt"})}
    body = b""
    for name, tensor in tensors.items():
        data = tensor.bits.tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.bits.shape), "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def decode(data: bytes) -> dict[str, Weights]:
    """The tensors of one safetensors file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    body = data[8 + length :]
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        bits = np.frombuffer(body[begin:end], dtype=f"u{WIDTHS[entry['dtype']]}").reshape(entry["shape"])
        found[name] = Weights(entry["dtype"], bits)
    return found


def write(folder: Path, config: Mapping[str, Any], tensors: Tensors, files: int = 2) -> Path:
    """A model's folder: shards and an index (a single file where `files` is 1), config, tokenizer, licence."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text('{"model": "tiny"}')
    (folder / "LICENSE").write_text("yours")
    names = list(tensors)
    if files == 1:
        (folder / "model.safetensors").write_bytes(encode(tensors))
        return folder
    weight_map = {}
    for at in range(files):
        file = f"model-{at + 1:05d}-of-{files:05d}.safetensors"
        part = names[at * len(names) // files : (at + 1) * len(names) // files]
        (folder / file).write_bytes(encode({name: tensors[name] for name in part}))
        weight_map |= dict.fromkeys(part, file)
    total = sum(tensor.bits.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def read(folder: Path) -> dict[str, Weights]:
    """All tensors of a folder; an index is held to naming exactly them."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return decode((folder / "model.safetensors").read_bytes())
    weight_map = json.loads(index.read_text())["weight_map"]
    found: dict[str, Weights] = {}
    for file in sorted(set(weight_map.values())):
        part = decode((folder / file).read_bytes())
        assert {name for name in weight_map if weight_map[name] == file} == set(part)
        found |= part
    return found
