"""Hashes: golden values, which rule a model hash follows, and placeholders that never count."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy.document import read
from cadence.factory.alloy.files import load
from cadence.factory.alloy.hashes import (
    HashError,
    alloy_hash,
    begins,
    card_hash,
    claims,
    digits,
    file_hash,
    integrity_of,
    model_hash,
    model_rule,
    same,
)

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "alloys" / "published"
GOLDEN = {
    "olmoe-1b-7b-compacted-5b.alloy.json": "bba0a92ff0c8bebb",
    "qwen3-coder-30b-a3b-compacted-19b-256k.v1.0.0.alloy.json": "aa61c4bdf463847c",
    "qwen3-coder-30b-a3b-compacted-19b-256k.v1.0.1-filehashes.alloy.json": "cb1e00f7e09a151e",
    "v2-7b-coder-compensated.alloy.json": "c92083286a04544b",
}
A, B = "a" * 64, "b" * 64

with_data = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published alloys are not here")


@with_data
@pytest.mark.parametrize(("name", "short"), GOLDEN.items(), ids=GOLDEN)
def test_published_files_have_the_hashes_that_are_quoted_for_them(name: str, short: str) -> None:
    assert begins(file_hash(load(PUBLISHED / name).raw), short)


@with_data
def test_the_model_hash_of_a_published_alloy_recomputes() -> None:
    alloy = load(PUBLISHED / "qwen3-coder-30b-a3b-compacted-19b-256k.v1.0.1-filehashes.alloy.json").value
    stated = integrity_of(alloy)["modelHash"]
    assert stated == "sha256:cb345eb6831a9e9412549975a05971cd66e347e3c1f866b4ff0257d9e52a1046"
    assert model_hash(integrity_of(alloy)["fileHashes"]) == stated
    assert model_rule(alloy) == "list of files"
    assert len(list(claims(alloy))) == 8


def test_the_file_hash_sees_every_byte_and_the_alloy_hash_only_the_meaning() -> None:
    one, other = '{"name": "a", "cycles": 1}', '{\n  "cycles": 1.0,\n  "name": "\\u0061"\n}\n'
    assert file_hash(one.encode()) != file_hash(other.encode())
    assert alloy_hash(read(one, name="x").value) == alloy_hash(read(other, name="x").value)
    literal = hashlib.sha256(b'{"cycles":1,"name":"a"}').hexdigest()
    assert alloy_hash(read(one, name="x").value) == f"sha256:{literal}"


def test_publishing_does_not_change_the_alloy_hash_and_an_edit_does() -> None:
    alloy = {"name": "a", "integrity": {"modelHash": A}}
    receipt = {"issuedAt": "2026-11-27T00:00:00Z"}
    signed = {"modelHash": A, "signature": {"value": "x"}, "alloyHash": alloy_hash(alloy)}
    assert alloy_hash({**alloy, "receipt": receipt, "integrity": signed}) == alloy_hash(alloy)
    assert alloy_hash({**alloy, "integrity": {"modelHash": B}}) != alloy_hash(alloy)


def test_the_card_names_the_alloy_and_the_receipt_the_card_without_a_cycle() -> None:
    alloy = {"name": "a"}
    card = f"# a\n\nalloy {alloy_hash(alloy)}\n"
    published = {**alloy, "receipt": {"cardHash": card_hash(card)}}
    assert alloy_hash(published) in card
    assert same(published["receipt"]["cardHash"], card_hash(card.encode()))
    assert not same(published["receipt"]["cardHash"], card_hash(card + " "))


def test_a_model_hash_is_of_names_and_hashes_in_order_of_name() -> None:
    files = [{"filename": "b", "sha256": B, "size": 3}, {"filename": "a", "sha256": f"sha256:{A}"}]
    compact = json.dumps([{"filename": "a", "sha256": A}, {"filename": "b", "sha256": B}], separators=(",", ":"))
    assert model_hash(files) == "sha256:" + hashlib.sha256(compact.encode()).hexdigest()
    assert model_hash(files) == model_hash(reversed(files))


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ([], "at least one"),
        ([{"filename": "a", "sha256": A}, {"filename": "a", "sha256": B}], "twice"),
        ([{"filename": "a", "sha256": "not-pinned"}], "64 hex"),
        ([{"sha256": A}], "filename"),
        ([7], "filename"),
    ],
)
def test_a_list_of_files_that_means_nothing_is_refused(files: Any, word: str) -> None:
    with pytest.raises(HashError, match=word):
        model_hash(files)


def test_a_verifier_says_which_of_the_two_rules_matched() -> None:
    files = [{"filename": "a", "sha256": A}]
    assert model_rule({"integrity": {"fileHashes": files, "modelHash": model_hash(files)}}) == "list of files"
    older = {"results": {"integrity": {"fileHashes": files, "modelHash": f"sha256:{B}"}}}
    assert model_rule(older) is None
    assert model_rule(older, concatenated=B) == "concatenated files"
    assert model_rule({"integrity": {"modelHash": "legacy"}}, concatenated="legacy") is None
    assert model_rule({"integrity": {"modelHash": A, "fileHashes": [{}]}}) is None
    assert model_rule({"integrity": {"modelHash": A, "fileHashes": [{}]}}, concatenated=A) == "concatenated files"
    assert model_rule({}) is None


@pytest.mark.parametrize(
    "text", ["legacy", "not-pinned-until-v2", "", A[:-1], A.upper(), f"sha512:{A}", None, 7, A + "\n"]
)
def test_a_placeholder_is_no_hash_and_equals_nothing(text: Any) -> None:
    assert digits(text) is None
    assert not same(text, text)


def test_a_prefix_needs_sixteen_digits() -> None:
    full = "0123456789abcdef" * 4
    assert begins(full, full[:16])
    assert begins(f"sha256:{full}", f"sha256:{full}")
    assert not begins(full, "1" + full[1:16])
    for short in ("", full[:8], full[:15], "g" * 16, full + "0", None):
        with pytest.raises(HashError, match="16 to 64"):
            begins(full, short)


def test_every_file_that_an_alloy_vouches_for_is_listed_with_its_place() -> None:
    alloy = {
        "results": {
            "benchmarks": [
                {"samplesPath": "s", "resultHash": f"sha256:{A}", "baseSamplesPath": "b", "baseResultHash": "pending"},
                {"name": "no samples"},
                7,
            ],
            "integrity": {"fileHashes": [{"filename": "w", "sha256": A}]},
        },
        "priorMetricBaselines": [{"evaluation": {"samplesPath": "../p", "samplesHash": A}}, {"samplesPath": "q"}],
        "calibrationCorpora": [{"path": "c", "sha256": B}],
    }
    found = [(claim.path, claim.file, claim.stated) for claim in claims(alloy)]
    assert found == [
        (("results", "integrity", "fileHashes", 0, "sha256"), "w", A),
        (("results", "benchmarks", 0, "resultHash"), "s", A),
        (("results", "benchmarks", 0, "baseResultHash"), "b", None),
        (("priorMetricBaselines", 0, "evaluation", "samplesHash"), "../p", A),
        (("priorMetricBaselines", 1, "samplesHash"), "q", None),
        (("calibrationCorpora", 0, "sha256"), "c", B),
    ]


@pytest.mark.parametrize("alloy", [{}, {"results": 7}, {"integrity": []}, {"results": {"benchmarks": {}}}])
def test_odd_shapes_vouch_for_nothing(alloy: dict[str, Any]) -> None:
    assert list(claims(alloy)) == []
    assert integrity_of(alloy) == {}
