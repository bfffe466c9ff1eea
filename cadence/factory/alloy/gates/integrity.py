"""Gate: every hash in the alloy is one, and belongs to a file that lies in the bundle.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterator

from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest, Report, judged
from cadence.factory.alloy.hashes import HashError, claims, digits, model_hash, model_rule
from cadence.factory.alloy.parts import plain
from cadence.factory.alloy.rules import escapes

GATE = "integrity"


def integrity(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Do the hashes hold?"""
    return Report(GATE, (_model(alloy), *_sizes(alloy, bundle), *_files(alloy, bundle), *_scores(alloy)))


def _model(alloy: ForgeAlloy) -> Criterion:
    value = plain(alloy)
    proof = alloy.proof
    inner = alloy.results is not None and alloy.results.integrity is not None
    at: Path = ("results", "integrity", "modelHash") if inner else ("integrity", "modelHash")
    stated = digits(proof.model_hash) if proof else None
    rule = model_rule(value)
    files = [plain(one) for one in (proof.file_hashes or [] if proof else [])]
    try:
        computed = model_hash(files) if files else None
    except HashError:
        computed = None
    if rule is not None:
        reason = f"it follows from the {rule}"
        return Criterion("model hash", "pass", stated, computed, "", reason, at)
    reason = "modelHash and fileHashes are both needed, and the one is to follow from the other"
    holds = False if stated is None or computed is not None else None
    return Criterion("model hash", judged(holds), stated or "a hash", computed, "", reason, at)


def _files(alloy: ForgeAlloy, bundle: Bundle) -> Iterator[Criterion]:
    """Each file the alloy vouches for: weights, samples, corpora."""
    told: set[tuple[str, str | None]] = set()
    for claim in claims(plain(alloy)):
        name = claim.file[:80]
        if (claim.file, claim.stated) in told:
            continue
        told.add((claim.file, claim.stated))
        if escapes(claim.file):
            reason = "the path leads out of the bundle"
            yield Criterion(name, "fail", "a path inside", None, "", reason, claim.path)
            continue
        found = bundle.get(claim.file)
        seen = found.sha256 if found else None
        holds = False if claim.stated is None else None if seen is None else seen == claim.stated
        reason = "the file is to lie in the bundle and to have the hash that the alloy states"
        yield Criterion(name, judged(holds), claim.stated or "a hash", seen, "", reason, claim.path)


def _sizes(alloy: ForgeAlloy, bundle: Bundle) -> Iterator[Criterion]:
    for one in (alloy.proof.file_hashes if alloy.proof else None) or []:
        found = bundle.get(one.filename)
        if found is not None and one.size is not None and found.size != one.size:
            name, reason = f"{one.filename[:80]} size", "a file of another size is another file"
            yield Criterion(name, "fail", one.size, found.size, "bytes", reason, ("results", "integrity", "fileHashes"))


def _scores(alloy: ForgeAlloy) -> Iterator[Criterion]:
    """Every score names the samples it was computed from."""
    for number, one in enumerate(alloy.results.benchmarks if alloy.results else []):
        if one.score is not None and one.samples_path is None:
            at: Path = ("results", "benchmarks", number, "samplesPath")
            reason = "a score without samples cannot be computed again"
            yield Criterion(f"{one.name[:40]} samples", "fail", "a path", None, "", reason, at)
