from __future__ import annotations

from pathlib import Path

import pytest

from cadence.personas.place import load_place
from cadence.personas.starter import FILES, InitError, init


def test_what_init_writes_passes_the_check_and_has_somebody_to_listen_to(tmp_path: Path) -> None:
    assert init(tmp_path / "new" / "place") == list(FILES)
    found = load_place(tmp_path / "new" / "place")
    assert found.problems == ()
    assert {line.speaker for line in found.rooms["kitchen"].script} == {"ada", "bo"}


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas/bo.md").write_text("mine")
    with pytest.raises(InitError, match=r"has personas/bo\.md; nothing was written"):
        init(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["bo.md"]
    assert (tmp_path / "personas/bo.md").read_text() == "mine"


def test_a_link_that_leads_nowhere_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "README.md").symlink_to(tmp_path / "gone")
    with pytest.raises(InitError):
        init(tmp_path)


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "rooms").write_text("a file")
    with pytest.raises(InitError, match="cannot be written"):
        init(tmp_path)
