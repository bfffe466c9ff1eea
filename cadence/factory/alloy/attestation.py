"""Shapes of the proof in an alloy: integrity, signatures, certificates, checkpoints, amendments.

Pure: no clock, no files. A shape says only what may stand there; whether a hash is one and whether a signature holds is
computed elsewhere, and a placeholder in a hash's place is never an error of shape (it counts as nothing instead).
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from cadence.factory.alloy.parts import Count, Name, Part, Text, Texts

__all__ = [
    "Amendment",
    "Anchoring",
    "Certification",
    "ChainSummary",
    "Checkpoint",
    "CodeAttestation",
    "DatasetAttestation",
    "FileHash",
    "Integrity",
    "Link",
    "Publication",
    "Receipt",
    "Retention",
    "Signature",
]


class FileHash(Part):
    """One file of the model: its name inside the bundle, the SHA-256 of its bytes in hex, its size in bytes."""

    filename: Name
    sha256: Text
    size: Count | None = None


class CodeAttestation(Part):
    """Which program ran: binaryHash is the SHA-256 of the file at sourceRepo@commit."""

    runner: Text
    version: Text
    binary_hash: Text
    source_hash: Text | None = None
    commit: Text | None = None
    source_repo: Text | None = None
    environment: Any = None
    environment_hash: Text | None = None


class DatasetAttestation(Part):
    """A data set that was read, by hash."""

    name: Text
    version: Text | None = None
    hash: Text
    source: Text | None = None


class Signature(Part):
    """A signature over the canonical payload. The key in it is a label: trust comes from the registry."""

    algorithm: Text
    """ES256, EdDSA; ES384, ML-DSA-65, ML-DSA-87, SLH-DSA-128s are read and answered "cannot check"."""
    public_key: Text
    value: Text
    key_id: Text | None = None
    credential_id: Text | None = None
    role: Text | None = None
    certificate_chain: Texts | None = None
    key_registry: Text | None = None


class Anchoring(Part):
    """Where a hash was made public at a time: a blockchain, a Merkle root, an RFC 3161 time stamp, IPFS."""

    type: Text
    anchored_hash: Text | None = None
    location: Text | None = None
    anchored_at: Text | None = None
    network: Text | None = None


class Certification(Part):
    """What a third party measured, signed with that party's own key."""

    adapter: Text
    version: Text
    domain: Text
    result: dict[str, Any] = {}
    adapter_hash: Text | None = None
    model_hash: Text | None = None
    """What was measured; a certification without it belongs to no model."""
    signature: Signature | None = None
    nonce: Text | None = None
    source_repo: Text | None = None
    commit: Text | None = None
    attested_at: Text


class ChainSummary(Part):
    """What a seal says about the chain of custody, so that its end cannot be cut off."""

    id: Text
    length: Count
    hash: Text


class Link(Part):
    """Binds a stage to the one before it: `previousHash` is that of the stage before, of the recipe for the first."""

    chain: Text
    index: Count
    previous_hash: Text
    completed_at: Text


class Integrity(Part):
    """What is claimed about bytes. Stands at the root or under `results`; readers look in both."""

    trust_level: Literal["self-attested", "verified", "enclave"] = "self-attested"
    code: CodeAttestation | None = None
    model_hash: Text | None = None
    alloy_hash: Text | None = None
    parent_alloy_hash: Text | None = None
    file_hashes: list[FileHash] | None = None
    datasets: list[DatasetAttestation] = []
    nonce: Text | None = None
    audience: Text | None = None
    signature: Signature | None = None
    anchor: Anchoring | None = None
    chain: ChainSummary | None = None
    certifications: list[Certification] = []
    attested_at: Text | None = None


class Checkpoint(Part):
    """A finished stage: what it put out, from what it went in. Older files write it in snake_case; both are read."""

    completed_at: Text | None = None
    output_path: Text | None = None
    output_hash: Text | None = None
    input_hashes: dict[str, Text] = {}
    metadata: dict[str, Any] = {}


class Amendment(Part):
    """Says, signed, that a stage's data is gone and why; without one, missing data is a breach."""

    stage_ref: Text | int = Field(alias="stage_ref")
    reason: Name
    data_available: bool = Field(default=False, alias="data_available")
    amended_at: Text = Field(alias="amended_at")
    signed_by: Text | None = Field(default=None, alias="signed_by")
    stage_hash: Text | None = None
    previous_hash: Text | None = None
    signatures: list[Signature] = []


class Retention(Part):
    """How long the data behind the hashes is kept, and where."""

    duration: Text
    storage: Text | None = None
    expires: Text | None = None


class Publication(Part):
    """Where an artefact was put, and when."""

    target: Text
    url: Text
    published_at: Text
    downloads: Count | None = None


class Receipt(Part):
    """Proof of publication. The empty object, found in older files, means "none"."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["issuedAt"]}, {"maxProperties": 0}]})

    publications: list[Publication] = []
    verify_url: Text | None = None
    alloy_hash: Text | None = None
    card_hash: Text | None = None
    issued_at: Text | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _dated_unless_empty(self) -> Self:
        if not self.empty and "issued_at" not in self.model_fields_set:
            raise PydanticCustomError("receipt_date", "a receipt that is not empty needs issuedAt")
        return self

    @property
    def empty(self) -> bool:
        """Is this the empty receipt, which says nothing?"""
        return not self.model_fields_set and not self.model_extra
