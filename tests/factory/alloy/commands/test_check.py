"""validate, hash, verify, gate: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy.hashes import alloy_hash
from tests.factory.alloy.commands.cli import alloy, bundle, key, put, told
from tests.factory.alloy.examples import forged, recipe, ticket
from tests.factory.alloy.test_commits import document


def test_good_alloys_are_valid(tmp_path: Path) -> None:
    result = alloy("validate", put(tmp_path, forged()), put(tmp_path, recipe(), "y"))
    assert (result.exit_code, result.stdout) == (0, "2 of 2 valid\n")


def test_every_problem_has_its_place_and_its_remedy(tmp_path: Path) -> None:
    value = recipe()
    value["stages"][0]["level"] = 0.95
    value["stages"][1]["type"] = "trian"
    path = put(tmp_path, value)
    result = alloy("validate", path, put(tmp_path, recipe(), "y"))
    assert result.exit_code == 1
    first, second, last = result.stdout.splitlines()
    assert first == (
        f"{path}:14:16: stages[0].level: expected at most 0.9, got 0.95. "
        "What lies outside was never meant, and no engine runs it. Write at most 0.9."
    )
    assert second.startswith(
        f"{path}:18:15: stages[1].type: expected a stage of llm-forge, got 'trian'; nearest: train"
    )
    assert last == "1 of 2 valid"


def test_problems_as_json(tmp_path: Path) -> None:
    value = recipe() | {"cycles": 0}
    (found,) = told("validate", put(tmp_path, value), code=1)
    assert (found["level"], found["path"], found["line"]) == ("error", "cycles", 43)
    (tmp_path / "bad").write_bytes(b'{"a": 1, "a": 2}')
    (found,) = told("validate", tmp_path / "bad", code=1)
    assert (found["line"], found["path"], set(found)) == (
        1,
        "a",
        {"level", "file", "line", "column", "what", "why", "fix", "path"},
    )


def test_a_file_that_is_not_there_is_one_bad_alloy_among_others(tmp_path: Path) -> None:
    result = alloy("validate", tmp_path / "nothing", put(tmp_path, recipe()))
    assert result.exit_code == 1
    assert result.stdout.endswith("1 of 2 valid\n")


def test_warnings_count_only_if_asked(tmp_path: Path) -> None:
    value = forged()
    value["results"]["activeParamsB"] = 1.0
    path = put(tmp_path, value)
    assert alloy("validate", path).exit_code == 0
    assert "warning: results.activeParamsB" in alloy("validate", path).stdout
    assert alloy("validate", path, "--strict").exit_code == 1


def test_the_hashes_are_printed_whole(tmp_path: Path) -> None:
    path = put(tmp_path, forged())
    facts = told("hash", path)
    assert facts["alloyHash"] == alloy_hash(forged())
    assert facts["modelHash"] == facts["modelHashStated"]
    assert facts["modelHashRule"] == "list of files"
    shown = alloy("hash", path).stdout
    assert facts["fileHash"] in shown and facts["alloyHash"] in shown and facts["modelHash"] in shown


def test_a_model_hash_that_does_not_follow_is_wrong(tmp_path: Path) -> None:
    value = forged()
    value["results"]["integrity"]["fileHashes"][0]["sha256"] = "0" * 64
    assert told("hash", put(tmp_path, value), code=1)["modelHashRule"] is None
    value["results"]["integrity"]["fileHashes"][0]["sha256"] = "later"
    result = alloy("hash", put(tmp_path, value))
    assert result.exit_code == 1 and "fileHashes" in result.stderr


def test_an_alloy_without_proof_is_never_called_verified(tmp_path: Path) -> None:
    result = alloy("verify", put(tmp_path, forged()))
    assert result.exit_code == 3
    assert result.stdout.splitlines()[0] == "  unsigned  self-reported"
    assert "verified" not in result.stdout.replace("unverified", "")


def test_a_sealed_alloy_holds_until_it_is_changed(tmp_path: Path) -> None:
    pem, registry = key(tmp_path)
    sealed = tmp_path / "sealed.alloy.json"
    assert alloy("sign", put(tmp_path, forged()), "--key", pem, "--out", sealed).exit_code == 0
    result = alloy("verify", sealed, "--keys", registry)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "  holds  self-reported, signed by someone")
    value = json.loads(sealed.read_text())
    value["results"]["benchmarks"][0] |= {"score": 91.0, "delta": -5.0}
    changed = told("verify", put(tmp_path, value, "changed"), "--keys", registry, code=1)
    assert changed["outcome"] == "fails" and changed["failures"][0].startswith("seal: ")


def test_a_key_that_only_the_document_brings_is_not_trusted(tmp_path: Path) -> None:
    pem, _ = key(tmp_path)
    sealed = tmp_path / "sealed.alloy.json"
    alloy("sign", put(tmp_path, forged()), "--key", pem, "--out", sealed)
    others = tmp_path / "others.json"
    others.write_text('{"keys": []}')
    assert "not registered" in told("verify", sealed, "--keys", others, code=1)["failures"][0]


def test_without_a_registry_signatures_are_not_checked_and_it_says_so(tmp_path: Path) -> None:
    pem, _ = key(tmp_path)
    sealed = tmp_path / "sealed.alloy.json"
    alloy("sign", put(tmp_path, forged()), "--key", pem, "--out", sealed)
    report = told("verify", sealed, code=3)
    assert (report["outcome"], report["standing"]) == ("unsigned", "self-reported")
    assert report["notes"] == ["signatures were not checked: no registry of keys was given"]
    assert "signatures were not checked" in alloy("verify", sealed).stdout


def test_an_attestation_answers_one_question_of_one_verifier(tmp_path: Path) -> None:
    pem, registry = key(tmp_path)
    sealed = tmp_path / "sealed.alloy.json"
    asked = ("--nonce", "A" * 22, "--audience", "https://rooms.example")
    alloy("sign", put(tmp_path, forged()), "--key", pem, *asked, "--out", sealed)
    assert alloy("verify", sealed, "--keys", registry, *asked).exit_code == 0
    other = told("verify", sealed, "--keys", registry, "--nonce", "B" * 22, code=1)
    assert "sent again" in other["failures"][0]


def test_a_repository_s_own_chain_is_followed_commit_by_commit(tmp_path: Path) -> None:
    path = put(tmp_path, document())
    assert told("verify", path, code=3)["failures"] == []
    assert "Every link recomputes" in alloy("verify", path).stdout
    broken = document()
    broken["stages"][2]["tree"] = "0" * 40
    assert told("verify", put(tmp_path, broken), code=1)["failures"][0].startswith("commit 2: ")
    assert "commit 2" in alloy("verify", put(tmp_path, broken)).stdout


def test_files_beside_it_are_compared_and_samples_scored_again(tmp_path: Path) -> None:
    path, folder = put(tmp_path, forged()), bundle(tmp_path)
    report = told("verify", path, "--model-dir", folder, code=3)
    levels = {part["name"]: part["level"] for part in report["parts"]}
    assert (levels["model"], levels["benchmarks"], levels["corpora"]) == ("proven", "proven", "proven")
    tiers = {(row["tier"], row["artefact"]): row["verdict"] for row in report["tiers"]}
    assert (tiers[3, "humaneval"], tiers[4, "humaneval"], tiers[2, "model.Q5_K_M.gguf"]) == ("pass", "pass", "unknown")
    (folder / "model.Q5_K_M.gguf").write_text("other weights")
    assert told("verify", path, "--model-dir", folder, code=1)["failures"] == [
        "the file 'model.Q5_K_M.gguf' is not the one that was hashed"
    ]


def test_a_broken_rule_is_a_failure_too(tmp_path: Path) -> None:
    value = ticket()
    value["stages"].append(dict(value["stages"][2]))
    report = told("verify", put(tmp_path, value), code=1)
    assert any("admits a second time" in one for one in report["failures"])


@pytest.mark.parametrize(("expected", "code"), [("0" * 16, 1), ("0" * 8, 2), ("xyz", 2)])
def test_an_expected_hash_is_compared_and_a_short_one_refused(expected: str, code: int, tmp_path: Path) -> None:
    assert alloy("verify", put(tmp_path, recipe()), "--hash", expected).exit_code == code


def test_the_right_hash_is_right_in_both_forms(tmp_path: Path) -> None:
    path = put(tmp_path, recipe())
    facts = told("hash", path)
    for right in (facts["fileHash"][:16], facts["alloyHash"], facts["alloyHash"][7:]):
        assert alloy("verify", path, "--hash", right).exit_code == 3


@pytest.mark.parametrize(
    ("option", "content"), [("--keys", "[]"), ("--keys", '{"keys": [{}]}'), ("--keys", "{"), ("--model-dir", None)]
)
def test_what_cannot_be_read_is_one_sentence(option: str, content: str | None, tmp_path: Path) -> None:
    other = tmp_path / "other"
    if content is not None:
        other.write_text(content)
    result = alloy("verify", put(tmp_path, recipe()), option, other)
    assert result.exit_code == 1 and len(result.stderr.splitlines()) == 1


MANIFEST: dict[str, Any] = {
    "corpora": {"code-1": {"examples": 1, "tokens": 12}},
    "kvBytesPerToken": 65536,
    "contextTokens": 4096,
    "benchmarkItems": {"humaneval": ["Write a function that returns the sum of all even numbers in a list"]},
}


def test_a_model_with_all_its_evidence_may_ship(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    arguments = (
        "gate",
        put(tmp_path, forged()),
        "--model-dir",
        bundle(tmp_path),
        "--manifest",
        tmp_path / "manifest.json",
    )
    assert {one["gate"]: one["verdict"] for one in told(*arguments)} == {
        "anchor": "pass",
        "calibration corpus": "pass",
        "acceptance": "pass",
        "hardware fit": "pass",
        "integrity": "pass",
        "completeness": "pass",
    }
    assert alloy(*arguments).stdout.startswith("Anchor\n  pass  mode published\nCalibration corpus\n  pass\n")


def test_what_is_not_known_does_not_ship(tmp_path: Path) -> None:
    assert alloy("gate", put(tmp_path, forged())).exit_code == 3
    value = forged()
    del value["calibrationCorpora"]
    result = alloy("gate", put(tmp_path, value))
    assert result.exit_code == 1
    assert "    fail  declared: required an entry, observed code-1;" in result.stdout


def test_what_breaks_a_rule_does_not_come_to_the_gates(tmp_path: Path) -> None:
    value = forged()
    value["results"]["benchmarks"][0]["delta"] = 6.0
    result = alloy("gate", put(tmp_path, value))
    assert result.exit_code == 1 and "results.benchmarks[0].delta" in result.stderr


def test_only_models_are_gated(tmp_path: Path) -> None:
    result = alloy("gate", put(tmp_path, ticket()))
    assert result.exit_code == 1 and "expected an alloy of llm-forge" in result.stderr


def test_a_manifest_of_the_wrong_shape_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"contextTokens": "many"}')
    result = alloy("gate", put(tmp_path, forged()), "--manifest", tmp_path / "manifest.json")
    assert result.exit_code == 1 and "manifest.json:1:19: contextTokens: expected a whole number" in result.stderr
