"""How far each part of an alloy may be trusted, and what the whole may be called.

| level | means |
|---|---|
| proven | recomputed here, from bytes |
| attested | under a signature that holds, of a registered key |
| self-reported | said, by whoever wrote the file |
| unverified | not said, said with a placeholder, or contradicted by the bytes |

A part is worth what the least of its pieces is worth: "all" and "none", never "any". One benchmark with a hash does
not vouch for the one without, and a part that nobody knows is unverified. The whole is worth what the least of the
parts is worth that it claims.

What producers say about their own work is self-reported also when they sign it; then the key's owner stands beside it.
Only others, who signed for the same model, make it more (`seal.certifiers`).

Pure: evidence is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from cadence.factory.alloy.custody import Custody
from cadence.factory.alloy.hashes import claims, digits, integrity_of, model_rule

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Level(IntEnum):
    """The four levels, least first; `str` is the word to show."""

    UNVERIFIED = 0
    SELF_REPORTED = 1
    ATTESTED = 2
    PROVEN = 3

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True)
class Evidence:
    """What was found out about an alloy by checking. By default: nothing."""

    sealed_by: str | None = None  # owner of the key, if the seal holds
    receipt_by: str | None = None
    certified_by: frozenset[str] = frozenset()  # owners other than the producer
    custody: Custody = field(default_factory=lambda: Custody((), (), 0))
    files: Mapping[str, str | None] = field(default_factory=dict)  # name -> SHA-256 here; None where it is missing
    card: str | None = None  # SHA-256 of the card here
    concatenated: str | None = None  # SHA-256 of all shards' bytes here, one after the other
    rescored: frozenset[str] = frozenset()  # benchmarks whose score was recomputed from the samples


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an alloy and its level. What is not claimed does not count for the whole."""

    name: str
    level: Level
    reason: str
    claimed: bool = True


def assess(alloy: dict[str, Any], evidence: Evidence) -> tuple[Part, ...]:
    """The level of every part that alloys have, in the order they are shown."""
    return tuple(Part(name, *judge(alloy, evidence)) for name, judge in _JUDGES.items())


def overall(parts: Iterable[Part]) -> Level:
    """The least level of all that is claimed; unverified where nothing is."""
    return min((part.level for part in parts if part.claimed), default=Level.UNVERIFIED)


def standing(alloy: dict[str, Any], evidence: Evidence) -> str:
    """What the alloy as a whole may be called. Its own `trustLevel` is never taken at its word."""
    if evidence.sealed_by is None:
        return "self-reported"
    count = len(evidence.certified_by)
    if count:
        return f"attested by {count} independent of the producer"
    return f"self-reported, signed by {evidence.sealed_by}"


def overclaims(alloy: dict[str, Any], evidence: Evidence) -> str | None:
    """What the alloy says about itself beyond what was found; None if it does not boast."""
    stated = integrity_of(alloy).get("trustLevel", "self-attested")
    if stated == "self-attested" or (stated == "verified" and evidence.sealed_by and evidence.certified_by):
        return None
    name = stated if stated in ("verified", "enclave") else "an unknown level"
    return f"it calls itself {name}; what was checked makes it {standing(alloy, evidence)}"


Verdict = tuple[Level, str, bool]
_ABSENT: Verdict = (Level.UNVERIFIED, "nothing is said", False)


def _said(evidence: Evidence) -> Level:
    """What a claim is worth that nobody recomputed."""
    return Level.SELF_REPORTED if evidence.sealed_by is None else Level.ATTESTED


def _code(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    code = integrity_of(alloy).get("code")
    if not isinstance(code, dict):
        return _ABSENT
    if digits(code.get("binaryHash")) is None:
        return Level.UNVERIFIED, "binaryHash is no hash", True
    commit, repo = code.get("commit"), code.get("sourceRepo")
    pinned = isinstance(commit, str) and _COMMIT.fullmatch(commit) and isinstance(repo, str) and repo
    if not pinned:
        return Level.SELF_REPORTED, "a hash without commit and repository: nobody else can compare it", True
    return _said(evidence), "a hash, a commit and a repository", True


def _model(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    integrity = integrity_of(alloy)
    if "modelHash" not in integrity:
        return _ABSENT
    if digits(integrity["modelHash"]) is None:
        return Level.UNVERIFIED, "modelHash is no hash", True
    listed = integrity.get("fileHashes")
    files = _pairs(listed, "filename", "sha256")
    if model_rule(alloy, evidence.concatenated) == "concatenated files":
        return Level.PROVEN, "it was recomputed here, by the older rule", True
    if not files:
        return _said(evidence), "a hash without list of files: it cannot be recomputed from parts", True
    if model_rule(alloy) is None:
        return Level.UNVERIFIED, "it does not recompute from the list of files", True
    return _compared(files, evidence, "model files")


def _benchmarks(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    results = alloy.get("results")
    listed = results.get("benchmarks") if isinstance(results, dict) else None
    if not isinstance(listed, list) or not listed:
        return _ABSENT
    benchmarks = _objects(listed)
    hashed = [one for one in benchmarks if digits(one.get("resultHash")) is not None]
    if len(hashed) < len(listed):
        return Level.SELF_REPORTED, f"{len(listed) - len(hashed)} of {len(listed)} have no hash of their samples", True
    level, reason, _ = _compared(_pairs(listed, "samplesPath", "resultHash"), evidence, "samples")
    if level is Level.PROVEN and not all(one.get("name") in evidence.rescored for one in hashed):
        return _said(evidence), "the samples are here and unchanged; the scores were not recomputed from them", True
    return level, reason, True


def _hardware(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    results = alloy.get("results")
    listed = results.get("hardwareVerified") if isinstance(results, dict) else None
    if not isinstance(listed, list) or not listed:
        return _ABSENT
    measured = [one for one in _objects(listed) if one.get("verified") is True]
    if len(measured) < len(listed):
        return Level.SELF_REPORTED, f"{len(listed) - len(measured)} of {len(listed)} are estimates", True
    return _said(evidence), "all were measured, it says", True


def _corpora(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    listed = alloy.get("calibrationCorpora")
    if not isinstance(listed, list) or not listed:
        return _ABSENT
    return _compared(_pairs(listed, "path", "sha256"), evidence, "corpora")


def _datasets(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    listed = integrity_of(alloy).get("datasets")
    if not isinstance(listed, list) or not listed:
        return _ABSENT
    hashed = [one for one in _objects(listed) if digits(one.get("hash")) is not None]
    if len(hashed) < len(listed):
        return Level.UNVERIFIED, f"{len(listed) - len(hashed)} of {len(listed)} have no hash", True
    return _said(evidence), "all are named by hash", True


def _stages(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    custody = evidence.custody
    if custody.breaks:
        return Level.UNVERIFIED, str(custody.breaks[0]), True
    if not custody.stages:
        return _ABSENT
    missing = custody.stages - len(custody.attested)
    if missing:
        return Level.SELF_REPORTED, f"{missing} of {custody.stages} stages are not signed", True
    return Level.ATTESTED, "every stage is signed, and linked to the one before it", True


def _receipt(alloy: dict[str, Any], evidence: Evidence) -> Verdict:
    receipt = alloy.get("receipt")
    if not isinstance(receipt, dict) or not receipt:
        return _ABSENT
    if evidence.receipt_by is None:
        return Level.SELF_REPORTED, "no signature that holds", True
    card = digits(receipt.get("cardHash"))
    if card is None:
        return Level.SELF_REPORTED, "it names no card", True
    if evidence.card is not None and evidence.card != card:
        return Level.UNVERIFIED, "the card here is not the one it names", True
    return Level.ATTESTED if evidence.card is None else Level.PROVEN, "signed, and names its card", True


def _compared(stated: Sequence[tuple[Any, Any]], evidence: Evidence, what: str) -> Verdict:
    """The level of files by their names and stated hashes: proven if all are here and all agree."""
    if not all(isinstance(name, str) and digits(sha) is not None for name, sha in stated):
        return Level.UNVERIFIED, f"some of the {what} have no name or no hash", True
    seen = [(name, sha) for name, sha in stated if evidence.files.get(name) is not None]
    wrong = sorted(name for name, sha in seen if evidence.files[name] != digits(sha))
    if wrong:
        return Level.UNVERIFIED, f"{len(wrong)} of the {what} differ, first {wrong[0][:80]!r}", True
    if len(seen) == len(stated):
        return Level.PROVEN, f"all {len(seen)} {what} were hashed here and agree", True
    return _said(evidence), f"{len(stated) - len(seen)} of {len(stated)} {what} are not here to compare", True


def _pairs(listed: Any, name: str, sha: str) -> list[tuple[Any, Any]]:
    """Two members of each entry of a list; an entry that is no object counts, and has neither."""
    entries = listed if isinstance(listed, list) else []
    return [(one.get(name), one.get(sha)) if isinstance(one, dict) else (None, None) for one in entries]


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


_JUDGES: dict[str, Callable[[dict[str, Any], Evidence], Verdict]] = {
    "code": _code,
    "model": _model,
    "benchmarks": _benchmarks,
    "hardware": _hardware,
    "corpora": _corpora,
    "datasets": _datasets,
    "stages": _stages,
    "receipt": _receipt,
}


def contradictions(alloy: dict[str, Any], evidence: Evidence) -> tuple[str, ...]:
    """The files that are here and are not what the alloy says, whatever part they belong to."""
    return tuple(
        claim.file
        for claim in claims(alloy)
        if claim.stated is not None and evidence.files.get(claim.file) not in (None, claim.stated)
    )
