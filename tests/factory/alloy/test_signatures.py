"""Signatures: both algorithms hold, and nothing in or around them can be changed unseen."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from cadence.factory.alloy.canonical import canonical
from cadence.factory.alloy.keys import decode, read_registry
from cadence.factory.alloy.signatures import FORESEEN, SignatureRefused, verify
from cadence.factory.alloy.signing import SigningKey
from tests.factory.alloy.signed import NOW, REGISTERED

AT = NOW
PAYLOAD = {"alloyHash": "sha256:" + "0" * 64, "scores": [88.4, 1e21], "who": "é"}
ALGORITHMS = ("EdDSA", "ES256")
KEYS = {algorithm: SigningKey.generate(algorithm) for algorithm in ALGORITHMS}
REGISTRY = read_registry([key.entry(algorithm, REGISTERED) for algorithm, key in KEYS.items()])

both = pytest.mark.parametrize("algorithm", ALGORITHMS)


def refused(signature: Any, purpose: str = "test", payload: dict[str, Any] = PAYLOAD) -> SignatureRefused:
    with pytest.raises(SignatureRefused) as caught:
        verify(signature, purpose, payload, REGISTRY, AT, NOW)
    return caught.value


@both
def test_a_signature_holds_and_names_its_owner(algorithm: str) -> None:
    signature = KEYS[algorithm].sign("test", PAYLOAD, role="runner")
    assert verify(signature, "test", PAYLOAD, REGISTRY, AT, NOW).owner == algorithm
    assert len(decode(signature["value"])) == 64


@both
def test_nothing_can_be_changed_unseen(algorithm: str) -> None:
    signature = KEYS[algorithm].sign("test", PAYLOAD, role="runner")
    assert "changed" in str(refused(signature, payload={**PAYLOAD, "who": "e"}))
    assert "changed" in str(refused(signature, purpose="other"))
    assert "changed" in str(refused({**signature, "role": "judge"}))
    assert "changed" in str(refused({**signature, "keyRegistry": "https://mine.example"}))
    assert "changed" in str(refused({key: value for key, value in signature.items() if key != "role"}))
    assert "nothing unknown" in str(refused({**signature, "note": "trust me"}))
    other = KEYS[algorithm].sign("test", {})["value"]
    assert "changed" in str(refused({**signature, "value": other}))
    last = "AB"[signature["value"][-1] == "A"]
    assert refused({**signature, "value": signature["value"][:-1] + last})


def test_a_key_in_the_document_is_never_trusted() -> None:
    mine = SigningKey.generate()
    signature = mine.sign("test", PAYLOAD)
    assert refused(signature).wrong_signer
    posing = {**signature, "keyId": KEYS["EdDSA"].key_id}
    assert refused(posing).wrong_signer
    swapped = {**KEYS["EdDSA"].sign("test", PAYLOAD), "algorithm": "ES256"}
    assert "another algorithm" in str(refused(swapped))


@pytest.mark.parametrize("algorithm", FORESEEN)
def test_an_algorithm_that_cannot_be_checked_proves_nothing(algorithm: str) -> None:
    signature = {**KEYS["EdDSA"].sign("test", PAYLOAD), "algorithm": algorithm}
    assert "cannot be checked" in str(refused(signature))


@pytest.mark.parametrize("signature", [None, "x", {}, [], {"algorithm": 1, "publicKey": 2, "keyId": 3, "value": 4}])
def test_what_is_no_signature_is_refused(signature: Any) -> None:
    assert "expected" in str(refused(signature))


@both
@pytest.mark.parametrize("value", ["", "AAAA", "A" * 86, "!" * 86, "QR"])
def test_a_value_of_the_wrong_form_is_refused(value: str, algorithm: str) -> None:
    refused({**KEYS[algorithm].sign("test", PAYLOAD), "value": value})


def test_the_signed_bytes_are_those_of_the_contract() -> None:
    key = KEYS["EdDSA"]
    signature = key.sign("test", {"b": 1.0, "a": "x"})
    signer = f'{{"algorithm":"EdDSA","keyId":"{key.key_id}","publicKey":"{signature["publicKey"]}"}}'
    text = f'{{"a":"x","b":1,"purpose":"test","signer":{signer}}}'
    assert isinstance(key.private, ed25519.Ed25519PrivateKey)
    key.private.public_key().verify(decode(signature["value"]), hashlib.sha256(text.encode()).digest())
    assert canonical({"b": 1.0}) == b'{"b":1}'
