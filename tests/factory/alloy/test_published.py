"""Real alloys, where they are at hand: all load, and all go through the types without loss. They are not ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates import judge
from cadence.factory.alloy.load import load
from cadence.factory.alloy.roundtrip import round_trip
from cadence.factory.alloy.schema import json_schema
from tests.source import ROOT

FOLDER = ROOT.parent / "shared" / "data" / "alloys"
FILES = sorted(FOLDER.rglob("*.alloy.json"))
VALIDATOR = Draft202012Validator(json_schema())
# The first 16 hex digits of the SHA-256 of the bytes, as the publisher quotes them.
QUOTED = {
    "olmoe-1b-7b-compacted-5b.alloy.json": "bba0a92ff0c8bebb",
    "qwen3-coder-30b-a3b-compacted-19b-256k.v1.0.0.alloy.json": "aa61c4bdf463847c",
}

pytestmark = pytest.mark.skipif(not FILES, reason="needs the reference alloys beside the project")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_valid_and_comes_back_without_loss(path: Path) -> None:
    loaded = load(path.read_bytes(), name=path.name)
    assert [str(one) for one in loaded.errors] == []
    assert round_trip(loaded).holds
    assert VALIDATOR.is_valid(loaded.document.value)


@pytest.mark.parametrize("name", QUOTED)
def test_what_a_program_wrote_comes_back_as_the_bytes_that_are_quoted(name: str) -> None:
    (path,) = [path for path in FILES if path.name == name]
    assert round_trip(load(path.read_bytes(), name=name)).outcome == "bytes"
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(QUOTED[name])


FLAGSHIPS = [path for path in FILES if path.name.startswith(("olmoe", "qwen3-coder"))]


@pytest.mark.parametrize("path", FLAGSHIPS, ids=lambda path: path.name)
def test_the_flagships_fail_the_gate_on_their_corpus_and_do_not_pass_on_their_anchor(path: Path) -> None:
    alloy = load(path.read_bytes(), name=path.name).alloy
    assert isinstance(alloy, ForgeAlloy)
    reports = {one.gate: one for one in judge(alloy)}
    assert reports["calibration corpus"].verdict == "fail"
    assert (reports["anchor"].mode, reports["anchor"].verdict) == ("self", "unknown")
    assert [one.gate for one in reports.values() if one.ships] == []


def test_the_dense_one_reproduced_its_anchor_and_still_names_no_corpus() -> None:
    (path,) = [path for path in FILES if path.name.startswith("v2-7b")]
    alloy = load(path.read_bytes(), name=path.name).alloy
    assert isinstance(alloy, ForgeAlloy)
    reports = {one.gate: one for one in judge(alloy)}
    assert (reports["anchor"].mode, reports["anchor"].verdict) == ("published", "pass")
    assert reports["calibration corpus"].verdict == "fail"
