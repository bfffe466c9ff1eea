"""The seal: one signature over all that an alloy says, and the receipt that publishing adds to it later.

The signed payload has the keys of the attestation contract: alloyHash, attestedAt, audience, benchmarkResults,
codeHash, datasetHashes, modelHash, nonce. Two more are ours: hardwareResults, since a claim about hardware is a claim,
and chain, so that the end of the chain of custody cannot be cut off. The alloy hash covers the whole document but its
receipt and signature; the other keys only say aloud what a reader should look at.

A receipt is written after sealing. It has its own signature, and names the alloy hash it belongs to.

Pure: moments and nonces are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cadence.factory.alloy import chain
from cadence.factory.alloy.canonical import OWN, CanonicalError, without
from cadence.factory.alloy.challenge import is_nonce
from cadence.factory.alloy.hashes import alloy_hash, integrity_of, same
from cadence.factory.alloy.keys import Key, Registry, instant
from cadence.factory.alloy.signatures import SignatureRefused, Signer, verify

SEAL_PURPOSE = "cadence.alloy.seal.v1"
RECEIPT_PURPOSE = "cadence.alloy.receipt.v1"
CERTIFICATION_PURPOSE = "cadence.alloy.certification.v1"

CERTIFICATIONS_MAX = 100  # that are looked at

Alloy = dict[str, Any]


class SealBroken(ValueError):
    """A seal, receipt or certification that does not hold; the message says why."""


def payload(alloy: Alloy, of: str) -> dict[str, Any]:
    """What the seal's signature covers: the alloy hash `of`, and what the alloy says now."""
    integrity = integrity_of(alloy)
    results = alloy.get("results")
    results = results if isinstance(results, dict) else {}
    code, datasets = integrity.get("code"), integrity.get("datasets")
    return {
        "alloyHash": of,
        "attestedAt": integrity.get("attestedAt"),
        "audience": integrity.get("audience"),
        "benchmarkResults": results.get("benchmarks"),
        "chain": integrity.get("chain"),
        "codeHash": code.get("binaryHash") if isinstance(code, dict) else None,
        "datasetHashes": [one.get("hash") for one in _objects(datasets)],
        "hardwareResults": results.get("hardwareVerified"),
        "modelHash": integrity.get("modelHash"),
        "nonce": integrity.get("nonce"),
    }


def seal(
    alloy: Alloy, key: Signer, attested_at: str, *, nonce: str | None = None, audience: str | None = None
) -> Alloy:
    """A copy of `alloy` with its seal, in the integrity block it has, else in one at the root.

    An older seal is replaced; stages keep their signatures. Raises `ValueError` for a moment without zone, a nonce that
    is none, an alloy without canonical form or with two integrity blocks, and one with a signed receipt, which was
    issued for what the alloy said before.
    """
    instant(attested_at)
    if len(_homes(alloy)) > 1:
        raise ValueError("expected one integrity block, got one at the root and one below results. Remove one of them")
    receipt = alloy.get("receipt")
    if isinstance(receipt, dict) and "signature" in receipt:
        raise ValueError(
            "expected an alloy without signed receipt, which would speak of an older seal. Remove it first"
        )
    if nonce is not None and not is_nonce(nonce):
        raise ValueError("expected a nonce of at least 16 bytes in base64url, got none such. Ask the verifier for one")
    if (nonce is None) != (audience is None):
        raise ValueError("expected nonce and audience together, got one of them. A nonce is good at one address only")
    integrity = {"trustLevel": "self-attested", **without(integrity_of(alloy), *OWN, "nonce", "audience", "chain")}
    integrity["attestedAt"] = attested_at
    integrity |= {name: value for name, value in (("nonce", nonce), ("audience", audience)) if value is not None}
    custody = chain.summary(alloy)
    if custody is not None:
        integrity["chain"] = custody
    unsigned = _with_integrity(alloy, integrity)
    integrity["alloyHash"] = alloy_hash(unsigned)
    integrity["signature"] = key.sign(SEAL_PURPOSE, payload(unsigned, integrity["alloyHash"]))
    return _with_integrity(alloy, integrity)


def is_sealed(alloy: Alloy) -> bool:
    """Whether the alloy claims a seal."""
    return any("signature" in block for block in _homes(alloy))


def check(alloy: Alloy, registry: Registry, now: datetime) -> Key:
    """The key that sealed this alloy as it stands; raises `SealBroken`.

    Freshness is for `Challenges.redeem` to judge, with the nonce and the audience of the integrity block.
    """
    homes = _homes(alloy)
    if len(homes) > 1:
        raise SealBroken("expected one integrity block, got one at the root and one below results. Remove one of them")
    key = _speaks(alloy, registry, now)
    try:
        if not same(integrity_of(alloy)["alloyHash"], alloy_hash(alloy)):
            raise SealBroken("the seal is authentic, but of another document: this one was changed after sealing")
    except CanonicalError as error:
        raise SealBroken(str(error)) from None
    return key


def sealed_chain(alloy: Alloy, registry: Registry, now: datetime) -> tuple[int, str] | None:
    """The length and the last hash of the chain as they were sealed; None if no authentic seal speaks of a chain.

    Good also for a document that was changed since: so one learns what is missing from it.
    """
    try:
        _speaks(alloy, registry, now)
    except SealBroken:
        return None
    custody = integrity_of(alloy).get("chain")
    if not isinstance(custody, dict):
        return None
    length, last = custody.get("length"), custody.get("hash")
    if isinstance(length, int) and not isinstance(length, bool) and isinstance(last, str):
        return length, last
    return None


def _speaks(alloy: Alloy, registry: Registry, now: datetime) -> Key:
    """The key under which the seal says what it says, whether or not that is still true of the document."""
    integrity = integrity_of(alloy)
    if "signature" not in integrity:
        raise SealBroken("the alloy is not sealed: it has no signature. What it says is self-reported")
    try:
        at = instant(integrity.get("attestedAt"))
        stated = payload(alloy, integrity.get("alloyHash", ""))
        return _allowed(verify(integrity["signature"], SEAL_PURPOSE, stated, registry, at, now), "seal", registry)
    except SignatureRefused as error:
        raise SealBroken(f"integrity.signature: {error}") from None
    except ValueError as error:
        raise SealBroken(f"integrity.attestedAt: {error}") from None


def receive(
    alloy: Alloy, key: Signer, issued_at: str, publications: Iterable[dict[str, Any]], card_hash: str | None = None
) -> Alloy:
    """A copy of `alloy` with a signed receipt of its publication; the card may name the alloy hash."""
    instant(issued_at)
    receipt: dict[str, Any] = {
        "publications": list(publications),
        "issuedAt": issued_at,
        "alloyHash": alloy_hash(alloy),
    }
    if card_hash is not None:
        receipt["cardHash"] = card_hash
    return {**alloy, "receipt": {**receipt, "signature": key.sign(RECEIPT_PURPOSE, receipt)}}


def check_receipt(alloy: Alloy, registry: Registry, now: datetime) -> Key:
    """The key that signed the receipt, if that belongs to this alloy; raises `SealBroken`."""
    receipt = alloy.get("receipt")
    if not isinstance(receipt, dict) or "signature" not in receipt:
        raise SealBroken("there is no signed receipt. Where this was published is self-reported")
    try:
        if not same(receipt.get("alloyHash"), alloy_hash(alloy)):
            raise SealBroken("the receipt was issued for another alloy, or for an earlier state of this one")
        signed = without(receipt, "signature")
        at = instant(receipt.get("issuedAt"))
        return _allowed(verify(receipt["signature"], RECEIPT_PURPOSE, signed, registry, at, now), "receipt", registry)
    except SealBroken:
        raise
    except ValueError as error:
        raise SealBroken(f"receipt: {error}") from None


def certify(certification: dict[str, Any], model_hash: str, key: Signer) -> dict[str, Any]:
    """A copy of a third party's certification, signed for the model with this hash. Add it before sealing."""
    signed = {**without(certification, "signature"), "modelHash": model_hash}
    return {**signed, "signature": key.sign(CERTIFICATION_PURPOSE, signed)}


def certifiers(alloy: Alloy, registry: Registry, now: datetime) -> dict[str, Key]:
    """Who else vouches for this model: owner -> key, of certifications that hold. The producer does not count.

    At most 100 certifications are looked at.
    """
    integrity = integrity_of(alloy)
    try:
        producer: str | None = check(alloy, registry, now).owner
    except SealBroken:
        producer = None
    found: dict[str, Key] = {}
    for one in _objects(integrity.get("certifications"))[:CERTIFICATIONS_MAX]:
        try:
            at = instant(one.get("attestedAt"))
            signed = without(one, "signature")
            key = verify(one.get("signature"), CERTIFICATION_PURPOSE, signed, registry, at, now)
        except ValueError:
            continue
        if same(one.get("modelHash"), integrity.get("modelHash")) and key.owner != producer:
            found[key.owner] = key
    return found


def _allowed(key: Key, what: str, registry: Registry) -> Key:
    reason = registry.forbids(key, what)
    if reason is not None:
        raise SignatureRefused(reason, wrong_signer=True)
    return key


def _homes(alloy: Alloy) -> list[dict[str, Any]]:
    results = alloy.get("results")
    blocks = (alloy.get("integrity"), results.get("integrity") if isinstance(results, dict) else None)
    return [block for block in blocks if isinstance(block, dict) and block]


def _with_integrity(alloy: Alloy, integrity: dict[str, Any]) -> Alloy:
    results = alloy.get("results")
    if isinstance(results, dict) and results.get("integrity"):
        return {**alloy, "results": {**results, "integrity": dict(integrity)}}
    return {**alloy, "integrity": dict(integrity)}


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
