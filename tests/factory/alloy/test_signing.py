"""Keys that sign: files, kinds, and what they refuse. What their signatures are worth is for `test_signatures`."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cadence.factory.alloy.signatures import verify
from cadence.factory.alloy.signing import SigningKey
from tests.factory.alloy.signed import NOW
from tests.factory.alloy.test_signatures import AT, KEYS, PAYLOAD, REGISTRY, both


@both
def test_a_key_survives_its_file(algorithm: str) -> None:
    key = KEYS[algorithm]
    again = SigningKey.from_pem(key.to_pem())
    assert (again.key_id, again.algorithm, again.public_key) == (key.key_id, algorithm, key.public_key)
    assert verify(again.sign("test", PAYLOAD), "test", PAYLOAD, REGISTRY, AT, NOW).owner == algorithm


@both
def test_signing_twice_gives_the_same_signature(algorithm: str) -> None:
    assert KEYS[algorithm].sign("test", PAYLOAD) == KEYS[algorithm].sign("test", PAYLOAD)


@pytest.mark.parametrize("private", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)])
def test_a_key_of_another_kind_is_refused(private: Any) -> None:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="Ed25519 or P-256"):
        SigningKey.from_pem(pem)
    with pytest.raises(ValueError, match="PEM file"):
        SigningKey.from_pem(b"secret")
    with pytest.raises(ValueError, match="EdDSA or ES256"):
        SigningKey.generate("RSA")


def test_what_our_reader_would_refuse_is_not_signed() -> None:
    with pytest.raises(ValueError, match="2\\^53"):
        KEYS["EdDSA"].sign("test", {"n": 1e20})
    with pytest.raises(ValueError, match="canonical"):
        KEYS["EdDSA"].sign("test", {"n": float("nan")})


def test_a_private_key_does_not_show_itself() -> None:
    assert KEYS["EdDSA"].to_pem().decode().splitlines()[1] not in repr(KEYS["EdDSA"])
