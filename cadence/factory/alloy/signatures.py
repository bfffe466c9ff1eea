"""Signatures over values: Ed25519 (written EdDSA) and ECDSA on P-256 (ES256), by the registry's keys only.

What is signed is the SHA-256 digest of the canonical form (RFC 8785) of

    {...payload, "purpose": what for, "signer": all of the signature but its value}

as the message of either algorithm; ES256 hashes it once more, as WebCrypto and hardware keys do. With `purpose` a
signature for one use is worthless for another; with `signer` nothing in the signature object can be changed unseen.
ES256 values are r || s, 64 bytes (RFC 7518, section 3.4); keys and values are base64url without padding.

Pure: `now` is an argument. Keys that sign are in `cadence.factory.alloy.signing`.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from cadence.factory.alloy.canonical import CanonicalError, canonical
from cadence.factory.alloy.keys import Key, KeyRefused, Registry, decode

FORESEEN = ("ES384", "ML-DSA-65", "ML-DSA-87", "SLH-DSA-128s")  # named by the contract, not checked here yet
_REQUIRED = {"algorithm", "publicKey", "keyId", "value"}
_OPTIONAL = {"role", "credentialId", "certificateChain", "keyRegistry"}
COORDINATE_BYTES = 32


class SignatureRefused(ValueError):
    """A signature that proves nothing; `wrong_signer` says that the key is at fault, and not the bytes."""

    def __init__(self, sentence: str, *, wrong_signer: bool = False) -> None:
        super().__init__(sentence)
        self.wrong_signer = wrong_signer


class Signer(Protocol):
    """Whoever holds a private key: a file (`cadence.factory.alloy.signing`), later a security key."""

    @property
    def key_id(self) -> str:
        """What the registry calls the key."""

    def sign(self, purpose: str, payload: dict[str, Any], *, role: str | None = None) -> dict[str, Any]:
        """A signature object over `payload`; raises `ValueError` for a value that our own reader would refuse."""


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
        signed = message(purpose, payload, signer)
    except CanonicalError as error:
        raise SignatureRefused(str(error)) from None
    if not _fits(key, signed, value):
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


def message(purpose: str, payload: dict[str, Any], signer: dict[str, Any]) -> bytes:
    """The 32 bytes that are signed; `signer` is the signature object without its value. Raises `CanonicalError`."""
    return hashlib.sha256(canonical({**payload, "purpose": purpose, "signer": signer})).digest()


def _fits(key: Key, signed: bytes, value: bytes) -> bool:
    if len(value) != 2 * COORDINATE_BYTES:  # the size of both kinds
        return False
    try:
        if key.algorithm == "EdDSA":
            ed25519.Ed25519PublicKey.from_public_bytes(key.public_key).verify(value, signed)
        else:
            r, s = (int.from_bytes(half, "big") for half in (value[:COORDINATE_BYTES], value[COORDINATE_BYTES:]))
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public_key)
            point.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
