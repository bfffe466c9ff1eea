from __future__ import annotations

import os
from pathlib import Path

import pytest

from cadence import folder as module
from cadence.fields import Report
from cadence.folder import Folder


def text(root: Path, name: str, bytes_max: int = 100) -> tuple[str | None, list[str]]:
    report = Report(name)
    found = Folder(root).text(root / name, bytes_max, report)
    return found, [str(problem) for problem in report.all()]


def messages(folder: Folder) -> list[str]:
    return [str(problem) for problem in folder.problems]


def test_a_file_is_read_with_plain_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("é\r\nb".encode())
    assert text(tmp_path, "a") == ("é\nb", [])


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").write_bytes(b"x" * 101)
    assert text(tmp_path, "a")[0] == "x" * 100
    assert text(tmp_path, "b") == (None, ["b: expected at most 100 bytes, got more"])


def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"fine\nnot \xff\n")
    assert text(tmp_path, "a") == (None, ["a:2: expected UTF-8, got the byte 0xff"])


def test_a_link_out_of_the_place_is_not_followed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "secret").write_text("secret")
    (place / "a").symlink_to(tmp_path / "secret")
    (place / "circle").symlink_to("circle")
    for name in ("a", "circle"):
        assert text(place, name)[0] is None
    assert text(place, "a")[1] == ["a: expected a file of this place, got a link that leads out of it"]


def test_a_link_within_the_place_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("here")
    (tmp_path / "b").symlink_to("a")
    assert text(tmp_path, "b") == ("here", [])


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert text(tmp_path, "pipe") == (None, ["pipe: expected a regular file, got something else"])
    assert text(tmp_path, "folder") == (None, ["folder: expected a regular file, got something else"])


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert text(tmp_path, "a") == (None, ["a: expected a file that can be read, but: No such file or directory"])


def test_ids_are_the_stems_of_files_in_order(tmp_path: Path) -> None:
    for name in ("b.md", "a-1.md", ".draft.md", "README.md", "notes.txt", "Upper.md"):
        (tmp_path / name).write_text("x")
    folder = Folder(tmp_path)
    assert [id for id, _ in folder.ids(".", ".md")] == ["a-1", "b"]
    expected = "expected an id before .md (1 to 64 of a-z, 0-9, _ and -), got another name"
    assert messages(folder) == [f"Upper.md: {expected}"]


def test_a_missing_folder_holds_nothing_and_is_no_problem(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert list(folder.ids("rooms", ".toml")) == []
    assert folder.problems == []


def test_a_file_in_the_place_of_a_folder_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "rooms").write_text("x")
    folder = Folder(tmp_path)
    assert list(folder.ids("rooms", ".toml")) == []
    assert messages(folder) == ["rooms: expected a folder that can be read, but: Not a directory"]


def test_a_folder_has_a_largest_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILES_PER_FOLDER_MAX", 2)
    for name in "abc":
        (tmp_path / f"{name}.md").write_text("x")
    folder = Folder(tmp_path)
    assert len(list(folder.ids(".", ".md"))) == 2
    assert messages(folder) == [".: expected at most 2 files *.md, got 3"]


def test_python_is_refused_wherever_it_lies_in_content(tmp_path: Path) -> None:
    for name in ("rooms/deep/er", "personas", "models/line/part", "elsewhere", "models/.git"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("rooms/deep/er/a.py", "personas/b.pyc", "models/line/part/c.py", "elsewhere/d.py", "models/.git/e.py"):
        (tmp_path / name).write_text("")
    folder = Folder(tmp_path)
    folder.refuse_code()
    why = "expected content, got Python code: nothing in a place is ever run"
    assert messages(folder) == [f"rooms/deep/er/a.py: {why}", f"personas/b.pyc: {why}"]


def test_a_folder_linked_in_from_elsewhere_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "place/rooms").mkdir(parents=True)
    (tmp_path / "place/rooms/outside").symlink_to(tmp_path)
    folder = Folder(tmp_path / "place")
    folder.refuse_code()
    assert messages(folder) == ["rooms/outside: expected a folder of this place, got a link that leads out of it"]


def test_the_walk_ends_in_a_place_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES_WALKED_MAX", 3)
    (tmp_path / "rooms").mkdir()
    for n in range(5):
        (tmp_path / f"rooms/{n}").write_text("")
    folder = Folder(tmp_path)
    folder.refuse_code()
    assert messages(folder) == ["rooms: expected at most 3 files and folders in a place, got more"]
