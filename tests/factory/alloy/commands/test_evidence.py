"""What lies beside an alloy, gathered without trusting it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cadence.factory.alloy.bundle import read_bundle
from cadence.factory.alloy.commands.evidence import gather, owners, rescored
from cadence.factory.alloy.hashes import card_hash
from tests.factory.alloy.commands.cli import bundle
from tests.factory.alloy.examples import WEIGHTS, Value, forged, recipe, sha


def test_files_that_are_named_and_missing_are_told_apart_from_those_nobody_looked_for(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "config.json").unlink()
    (folder / "model.Q5_K_M.gguf").unlink()
    here = gather(forged(), read_bundle(folder), folder, None, None, {})
    assert here.files is not None
    assert here.files["model.Q5_K_M.gguf"] is None and "config.json" not in here.files
    assert gather(forged(), None, None, None, None, {}).files is None


def test_scores_are_computed_from_samples_that_have_the_stated_hash_only(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    assert rescored(forged(), read_bundle(folder)) == {"humaneval": 90.0}
    (folder / "eval/humaneval/student.jsonl").write_text('{"task_id": "t", "passed": true}\n')
    assert rescored(forged(), read_bundle(folder)) == {}
    assert rescored({"results": {"benchmarks": [3, {}]}}, {}) == {}


def test_samples_of_another_form_prove_nothing(tmp_path: Path) -> None:
    folder, value = bundle(tmp_path), forged()
    (folder / "eval/humaneval/student.jsonl").write_text("odd\n")
    value["results"]["benchmarks"][0]["resultHash"] = sha("odd\n")
    assert rescored(value, read_bundle(folder)) == {}


@pytest.mark.parametrize(
    ("change", "agrees"),
    [({}, True), ({"score": 0.9, "unit": "fraction"}, True), ({"score": 90.2}, False), ({"score": "90"}, False)],
)
def test_a_score_agrees_within_a_tenth_of_a_point(change: Value, agrees: bool) -> None:
    value = forged()
    value["results"]["benchmarks"][0] |= change
    assert gather(value, None, None, None, None, {"humaneval": 90.0}).rescored == ({"humaneval"} if agrees else set())


def test_the_card_is_hashed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# card\n")
    assert gather(recipe(), None, None, tmp_path / "README.md", None, {}).card == card_hash("# card\n")


def test_the_older_model_hash_is_that_of_all_bytes_in_order(tmp_path: Path) -> None:
    folder, value = bundle(tmp_path), forged()
    value["results"]["integrity"]["modelHash"] = sha(WEIGHTS)
    here = gather(value, read_bundle(folder), folder, None, None, {})
    assert here.concatenated == sha(WEIGHTS)
    value["results"]["integrity"]["fileHashes"][0]["filename"] = "../model.gguf"
    assert gather(value, read_bundle(folder), folder, None, None, {}).concatenated is None


def test_older_alloys_list_no_files_and_mean_the_shards_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.safetensors", "a.safetensors"):
        (tmp_path / name).write_text(name)
    value: Value = {"integrity": {"modelHash": "0" * 64}}
    wanted = hashlib.sha256(b"a.safetensorsb.safetensors").hexdigest()
    assert gather(value, None, tmp_path, None, None, {}).concatenated == f"sha256:{wanted}"


def test_a_gap_belongs_to_the_author_and_says_what_to_run() -> None:
    found = owners(forged())
    assert {one.name for one in found.values()} == {"someone"}
    assert all(one.fix.startswith("cadence alloy sign") for one in found.values())
    assert owners({"stages": [3, {"type": 4}], "author": 5}) == {}
