"""Signatures over values: Ed25519 (written EdDSA) and ECDSA on P-256 (ES256), by the registry's keys only.

What is signed is the SHA-256 digest of the canonical form (RFC 8785) of

    {...payload, "purpose": what for, "signer": all of the signature but its value}

as the message of either algorithm; ES256 hashes it once more, as WebCrypto and hardware keys do. With `purpose` a
signature for one use is worthless for another; with `signer` nothing in the signature object can be changed unseen.
ES256 values are r || s, 64 bytes (RFC 7518, section 3.4); keys and values are base64url without padding.

Pure but for `SigningKey.generate`, which draws a key.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from cadence.factory.alloy.canonical import CanonicalError, canonical, checked
from cadence.factory.alloy.keys import Key, KeyRefused, Registry, decode, encode

FORESEEN = ("ES384", "ML-DSA-65", "ML-DSA-87", "SLH-DSA-128s")  # named by the contract, not checked here yet
_REQUIRED = {"algorithm", "publicKey", "keyId", "value"}
_OPTIONAL = {"role", "credentialId", "certificateChain", "keyRegistry"}
_COORDINATE_BYTES = 32

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


class SignatureRefused(ValueError):
    """A signature that proves nothing; `authentic` says whether the value fits the bytes under the registered key."""

    def __init__(self, sentence: str, *, wrong_signer: bool = False) -> None:
        super().__init__(sentence)
        self.wrong_signer = wrong_signer


@dataclass(frozen=True)
class SigningKey:
    """A private key. Its id is derived from the public key, so that two never share one."""

    private: Private

    @classmethod
    def generate(cls, algorithm: str = "EdDSA") -> SigningKey:
        """A fresh key for `EdDSA` or `ES256`."""
        if algorithm not in ("EdDSA", "ES256"):
            raise ValueError(f"expected EdDSA or ES256, got {algorithm[:40]!r}. Choose one of them")
        return cls(
            ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(ec.SECP256R1())
        )

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> SigningKey:
        """The key in a PKCS #8 PEM file; raises `ValueError`."""
        try:
            private = load_pem_private_key(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("expected a PEM file with a private key, and its password if it has one") from None
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
            return cls(private)
        if isinstance(private, ed25519.Ed25519PrivateKey):
            return cls(private)
        raise ValueError("expected a key of Ed25519 or P-256, got another kind. Make one with `cadence alloy key`")

    def to_pem(self) -> bytes:
        """The key as PKCS #8 PEM, not encrypted: whoever reads the file can sign."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def algorithm(self) -> str:
        """`EdDSA` or `ES256`."""
        return "EdDSA" if isinstance(self.private, ed25519.Ed25519PrivateKey) else "ES256"

    @property
    def public_key(self) -> bytes:
        """32 bytes of Ed25519, or 65 of P-256."""
        public = self.private.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            return public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def key_id(self) -> str:
        """The algorithm and the first 32 hex digits of the public key's SHA-256."""
        return f"{self.algorithm}-{hashlib.sha256(self.public_key).hexdigest()[:32]}"

    def sign(self, purpose: str, payload: dict[str, Any], *, role: str | None = None) -> dict[str, Any]:
        """A signature object over `payload`; raises `ValueError` for a value that our own reader would refuse."""
        signer = {"algorithm": self.algorithm, "keyId": self.key_id, "publicKey": encode(self.public_key)}
        if role is not None:
            signer["role"] = role
        message = _message(purpose, checked(payload), signer)
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            value = self.private.sign(message)
        else:
            r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(SHA256())))
            value = r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")
        return {**signer, "value": encode(value)}

    def entry(self, owner: str, registered_at: str) -> dict[str, Any]:
        """The registry's entry for this key; it holds no secret."""
        return {
            "keyId": self.key_id,
            "algorithm": self.algorithm,
            "publicKey": encode(self.public_key),
            "owner": owner,
            "registeredAt": registered_at,
        }


def verify(
    signature: Any, purpose: str, payload: dict[str, Any], registry: Registry, at: datetime, now: datetime
) -> Key:
    """The registered key that made this signature over `payload` at time `at`; raises `SignatureRefused`."""
    signer, value = _understood(signature)
    try:
        key = registry.judge(signer["keyId"], decode(signer["publicKey"]), at, now)
    except KeyRefused as error:
        raise SignatureRefused(str(error), wrong_signer=True) from None
    except ValueError as error:
        raise SignatureRefused(f"publicKey: {error}") from None
    if key.algorithm != signer["algorithm"]:
        raise SignatureRefused(f"expected {key.algorithm} as the registry says, the signature names another algorithm")
    try:
        message = _message(purpose, payload, signer)
    except CanonicalError as error:
        raise SignatureRefused(str(error)) from None
    if not _fits(key, message, value):
        raise SignatureRefused("the signature does not fit what it stands under: one of the two was changed")
    return key


def _understood(signature: Any) -> tuple[dict[str, Any], bytes]:
    if not isinstance(signature, dict) or not _REQUIRED <= set(signature) <= _REQUIRED | _OPTIONAL:
        raise SignatureRefused(f"expected a signature with {', '.join(sorted(_REQUIRED))}, and nothing unknown")
    if not all(isinstance(signature[name], str) for name in _REQUIRED):
        raise SignatureRefused(f"expected text for {', '.join(sorted(_REQUIRED))} of a signature")
    if signature["algorithm"] in FORESEEN:
        raise SignatureRefused(f"{signature['algorithm']} cannot be checked here yet, so it proves nothing")
    try:
        value = decode(signature["value"])
    except ValueError as error:
        raise SignatureRefused(f"value: {error}") from None
    return {name: member for name, member in signature.items() if name != "value"}, value


def _message(purpose: str, payload: dict[str, Any], signer: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonical({**payload, "purpose": purpose, "signer": signer})).digest()


def _fits(key: Key, message: bytes, value: bytes) -> bool:
    if len(value) != 2 * _COORDINATE_BYTES:  # the size of both kinds
        return False
    try:
        if key.algorithm == "EdDSA":
            ed25519.Ed25519PublicKey.from_public_bytes(key.public_key).verify(value, message)
        else:
            r, s = (int.from_bytes(half, "big") for half in (value[:_COORDINATE_BYTES], value[_COORDINATE_BYTES:]))
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public_key)
            point.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
