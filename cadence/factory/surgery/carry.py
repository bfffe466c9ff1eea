"""The files of a model that are no weights: tokenizer, chat template, licence, model card. All go along, bit by bit.

Left out, and named in the report: other copies of the whole model's weights. Passed over: what tools cached. Refused
unless the caller decides: programs. Nothing here runs them, but whoever loads the result may be asked to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cadence.models.checkpoint import CheckpointError, Index, shown
from cadence.models.shards import CONFIG_FILE, INDEX_FILE, SINGLE_FILE, read_config

RemoteCode = Literal["refuse", "carry", "drop"]

FILES_MAX = 10_000  # in a model's folder, weights included
REPORT_FILE = "surgery.json"
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack", ".npz", ".index.json")
CACHES = (".git", ".cache", "__pycache__")
AUTO_MAP = "auto_map"
REMEDY = "read the program first; then `--remote-code carry` takes it along, `--remote-code drop` leaves it out"


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes along: names below the folder, with `/`. `rewritten` are the whole contents of files that change."""

    files: tuple[str, ...]
    rewritten: dict[str, bytes]
    left_out: tuple[str, ...]


def carried(folder: Path, index: Index | None, remote_code: RemoteCode) -> Carried:
    """Sort the files of a model's folder. Raises CheckpointError for programs that `remote_code` refuses.

    Links may point to other files of the folder and into the `blobs` beside it, as download caches lay them out; one
    that points elsewhere is refused, or the result would publish a file of this machine.
    """
    replaced = {CONFIG_FILE, INDEX_FILE, SINGLE_FILE, REPORT_FILE, *(index.files if index is not None else ())}
    files: list[str] = []
    rewritten: dict[str, bytes] = {}
    left_out: list[str] = []
    for name in _names(folder):
        if name in replaced:
            continue
        if name.endswith(WEIGHTS) or not (folder / name).is_file():
            left_out.append(name)
        elif name.endswith(".py") and remote_code == "drop":
            left_out.append(name)
        else:
            _check_program(name, remote_code)
            _check_link(folder, name)
            mapped = _without_auto_map(folder, name, remote_code)
            if mapped is None:
                files.append(name)
            else:
                rewritten[name] = mapped
    return Carried(tuple(files), rewritten, tuple(left_out))


def allowed_config(config: dict[str, Any], remote_code: RemoteCode) -> dict[str, Any]:
    """The config, without its `auto_map` where programs are dropped; CheckpointError where they are refused."""
    if AUTO_MAP not in config or remote_code == "carry":
        return config
    if remote_code == "refuse":
        raise CheckpointError(CONFIG_FILE, "auto_map names programs that loaders would run", REMEDY)
    return {key: value for key, value in config.items() if key != AUTO_MAP}


def _names(folder: Path) -> Iterator[str]:
    count = 0
    for at, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in (*CACHES, *links))
        for name in sorted([*names, *links]):
            count += 1
            if count > FILES_MAX:
                raise CheckpointError(folder.name, f"more than {FILES_MAX} files", "name the folder of one model")
            if not name.isprintable():
                raise CheckpointError(shown(name), "a name must be printable", "rename the file, or remove it")
            yield (Path(at) / name).relative_to(folder).as_posix()


def _check_program(name: str, remote_code: RemoteCode) -> None:
    if name.endswith(".py") and remote_code == "refuse":
        raise CheckpointError(name, "the model comes with a program", REMEDY)


def _check_link(folder: Path, name: str) -> None:
    target = (folder / name).resolve()
    home = folder.resolve()
    allowed = (home, home.parent.parent / "blobs")
    if not any(target.is_relative_to(place) for place in allowed):
        raise CheckpointError(name, "the link points out of the model's folder", "replace it by the file you mean")


def _without_auto_map(folder: Path, name: str, remote_code: RemoteCode) -> bytes | None:
    """The file's new contents; None if it stays as it is. Only files beside the config can name programs."""
    if not name.endswith("config.json") or "/" in name or remote_code == "carry":
        return None
    read = read_config(folder, name)
    kept = allowed_config(read, "drop")
    if kept is read:
        return None
    if remote_code == "refuse":
        raise CheckpointError(name, "auto_map names programs that loaders would run", REMEDY)
    return (json.dumps(kept, indent=2) + "\n").encode()
