"""All checks of an alloy in one report: hashes, seal, chain, receipt, files, levels, coverage.

Three outcomes. *fails*: something that was claimed is not so. *holds*: it is sealed by a registered key, and all that
could be checked is so. *unsigned*: nothing was found wrong, and nothing proves that it is right; this is never shown as
verified.

Pure: the registry, the files' hashes and `now` are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from cadence.factory.alloy import coverage, custody, hashes, progress, seal, trust
from cadence.factory.alloy.coverage import Coverage, Owner
from cadence.factory.alloy.custody import Custody, Rules
from cadence.factory.alloy.document import Document
from cadence.factory.alloy.keys import Registry
from cadence.factory.alloy.seal import SealBroken
from cadence.factory.alloy.trust import Evidence, Part

Outcome = Literal["holds", "fails", "unsigned"]

# What we seal follows the newer rule; an older alloy may follow the other one.
OLDER_RULE = "modelHash does not follow from the list of files; whether by the older rule, only the files can tell"


@dataclass(frozen=True)
class Here:
    """What lies beside the alloy where it is checked: hashes of files by name, of the card, and an expected hash."""

    files: Mapping[str, str | None] | None = None  # None: nobody looked
    card: str | None = None
    concatenated: str | None = None  # of all shards' bytes, for the older model hash
    expected: str | None = None  # file hash or alloy hash, at least 16 digits
    nonce: str | None = None  # that the verifier drew for this alloy
    audience: str | None = None  # the verifier's own address, letter by letter
    rescored: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Report:
    """What was found, ready to show or to write as JSON."""

    outcome: Outcome
    standing: str
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    file_hash: str
    alloy_hash: str
    model_rule: str | None
    parts: tuple[Part, ...]
    custody: Custody
    coverage: Coverage
    overclaims: str | None

    def to_value(self) -> dict[str, Any]:
        """The report as a JSON value, keys in camelCase."""
        return {
            "outcome": self.outcome,
            "standing": self.standing,
            "failures": list(self.failures),
            "notes": list(self.notes),
            "fileHash": self.file_hash,
            "alloyHash": self.alloy_hash,
            "modelRule": self.model_rule,
            "overclaims": self.overclaims,
            "parts": [
                {"name": one.name, "level": str(one.level), "reason": one.reason, "claimed": one.claimed}
                for one in self.parts
            ],
            "breaks": [
                {"kind": one.kind, "stage": one.stage, "type": one.type, "what": one.what}
                for one in self.custody.breaks
            ],
            "coverage": {
                "attested": self.coverage.attested,
                "stages": self.coverage.stages,
                "percent": self.coverage.percent,
                "gaps": [
                    {"stage": gap.stage, "type": gap.type, "reason": gap.reason, "owner": gap.owner.name,
                     "issues": gap.owner.issues, "fix": gap.owner.fix}
                    for gap in self.coverage.gaps
                ],
            },
        }  # fmt: skip


def verify(
    document: Document,
    registry: Registry | None,
    now: datetime,
    *,
    here: Here | None = None,
    rules: Rules | None = None,
    owners: Mapping[str, Owner] | None = None,
) -> Report:
    """Check everything about an alloy that can be checked with what is given.

    Without a registry no signature is checked, and the notes say so. Raises `ValueError` where `here.expected` is no
    hash or fewer than 16 digits of one, and for a document that is no object. That a nonce is used once is for
    `Challenges.redeem`.
    """
    alloy, here = document.value, here or Here()
    if not isinstance(alloy, dict):
        raise ValueError("expected an alloy, which is one JSON object. Check that this is the right file")
    of_file, of_alloy = hashes.file_hash(document.raw), hashes.alloy_hash(alloy)
    expected = None if here.expected is None else [hashes.begins(one, here.expected) for one in (of_file, of_alloy)]
    failures = [] if expected is None or any(expected) else ["neither the file nor the alloy has the expected hash"]
    evidence, broken, notes = _evidence(alloy, registry, now, here, rules)
    if expected is not None and any(expected):
        notes.append(f"the {'file' if expected[0] else 'alloy'} has the expected hash")
    failures += broken
    failures += _freshness(alloy, here)
    failures += [str(one) for one in (*evidence.custody.breaks, *progress.check(alloy))]
    failures += [
        f"the file {name[:80]!r} is not the one that was hashed" for name in trust.contradictions(alloy, evidence)
    ]
    if _model_is_odd(alloy, here):
        if here.concatenated is None and not seal.is_sealed(alloy):
            notes.append(OLDER_RULE)
        else:
            failures.append("modelHash follows neither of the two rules from the files that are listed")
    if coverage.is_derived(alloy) and coverage.parent_of(alloy) is None:
        failures.append("it says that it comes from another alloy, and states no hash of that, or two")
    outcome: Outcome = "fails" if failures else "holds" if evidence.sealed_by else "unsigned"
    return Report(
        outcome=outcome,
        standing=trust.standing(alloy, evidence),
        failures=tuple(failures),
        notes=tuple(notes),
        file_hash=of_file,
        alloy_hash=of_alloy,
        model_rule=hashes.model_rule(alloy, here.concatenated),
        parts=trust.assess(alloy, evidence),
        custody=evidence.custody,
        coverage=coverage.cover(alloy, evidence.custody, owners),
        overclaims=trust.overclaims(alloy, evidence),
    )


def _evidence(
    alloy: dict[str, Any], registry: Registry | None, now: datetime, here: Here, rules: Rules | None
) -> tuple[Evidence, list[str], list[str]]:
    """What checking found out, what failed, and what was left unchecked."""
    failures: list[str] = []
    evidence = Evidence(
        custody=custody.check(alloy, registry, now, rules),
        files=here.files or {},
        card=hashes.digits(here.card),
        concatenated=here.concatenated,
        rescored=here.rescored,
    )
    receipt = alloy.get("receipt")
    has_receipt = isinstance(receipt, dict) and "signature" in receipt
    if registry is None:
        signed = (
            seal.is_sealed(alloy) or has_receipt or any(_is_linked(stage) for stage in _listed(alloy.get("stages")))
        )
        stated = hashes.integrity_of(alloy).get("alloyHash")
        if seal.is_sealed(alloy) and not hashes.same(stated, hashes.alloy_hash(alloy)):
            failures.append("seal: it is of another document: this one was changed after sealing")
        return evidence, failures, ["signatures were not checked: no registry of keys was given"] if signed else []
    if seal.is_sealed(alloy):
        try:
            owner = seal.check(alloy, registry, now).owner
            others = frozenset(seal.certifiers(alloy, registry, now))
            evidence = replace(evidence, sealed_by=owner, certified_by=others)
        except SealBroken as error:
            failures.append(f"seal: {error}")
    if has_receipt:
        try:
            evidence = replace(evidence, receipt_by=seal.check_receipt(alloy, registry, now).owner)
        except SealBroken as error:
            failures.append(f"receipt: {error}")
    return evidence, failures, []


def _freshness(alloy: dict[str, Any], here: Here) -> list[str]:
    """Whether the seal answers this verifier's question. The seal's signature covers both, so an old answer shows."""
    integrity, failures = hashes.integrity_of(alloy), []
    if here.nonce is not None and integrity.get("nonce") != here.nonce:
        failures.append("the nonce is not the one that was asked for: this may be an old attestation sent again")
    if here.audience is not None and integrity.get("audience") != here.audience:
        failures.append("the attestation was made for another audience")
    return failures


def _is_linked(stage: Any) -> bool:
    return isinstance(stage, dict) and "link" in stage


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _model_is_odd(alloy: dict[str, Any], here: Here) -> bool:
    """Whether there is a list of files from which the stated model hash does not follow."""
    integrity = hashes.integrity_of(alloy)
    stated = hashes.digits(integrity.get("modelHash"))
    known = bool(_listed(integrity.get("fileHashes")))
    return stated is not None and known and hashes.model_rule(alloy, here.concatenated) is None
