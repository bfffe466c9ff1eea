"""key, sign, fork, card, page: what they write, and what they refuse."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from cadence.factory.alloy.hashes import alloy_hash
from cadence.factory.alloy.page import page
from tests.factory.alloy.commands.cli import alloy, key, put, told
from tests.factory.alloy.examples import forged, recipe, text, ticket


def test_a_key_is_written_once_and_for_its_owner_only(tmp_path: Path) -> None:
    made = alloy("key", tmp_path / "k.pem", "--owner", "ann", "--algorithm", "ES256")
    entry = json.loads(made.stdout)
    assert (entry["owner"], entry["algorithm"]) == ("ann", "ES256")
    assert "PRIVATE" not in made.stdout
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    again = alloy("key", tmp_path / "k.pem", "--owner", "ann")
    assert again.exit_code == 1 and "does not exist yet" in again.stderr
    assert alloy("key", tmp_path / "l.pem", "--owner", "ann", "--algorithm", "RSA").exit_code == 1
    assert not (tmp_path / "l.pem").exists()


def test_a_seal_changes_nothing_but_the_integrity_block_and_keeps_the_layout(tmp_path: Path) -> None:
    pem, _ = key(tmp_path)
    path = put(tmp_path, forged())
    sealed = alloy("sign", path, "--key", pem, "--at", "2026-11-02T00:00:00Z").stdout
    value = json.loads(sealed)
    assert value["results"]["integrity"]["attestedAt"] == "2026-11-02T00:00:00Z"
    assert set(value["results"]["integrity"]) - set(forged()["results"]["integrity"]) == {"alloyHash", "signature"}
    value["results"]["integrity"] = forged()["results"]["integrity"]
    assert value == forged()
    assert sealed.startswith('{\n  "name"') and not sealed.endswith("\n")
    assert path.read_bytes() == text(forged())


def test_stages_are_attested_in_order_and_then_sealed(tmp_path: Path) -> None:
    pem, registry = key(tmp_path)
    path = put(tmp_path, recipe())
    (tmp_path / "weights").write_text("w")
    early = alloy("sign", path, "--key", pem, "--stage", 1, "--output", tmp_path / "weights")
    assert early.exit_code == 1 and "before" in early.stderr
    for number in range(5):
        made = alloy(
            "sign", path, "--key", pem, "--stage", number, "--input", f"base={tmp_path / 'weights'}",
            "--output", tmp_path / "weights", "--out", path,
        )  # fmt: skip
        assert made.exit_code == 0, made.stderr
    assert alloy("sign", path, "--key", pem, "--out", path).exit_code == 0
    late = alloy("sign", path, "--key", pem, "--stage", 4, "--output", tmp_path / "weights")
    assert late.exit_code == 1 and "not sealed" in late.stderr
    report = told("verify", path, "--keys", registry)
    assert (report["outcome"], report["coverage"]["percent"], report["breaks"]) == ("holds", 100, [])
    value = json.loads(path.read_text())
    value["stages"][2]["format"] = "mlx"
    broken = told("verify", put(tmp_path, value, "y"), "--keys", registry, code=1)
    assert [(one["kind"], one["stage"]) for one in broken["breaks"]] == [("edited", 2)]


def test_a_stage_can_need_two_signatures(tmp_path: Path) -> None:
    keys = {name: key(tmp_path, name) for name in ("issuer", "ann", "ben")}
    ids = {one["owner"]: one["keyId"] for one in json.loads((tmp_path / "keys.json").read_text())["keys"]}
    value = ticket()
    value["stages"] = value["stages"][:2]
    value["stages"][0]["holder"] = value["stages"][1]["from"] = ids["ann"]
    value["stages"][1]["to"] = ids["ben"]
    path = put(tmp_path, value)
    (tmp_path / "paper").write_text("seat 4B")

    def attest(stage: int, *roles: str) -> None:
        given = [part for role in roles for part in ("--key", role)]
        made = alloy("sign", path, *given, "--stage", stage, "--output", tmp_path / "paper", "--out", path)
        assert made.exit_code == 0, made.stderr

    attest(0, f"issuer={keys['issuer'][0]}")
    attest(1, f"from={keys['ann'][0]}", f"to={keys['ben'][0]}")
    assert told("verify", path, "--keys", tmp_path / "keys.json", code=3)["coverage"]["percent"] == 100
    attest(1, f"from={keys['ben'][0]}", f"to={keys['ben'][0]}")
    broken = told("verify", path, "--keys", tmp_path / "keys.json", code=1)
    assert [(one["kind"], one["stage"]) for one in broken["breaks"]] == [("wrong signer", 1)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--input", "a=b"], 2),
        (["--stage", "9"], 1),
        (["--stage", "-1"], 1),
        (["--stage", "0", "--input", "nothing"], 2),
        (["--stage", "0", "--input", "a=missing"], 1),
        (["--at", "yesterday"], 1),
        (["--nonce", "AAAA"], 1),
    ],
)
def test_what_cannot_be_signed_is_refused(arguments: list[str], code: int, tmp_path: Path) -> None:
    pem, _ = key(tmp_path)
    result = alloy("sign", put(tmp_path, recipe()), "--key", pem, *arguments)
    assert result.exit_code == code and result.stdout == "" and len(result.stderr.splitlines()) == 1


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("not a key")
    for name in ("k.pem", "nothing.pem"):
        assert alloy("sign", put(tmp_path, recipe()), "--key", tmp_path / name).exit_code == 1
    assert alloy("sign", put(tmp_path, recipe())).exit_code == 2


def test_a_fork_is_a_valid_recipe_with_a_proven_parent(tmp_path: Path) -> None:
    parent = put(tmp_path, forged(), "parent")
    child = tmp_path / "child.alloy.json"
    assert alloy("fork", parent, "--name", "child", "--out", child).exit_code == 0
    assert json.loads(child.read_text())["derivedFrom"]["alloyHash"] == alloy_hash(forged())
    assert alloy("validate", child, "--strict").exit_code == 0
    assert [one["standing"] for one in told("lineage", child)] == ["proven", "origin"]


def test_a_fork_that_would_be_invalid_is_refused(tmp_path: Path) -> None:
    result = alloy("fork", put(tmp_path, forged()), "--name", "child", "--version", "one")
    assert result.exit_code == 1 and "version" in result.stderr


def test_a_card_in_both_views(tmp_path: Path) -> None:
    path = put(tmp_path, forged())
    user = alloy("card", path).stdout
    assert "# small-moe-compacted" in user and "How it was made" not in user
    assert alloy("card", path, "--researcher", "--out", tmp_path / "README.md").exit_code == 0
    assert "How it was made" in (tmp_path / "README.md").read_text()


def test_no_card_for_what_is_wrong(tmp_path: Path) -> None:
    result = alloy("card", put(tmp_path, recipe() | {"cycles": 0}))
    assert result.exit_code == 1 and "cycles" in result.stderr


def test_the_verify_page_is_written_as_one_file(tmp_path: Path) -> None:
    assert alloy("page", "--out", tmp_path / "verify.html").exit_code == 0
    assert (tmp_path / "verify.html").read_text() == page()
