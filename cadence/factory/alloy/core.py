"""The universal core of an alloy: what every domain shares. It knows no domain, and imports none.

Pure: no clock, no files.

    recipe   name, version, source, stages, cycles     what shall be done
    report   results                                   what was done
    proof    integrity, receipt, per-stage hashes      why you can believe it

A domain (`cadence.factory.alloy.domain`) adds stage types and root fields. Unknown keys are kept everywhere.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cadence.factory.alloy.attestation import Amendment, Integrity, Link, Receipt, Retention, Signature
from cadence.factory.alloy.parts import Integer, Name, Part, Size, Text, Texts

__all__ = ["ALLOY_SUFFIX", "DEFAULT_DOMAINS", "Alloy", "Derivation", "Results", "Source", "Stage", "Transport"]

ALLOY_SUFFIX = ".alloy.json"
# An alloy written before domains existed names none and means the forge.
DEFAULT_DOMAINS = ("llm-forge",)
# Semantic Versioning 2.0.0, without its ban on leading zeros in labels.
_VERSION = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"


class Source(Part):
    """What the chain starts from. A domain says what must stand here."""


class Transport(Part):
    """How a stage's news travel between machines."""

    events: Literal["reliable", "best-effort"] | None = None
    telemetry: Literal["reliable", "best-effort"] | None = None


class Stage(Part):
    """One step of the chain. A domain names its types and says what each carries."""

    type: Name
    notes: Text | None = None
    transport: Transport | None = None
    link: Link | None = None
    input_hashes: dict[str, Text] | None = None
    """Name to hash of everything that went in; among them the previous stage's output."""
    output_hash: Text | None = None
    signatures: list[Signature] | None = None


class Results(Part):
    """What was done. Empty in a recipe, filled stage by stage."""

    completed_at: Text | None = None
    duration_minutes: Size | None = None
    integrity: Integrity | None = None
    stage_checkpoints: dict[str, Any] | None = None


class Derivation(Part):
    """From which alloy this one comes. Without the parent's hash it is a claim only."""

    repo: Text | None = None
    alloy_hash: Text | None = None
    kind: Text | None = None


class Alloy(Part):
    """An alloy of any domain."""

    name: Name
    version: Text = Field(pattern=_VERSION)
    """Semantic version; a correction is a new version, never a silent edit."""
    description: Text = ""
    author: Text = ""
    license: Text = "apache-2.0"
    """An SPDX identifier."""
    tags: Texts = []
    type_byte: Text | None = Field(default=None, pattern="^0x[0-9a-fA-F]{2}$")
    domains: list[Name] | None = Field(default=None, min_length=1)
    """Which vocabularies the stages come from; absent means llm-forge."""
    source: Source
    stages: list[Stage] = []
    cycles: Integer = Field(default=1, ge=1)
    """How often the transforming stages are repeated."""
    results: Results | None = None
    receipt: Receipt | None = None
    integrity: Integrity | None = None
    source_alloy_id: Text | None = None
    """The parent of a re-forge."""
    derived_from: Derivation | None = None
    chain_id: Text | None = None
    """Drawn once per run; stages of another run do not fit into it."""
    amendments: list[Amendment] = []
    retention: Retention | None = None

    @property
    def proof(self) -> Integrity | None:
        """The integrity block, from under `results` or from the root (both homes exist in published alloys)."""
        inner = self.results.integrity if self.results else None
        return inner or self.integrity
