"""Seals and receipts: what they cover, what breaks them, and who else vouches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cadence.factory.alloy import chain, seal
from cadence.factory.alloy.hashes import alloy_hash
from cadence.factory.alloy.keys import Registry, read_registry
from cadence.factory.alloy.seal import SealBroken
from tests.factory.alloy import signed
from tests.factory.alloy.signed import NOW, SEALED, digest, forge, key, registry, ticket

KEYS = registry()
NONCE = "AAAAAAAAAAAAAAAAAAAAAA"


def broken(alloy: dict[str, Any], checking: Callable[..., Any] = seal.check, keys: Registry = KEYS) -> str:
    with pytest.raises(SealBroken) as caught:
        checking(alloy, keys, NOW)
    return str(caught.value)


def changed(alloy: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    copy: dict[str, Any] = signed.copy.deepcopy(alloy)
    signed.parent(copy, path)[path[-1]] = to
    return copy


@pytest.mark.parametrize("make", [forge, ticket])
def test_a_sealed_alloy_holds_and_names_who_sealed_it(make: Callable[[], dict[str, Any]]) -> None:
    alloy = make()
    assert seal.check(alloy, KEYS, NOW).owner in ("forge", "hall")
    assert seal.check_receipt(alloy, KEYS, NOW).owner in ("forge", "hall")
    assert seal.is_sealed(alloy) and not seal.is_sealed({"integrity": {}})


def test_the_payload_has_the_keys_of_the_contract_and_two_more() -> None:
    keys = "alloyHash attestedAt audience benchmarkResults chain codeHash datasetHashes hardwareResults modelHash nonce"
    assert sorted(seal.payload(forge(), "sha256:x")) == keys.split()
    said = seal.payload(forge(), "sha256:x")
    assert said["hardwareResults"][0]["tokensPerSec"] == 11.5
    assert said["datasetHashes"] == [digest("heldout")]
    assert said["codeHash"] == digest("runner")
    assert said["chain"]["length"] == 5


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("description",), "better"),
        (("results", "benchmarks", 0, "score"), 99.0),
        (("results", "hardwareVerified", 0, "tokensPerSec"), 99.0),
        (("results", "integrity", "modelHash"), digest("other")),
        (("results", "integrity", "trustLevel"), "enclave"),
        (("results", "integrity", "attestedAt"), "2026-11-26T18:00:01Z"),
        (("results", "integrity", "nonce"), NONCE),
        (("results", "integrity", "alloyHash"), digest("other")),
        (("results", "integrity", "alloyHash"), None),
        (("results", "integrity", "chain", "length"), 4),
        (("results", "integrity", "chain"), None),
        (("results", "integrity", "signature", "certificateChain"), ["x"]),
        (("stages", 0, "signatures", 0, "value"), "x"),
    ],
)
def test_nothing_can_be_changed_after_sealing(path: tuple[str | int, ...], to: Any) -> None:
    assert broken(changed(forge(), *path, to=to))


def test_an_edit_beside_the_payload_shows_as_another_document() -> None:
    assert "changed after sealing" in broken(changed(forge(), "description", to="better"))


def test_an_unsealed_alloy_says_that_it_is_self_reported() -> None:
    assert "self-reported" in broken({"name": "a"})
    assert "self-reported" in broken({"name": "a"}, seal.check_receipt)


def test_two_integrity_blocks_are_one_too_many() -> None:
    alloy = forge()
    assert "Remove one" in broken({**alloy, "integrity": {"signature": alloy["results"]["integrity"]["signature"]}})


def test_the_end_of_a_chain_is_known_from_an_authentic_seal_also_of_a_changed_document() -> None:
    alloy = forge()
    last = chain.link_hash(alloy["stages"][-1])
    assert seal.sealed_chain(alloy, KEYS, NOW) == (5, last)
    assert seal.sealed_chain({**alloy, "stages": alloy["stages"][:2]}, KEYS, NOW) == (5, last)
    assert seal.sealed_chain(changed(alloy, "results", "integrity", "chain", "length", to=2), KEYS, NOW) is None
    assert seal.sealed_chain({}, KEYS, NOW) is None


def test_sealing_again_replaces_the_seal_and_keeps_the_rest() -> None:
    alloy = {key: value for key, value in forge().items() if key != "receipt"}
    again = seal.seal({**alloy, "version": "1.0.1"}, key("agency"), SEALED, nonce=NONCE, audience="https://a.example")
    assert seal.check(again, KEYS, NOW).owner == "agency"
    assert again["results"]["integrity"]["nonce"] == NONCE
    assert again["stages"] == alloy["stages"]
    assert "nonce" not in seal.seal(again, key("forge"), SEALED)["results"]["integrity"]


def test_what_cannot_be_sealed_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        seal.seal({}, key("forge"), "today")
    with pytest.raises(ValueError, match="nonce of at least 16"):
        seal.seal({}, key("forge"), SEALED, nonce="AAAA", audience="x")
    with pytest.raises(ValueError, match="together"):
        seal.seal({}, key("forge"), SEALED, nonce=NONCE)
    with pytest.raises(ValueError, match="one integrity block"):
        seal.seal({"integrity": {"a": 1}, "results": {"integrity": {"b": 2}}}, key("forge"), SEALED)
    with pytest.raises(ValueError, match="signed receipt"):
        seal.seal(ticket(), key("hall"), SEALED)
    with pytest.raises(ValueError, match="canonical"):
        seal.seal({"x": float("nan")}, key("forge"), SEALED)


def test_publishing_keeps_the_seal_and_a_receipt_belongs_to_one_alloy() -> None:
    alloy, other = forge(), forge("other")
    assert alloy["receipt"]["alloyHash"] == alloy_hash(alloy)
    assert "another alloy" in broken({**alloy, "receipt": other["receipt"]}, seal.check_receipt)
    assert broken(changed(alloy, "receipt", "publications", to=[]), seal.check_receipt)
    assert broken(changed(alloy, "receipt", "signature", to=None), seal.check_receipt)
    assert seal.check({**alloy, "receipt": {}}, KEYS, NOW)


def test_a_revoked_key_breaks_all_its_seals() -> None:
    entries = [{**one, "revokedAt": SEALED} for one in signed.entries()]
    assert "revoked" in broken(forge(), keys=read_registry(entries))


def test_who_may_seal_and_issue_receipts_is_for_the_registry_to_say() -> None:
    for what, checking in (("seal", seal.check), ("receipt", seal.check_receipt)):
        some = read_registry({"keys": signed.entries(), "authority": {what: ["forge"]}})
        assert checking(forge(), some, NOW).owner == "forge"
        others = read_registry({"keys": signed.entries(), "authority": {what: ["lab"]}})
        assert f"may sign `{what}`" in broken(forge(), checking, others)


def test_others_count_as_certifiers_and_the_producer_does_not() -> None:
    bare = {key: value for key, value in forge().items() if key != "receipt"}
    model = bare["results"]["integrity"]["modelHash"]
    stated = {"adapter": "bench", "version": "1", "domain": "llm", "result": {"score": 88.4}, "attestedAt": SEALED}
    good = [seal.certify(stated, model, key(owner)) for owner in ("agency", "hall", "agency", "forge")]
    wrong = [seal.certify(stated, digest("other model"), key("gate")), {**good[0], "result": {"score": 99}}, stated]
    integrity = {**bare["results"]["integrity"], "certifications": [*good, *wrong]}
    alloy = seal.seal({**bare, "results": {**bare["results"], "integrity": integrity}}, key("forge"), SEALED)
    assert sorted(seal.certifiers(alloy, KEYS, NOW)) == ["agency", "hall"]
    assert seal.certifiers({}, KEYS, NOW) == {}
