from __future__ import annotations

import json
from pathlib import Path

import pytest

from cadence.packing import PackError, pack_at, write_pack

TALKS = [{"said": [f"The pump number {n} failed at noon."], "minutes": "The pump failed."} for n in range(6)]


def written(folder: Path, talks: list[object]) -> Path:
    path = folder / "minutes.jsonl"
    path.write_text("".join(json.dumps(talk) + "\n" for talk in talks), encoding="utf-8")
    return path


def test_a_pack_is_learned_written_and_read(tmp_path: Path) -> None:
    out = tmp_path / "pack.json"
    said = write_pack(written(tmp_path, [*TALKS]), out)
    pack = pack_at(out)
    assert pack is not None and pack.talks == 6 and pack.words["pump"] == (6, 6)
    assert said == f"{out}: {len(pack.words)} words from 6 talks"


def test_without_a_path_there_is_no_pack() -> None:
    assert pack_at(None) is None


def test_a_line_that_is_no_talk_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"minutes.jsonl, line 7: expected a JSON object"):
        write_pack(written(tmp_path, [*TALKS, "nothing"]), tmp_path / "pack.json")


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"absent.jsonl: cannot be used: No such file"):
        write_pack(tmp_path / "absent.jsonl", tmp_path / "pack.json")
    with pytest.raises(PackError, match=r"absent.json: cannot be read: No such file"):
        pack_at(tmp_path / "absent.json")


def test_a_file_that_is_no_pack_says_how_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "pack.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(PackError, match=r"make one with `cadence lod pack FILE`"):
        pack_at(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PackError, match="expected a pack in UTF-8"):
        pack_at(path)
