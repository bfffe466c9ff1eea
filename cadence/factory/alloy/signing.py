"""Keys that sign: made, kept in PEM files, used. How what they make is checked: `cadence.factory.alloy.signatures`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from cadence.factory.alloy.canonical import checked
from cadence.factory.alloy.keys import encode
from cadence.factory.alloy.signatures import COORDINATE_BYTES, message

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


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
        signed = message(purpose, checked(payload), signer)
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            value = self.private.sign(signed)
        else:
            r, s = decode_dss_signature(self.private.sign(signed, _es256()))
            value = r.to_bytes(COORDINATE_BYTES, "big") + s.to_bytes(COORDINATE_BYTES, "big")
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


def _es256() -> ec.ECDSA:
    """Deterministic (RFC 6979) as Ed25519 is: bad chance cannot give the key away, and sealing twice gives the same."""
    try:
        return ec.ECDSA(SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:  # OpenSSL before 3.2
        return ec.ECDSA(SHA256())
