"""A model's folder: every file, and nothing that leads elsewhere."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cadence.factory.alloy import bundle
from cadence.factory.alloy.bundle import BundleError, read_bundle


def test_files_are_found_hashed_and_measured(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "a.jsonl").write_bytes(b"{}\n")
    (tmp_path / "model.gguf").write_bytes(b"weights")
    found = read_bundle(tmp_path)
    assert list(found) == ["eval/a.jsonl", "model.gguf"]
    assert found["model.gguf"].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (found["model.gguf"].size, found["model.gguf"].content) == (7, None)
    assert found["eval/a.jsonl"].content == b"{}\n"


def test_a_large_table_is_hashed_but_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "CONTENT_BYTES_MAX", 3)
    (tmp_path / "a.jsonl").write_bytes(b"{}\n\n")
    assert read_bundle(tmp_path)["a.jsonl"].content is None


def test_a_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(BundleError, match="symbolic link"):
        read_bundle(tmp_path)


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").symlink_to("/")
    with pytest.raises(BundleError, match="symbolic link"):
        read_bundle(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="something else"):
        read_bundle(tmp_path)


def test_too_many_files_and_too_deep_folders_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (tmp_path / str(number)).write_text("x")
    monkeypatch.setattr(bundle, "FILES_MAX", 2)
    with pytest.raises(BundleError, match="at most 2 files"):
        read_bundle(tmp_path)
    monkeypatch.setattr(bundle, "DEPTH_MAX", 1)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    monkeypatch.setattr(bundle, "FILES_MAX", 10)
    with pytest.raises(BundleError, match="at most 1 folders"):
        read_bundle(tmp_path)


def test_what_is_no_folder_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a folder"):
        read_bundle(tmp_path / "nothing")
