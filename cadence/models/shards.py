"""Reads the headers of a checkpoint's folder. Weights are never read; the largest read is one header."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cadence.models.checkpoint import (
    INDEX_BYTES_MAX,
    LENGTH_BYTES,
    Checkpoint,
    CheckpointError,
    Header,
    Index,
    assemble,
    header_nbytes,
    parse_config,
    parse_header,
    parse_index,
)

CONFIG_FILE = "config.json"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"


def read_checkpoint(folder: Path) -> Checkpoint:
    """The tensors in `folder`: those of the index where there is one, else of `model.safetensors`.

    Raises CheckpointError for a missing shard and whatever else does not add up.
    """
    index = read_index(folder)
    files = index.files if index is not None else (SINGLE_FILE,)
    missing = [file for file in files if not (folder / file).is_file()]
    if missing:
        fault = f"the file is missing, and {len(missing) - 1} more" if len(missing) > 1 else "the file is missing"
        raise CheckpointError(missing[0], f"{fault} in {folder}", "download it again; nothing was changed")
    return assemble([read_header(folder / file) for file in files], index)


def read_index(folder: Path) -> Index | None:
    """The index of `folder`; None where there is none, as beside a single file."""
    text = _read(folder / INDEX_FILE)
    return None if text is None else parse_index(INDEX_FILE, text)


def read_config(folder: Path, file: str = CONFIG_FILE) -> dict[str, Any]:
    """A JSON file of `folder` as an object. Raises CheckpointError where it is missing or no object."""
    text = _read(folder / file)
    if text is None:
        raise CheckpointError(file, f"the file is missing in {folder}", "name the folder of a whole model")
    return parse_config(file, text)


def read_header(path: Path) -> Header:
    """The header of one safetensors file. Raises CheckpointError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = header_nbytes(path.name, file.read(LENGTH_BYTES), size)
        return parse_header(path.name, file.read(length), size)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            text = file.read(INDEX_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    if len(text) > INDEX_BYTES_MAX:
        raise CheckpointError(path.name, f"it has more than {INDEX_BYTES_MAX} bytes", "this cannot be what it says")
    return text
