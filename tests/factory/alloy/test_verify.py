"""The whole report: three outcomes, and each claim that is not so among the failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cadence.factory.alloy import seal
from cadence.factory.alloy.document import Document, read
from cadence.factory.alloy.hashes import alloy_hash, file_hash
from cadence.factory.alloy.keys import read_registry
from cadence.factory.alloy.verify import OLDER_RULE, Here, Report, verify
from tests.factory.alloy import signed
from tests.factory.alloy.signed import NOW, RULES, delivery, digest, forge, photo, registry, ticket


def document(alloy: Any) -> Document:
    return read(json.dumps(alloy), name="x.alloy.json")


def report(alloy: Any, **more: Any) -> Report:
    return verify(document(alloy), registry(), NOW, rules=RULES, **more)


@pytest.mark.parametrize("make", [forge, photo, ticket, delivery])
def test_a_sealed_chain_holds_from_end_to_end(make: Callable[[], dict[str, Any]]) -> None:
    alloy = make()
    found = report(alloy)
    assert (found.outcome, found.failures) == ("holds", ())
    assert found.standing.startswith("self-reported, signed by ")
    assert found.coverage.percent == 100
    assert found.alloy_hash == alloy_hash(alloy)
    assert found.file_hash == file_hash(json.dumps(alloy).encode())


def test_an_alloy_without_proof_is_unsigned_and_never_verified() -> None:
    found = report({"name": "old", "stages": [{"type": "prune"}], "integrity": {"trustLevel": "verified"}})
    assert (found.outcome, found.standing, found.failures) == ("unsigned", "self-reported", ())
    assert found.overclaims == "it calls itself verified; what was checked makes it self-reported"
    assert found.coverage.percent == 0


def test_without_a_registry_no_signature_counts_and_hashes_still_do() -> None:
    found = verify(document(forge()), None, NOW, rules=RULES)
    assert (found.outcome, found.failures, found.standing) == ("unsigned", (), "self-reported")
    assert found.notes == ("signatures were not checked: no registry of keys was given",)
    assert found.coverage.attested == 0
    alloy = forge()
    alloy["stages"][1], alloy["stages"][2] = alloy["stages"][2], alloy["stages"][1]
    changed = verify(document(alloy), None, NOW)
    assert [broken.kind for broken in changed.custody.breaks] == ["reordered"]
    assert changed.failures[0].startswith("seal: it is of another document")
    assert verify(document({"name": "old"}), None, NOW).notes == ()


def test_an_answer_to_another_question_fails() -> None:
    nonce, here = "AAAAAAAAAAAAAAAAAAAAAA", "https://rooms.example"
    alloy = seal.seal({"name": "x", "stages": []}, signed.key("forge"), signed.SEALED, nonce=nonce, audience=here)
    assert report(alloy, here=Here(nonce=nonce, audience=here)).outcome == "holds"
    assert "sent again" in report(alloy, here=Here(nonce="B" * 22)).failures[0]
    assert "another audience" in report(alloy, here=Here(audience=here + "/")).failures[0]
    moved = {**alloy, "integrity": {**alloy["integrity"], "nonce": "B" * 22}}
    assert report(moved, here=Here(nonce="B" * 22)).failures[0].startswith("seal: ")


def test_an_edit_fails_at_its_stage() -> None:
    alloy = forge()
    alloy["stages"][2] = {**alloy["stages"][2], "keepExpertsPerLayer": 7}
    found = report(alloy)
    assert found.outcome == "fails"
    assert found.custody.breaks[0].stage == 2
    assert any(line.startswith("seal: ") for line in found.failures)
    assert any(line.startswith("stage 2 (expert-prune): edited") for line in found.failures)


def test_a_key_that_nobody_registered_makes_it_fail() -> None:
    found = verify(document(forge()), read_registry([]), NOW)
    assert found.outcome == "fails"
    assert found.standing == "self-reported"


def test_files_beside_the_alloy_prove_it_or_contradict_it() -> None:
    good = {"tiny.gguf": digest("weights")[7:], "s.jsonl": digest("samples")[7:]}
    proven = report(forge(), here=Here(files=good, rescored=frozenset({"humaneval"})))
    levels = {part.name: str(part.level) for part in proven.parts}
    assert (levels["model"], levels["benchmarks"], proven.model_rule) == ("proven", "proven", "list of files")
    bad = report(forge(), here=Here(files={**good, "tiny.gguf": "0" * 64}))
    assert bad.failures == ("the file 'tiny.gguf' is not the one that was hashed",)


@pytest.mark.parametrize("cut", [16, 40, 64])
def test_an_expected_hash_may_be_that_of_the_file_or_of_the_alloy(cut: int) -> None:
    of_file, of_alloy = file_hash(json.dumps(forge()).encode()), alloy_hash(forge())
    found = report(forge(), here=Here(expected=of_file[:cut]))
    assert (found.outcome, found.notes) == ("holds", ("the file has the expected hash",))
    found = report(forge(), here=Here(expected=of_alloy[: cut + len("sha256:")]))
    assert (found.outcome, found.notes) == ("holds", ("the alloy has the expected hash",))
    assert report(forge(), here=Here(expected="0" * cut)).outcome == "fails"


def test_a_short_prefix_is_refused() -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        report(forge(), here=Here(expected="bba0a92f"))
    with pytest.raises(ValueError, match="one JSON object"):
        report([])


def test_a_model_hash_that_follows_no_rule_fails_unless_it_may_be_an_older_one() -> None:
    integrity = {"modelHash": digest("?"), "fileHashes": [{"filename": "w", "sha256": digest("w")}]}
    older = {"integrity": integrity}
    assert (report(older).outcome, report(older).notes) == ("unsigned", (OLDER_RULE,))
    assert report(older, here=Here(concatenated=digest("?"))).model_rule == "concatenated files"
    failure = ("modelHash follows neither of the two rules from the files that are listed",)
    assert report(older, here=Here(concatenated=digest("other bytes"))).failures == failure
    assert report(seal.seal(older, signed.key("forge"), signed.SEALED)).failures == failure


def test_a_child_without_its_parents_hash_fails() -> None:
    assert "no hash of that" in report({"derivedFrom": {"repo": "x"}}).failures[0]
    assert report({"derivedFrom": {"alloyHash": digest("p")}}).failures == ()


def test_a_run_that_continued_from_other_files_fails() -> None:
    points = {"profile": {"outputHash": digest("1")}, "prune": {"outputHash": digest("2"), "inputHashes": {}}}
    assert "broken flow" in report({"results": {"stageCheckpoints": points}}).failures[0]


def test_the_report_is_a_json_value() -> None:
    alloy = forge()
    alloy["stages"].pop(2)
    value = json.loads(json.dumps(report(alloy).to_value()))
    assert value["outcome"] == "fails"
    assert value["breaks"][0] == {"kind": "dropped", "stage": 2, "type": "", "what": "it was signed, and is gone"}
    assert value["coverage"]["stages"] == 4
    assert {"name", "level", "reason", "claimed"} == set(value["parts"][0])


def test_random_documents_are_reported_on_and_never_fail_to_be() -> None:
    chance = signed.random.Random(5)
    for _ in range(200):
        alloy = forge()
        for _ in range(5):
            if isinstance(alloy, dict) and alloy:
                alloy, _ = signed.edit(alloy, chance)
        assert report(alloy).outcome in ("fails", "unsigned")
