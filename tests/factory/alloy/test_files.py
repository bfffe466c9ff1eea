"""Files: loading, hashing, and paths that try to leave their folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cadence.factory.alloy.document import DocumentError
from cadence.factory.alloy.files import EscapeError, digest, inside, load


def test_an_alloy_is_loaded_with_its_exact_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.alloy.json"
    path.write_bytes(b'{"name": "a"}\r\n')
    found = load(path)
    assert (found.raw, found.value, found.name) == (b'{"name": "a"}\r\n', {"name": "a"}, str(path))


def test_a_file_of_fifty_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big.alloy.json"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    with pytest.raises(DocumentError, match="at most 8 MiB"):
        load(path)


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(DocumentError, match="expected a file"):
            load(tmp_path / name)
    with pytest.raises(DocumentError, match="No such file"):
        load(tmp_path / "gone")


@pytest.mark.parametrize(
    "relative", ["../x", "a/../../x", "/etc/passwd", "", ".", "a\\..\\x", "C:/x", "a\0b", "link/x", "sub/out"]
)
def test_a_path_never_leaves_its_folder(relative: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "x").write_text("secret")
    (folder / "link").symlink_to(tmp_path)
    (folder / "sub" / "out").symlink_to(tmp_path / "x")
    with pytest.raises(EscapeError, match="expected"):
        inside(folder, relative)


def test_an_ordinary_path_is_found(tmp_path: Path) -> None:
    assert inside(tmp_path, "eval/humaneval/./samples.jsonl") == tmp_path / "eval" / "humaneval" / "samples.jsonl"


def test_a_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(content)
    assert digest(tmp_path / "x") == hashlib.sha256(content).hexdigest()
