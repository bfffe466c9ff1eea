"""Levels: the least of the pieces counts, and nobody is called verified by his own word."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.custody import Break, Custody
from cadence.factory.alloy.hashes import model_hash
from cadence.factory.alloy.trust import Evidence, Level, assess, contradictions, overall, overclaims, standing

A, B = "a" * 64, "b" * 64
FILES = [{"filename": "w", "sha256": A}, {"filename": "x", "sha256": B}]
SIGNED = Evidence(sealed_by="forge")


def level(part: str, alloy: dict[str, Any], evidence: Evidence = SIGNED) -> str:
    return next(str(one.level) for one in assess(alloy, evidence) if one.name == part)


def code(**fields: Any) -> dict[str, Any]:
    return {"integrity": {"code": fields}}


def scored(*benchmarks: dict[str, Any]) -> dict[str, Any]:
    return {"results": {"benchmarks": list(benchmarks)}}


def test_what_is_not_said_is_unverified_and_not_claimed() -> None:
    parts = assess({}, SIGNED)
    assert {str(one.level) for one in parts} == {"unverified"}
    assert not any(one.claimed for one in parts)
    assert overall(parts) is Level.UNVERIFIED


def test_code_needs_hash_commit_and_repository() -> None:
    whole = {"binaryHash": A, "commit": "c" * 40, "sourceRepo": "https://x.example"}
    assert level("code", code(**whole)) == "attested"
    assert level("code", code(**whole), Evidence()) == "self-reported"
    assert level("code", code(**{**whole, "commit": "main"})) == "self-reported"
    assert level("code", code(binaryHash=A)) == "self-reported"
    assert level("code", code(**{**whole, "binaryHash": "legacy-not-pinned"})) == "unverified"


def test_a_model_is_proven_by_all_of_its_files_only() -> None:
    alloy = {"integrity": {"modelHash": model_hash(FILES), "fileHashes": FILES}}
    assert level("model", alloy, Evidence()) == "self-reported"
    assert level("model", alloy) == "attested"
    assert level("model", alloy, Evidence(files={"w": A, "x": B})) == "proven"
    assert level("model", alloy, Evidence(files={"w": A})) == "self-reported"
    assert level("model", alloy, Evidence(files={"w": A, "x": None})) == "self-reported"
    assert level("model", alloy, Evidence("forge", files={"w": A, "x": A})) == "unverified"


def test_a_model_hash_that_means_nothing_is_unverified() -> None:
    assert level("model", {"integrity": {"modelHash": A, "fileHashes": FILES}}) == "unverified"
    assert level("model", {"integrity": {"modelHash": "pending"}}) == "unverified"
    assert level("model", {"integrity": {"modelHash": A}}) == "attested"
    older = {"integrity": {"modelHash": A, "fileHashes": FILES}}
    assert level("model", older, Evidence(concatenated=f"sha256:{A}")) == "proven"
    assert level("model", older, Evidence(concatenated=f"sha256:{B}")) == "unverified"


def test_one_benchmark_with_samples_does_not_vouch_for_the_one_without() -> None:
    good = {"name": "a", "samplesPath": "s", "resultHash": f"sha256:{A}"}
    assert level("benchmarks", scored(good)) == "attested"
    assert level("benchmarks", scored(good, {"name": "b", "score": 99})) == "self-reported"
    assert level("benchmarks", scored(good, {"name": "b", "resultHash": "later"})) == "self-reported"
    assert level("benchmarks", scored(good), Evidence()) == "self-reported"


def test_a_score_is_proven_by_scoring_again_and_not_by_the_samples_alone() -> None:
    alloy = scored({"name": "a", "samplesPath": "s", "resultHash": A})
    here = Evidence("forge", files={"s": A})
    assert level("benchmarks", alloy, here) == "attested"
    assert level("benchmarks", alloy, Evidence(files={"s": A}, rescored=frozenset({"a"}))) == "proven"
    assert level("benchmarks", alloy, Evidence("forge", files={"s": B}, rescored=frozenset({"a"}))) == "unverified"


def test_two_hashes_for_one_file_are_not_one() -> None:
    alloy = scored(
        {"name": "a", "samplesPath": "s", "resultHash": B}, {"name": "b", "samplesPath": "s", "resultHash": A}
    )
    assert level("benchmarks", alloy, Evidence("forge", files={"s": A}, rescored=frozenset("ab"))) == "unverified"


def test_hardware_counts_only_if_all_of_it_was_measured() -> None:
    measured, guessed = {"device": "a", "verified": True}, {"device": "b", "verified": 1}
    assert level("hardware", {"results": {"hardwareVerified": [measured]}}) == "attested"
    assert level("hardware", {"results": {"hardwareVerified": [measured]}}, Evidence()) == "self-reported"
    assert level("hardware", {"results": {"hardwareVerified": [measured, guessed]}}) == "self-reported"


def test_corpora_are_proven_from_bytes() -> None:
    alloy = {"calibrationCorpora": [{"path": "c", "sha256": A}]}
    assert level("corpora", alloy, Evidence(files={"c": A})) == "proven"
    assert level("corpora", {"calibrationCorpora": [{"path": "c"}]}) == "unverified"


def test_data_sets_count_only_if_all_of_them_have_a_hash() -> None:
    hashed, named = {"name": "a", "hash": A}, {"name": "b", "hash": "pending"}
    assert level("datasets", {"integrity": {"datasets": [hashed]}}) == "attested"
    assert level("datasets", {"integrity": {"datasets": [hashed]}}, Evidence()) == "self-reported"
    assert level("datasets", {"integrity": {"datasets": [hashed, named]}}) == "unverified"


def test_stages_count_only_if_all_of_them_are_signed() -> None:
    assert level("stages", {}, Evidence(custody=Custody((), (0, 1), 2))) == "attested"
    assert level("stages", {}, Evidence(custody=Custody((), (0,), 2))) == "self-reported"
    assert level("stages", {}, Evidence(custody=Custody((Break("edited", 1, "x", "y"),), (0,), 2))) == "unverified"


def test_a_receipt_needs_a_signature_and_a_card() -> None:
    alloy = {"receipt": {"issuedAt": "t", "cardHash": f"sha256:{A}"}}
    by = Evidence(receipt_by="forge")
    assert level("receipt", alloy) == "self-reported"
    assert level("receipt", {"receipt": {"issuedAt": "t"}}, by) == "self-reported"
    assert level("receipt", alloy, by) == "attested"
    assert level("receipt", alloy, Evidence(receipt_by="forge", card=A)) == "proven"
    assert level("receipt", alloy, Evidence(receipt_by="forge", card=B)) == "unverified"
    assert level("receipt", {"receipt": {}}) == "unverified"


def test_the_whole_is_worth_the_least_of_what_it_claims() -> None:
    alloy = {"integrity": {"modelHash": A, "code": {"binaryHash": "legacy"}}}
    assert overall(assess(alloy, SIGNED)) is Level.UNVERIFIED
    assert overall(assess({"integrity": {"modelHash": A}}, SIGNED)) is Level.ATTESTED


def test_the_word_of_the_producer_is_called_self_reported() -> None:
    assert standing({}, Evidence()) == "self-reported"
    assert standing({}, SIGNED) == "self-reported, signed by forge"
    assert (
        standing({}, Evidence("forge", certified_by=frozenset({"a", "b"})))
        == "attested by 2 independent of the producer"
    )
    assert standing({}, Evidence(certified_by=frozenset({"a"}))) == "self-reported"


@pytest.mark.parametrize("stated", ["verified", "enclave", "gold", None])
def test_a_level_that_an_alloy_gives_itself_is_not_believed(stated: Any) -> None:
    said = overclaims({"integrity": {"trustLevel": stated}}, SIGNED)
    assert said is not None and said.endswith("self-reported, signed by forge")


def test_a_level_that_was_earned_is_no_boast() -> None:
    certified = Evidence("forge", certified_by=frozenset({"lab"}))
    assert overclaims({"integrity": {"trustLevel": "self-attested"}}, Evidence()) is None
    assert overclaims({}, Evidence()) is None
    assert overclaims({"integrity": {"trustLevel": "verified"}}, certified) is None
    assert overclaims({"integrity": {"trustLevel": "enclave"}}, certified) is not None


def test_files_that_contradict_are_named() -> None:
    alloy = scored({"samplesPath": "s", "resultHash": A}, {"samplesPath": "t", "resultHash": B})
    assert contradictions(alloy, Evidence(files={"s": B, "t": None})) == ("s",)


@pytest.mark.parametrize("value", [None, 7, "x", [], [7], {"a": 1}])
def test_odd_shapes_are_never_trusted(value: Any) -> None:
    names = ("code", "modelHash", "fileHashes")
    alloy = {
        "integrity": dict.fromkeys(names, value),
        "results": {"benchmarks": value, "hardwareVerified": value},
        "receipt": value,
        "calibrationCorpora": value,
    }
    assert all(one.level <= Level.SELF_REPORTED for one in assess(alloy, SIGNED))
