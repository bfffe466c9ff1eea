"""The hashes of an alloy and of what it speaks about.

| hash | of | written in |
|---|---|---|
| file hash | the exact bytes of the `.alloy.json` file; 16 digits are its short form | links, cards, QR codes |
| alloy hash | the canonical form (RFC 8785) without receipt and signature | `integrity.alloyHash` |
| model hash | compact JSON of the list of files and their hashes, sorted by name | `integrity.modelHash` |
| result hash | the samples of a benchmark, byte for byte | `resultHash`, `baseResultHash`, `samplesHash` |
| card hash | the generated card, which may name the alloy hash | `receipt.cardHash`, which the alloy hash leaves out |

Hashes are SHA-256 as `sha256:` and 64 hex digits; the file hash and those of single files have no prefix, as published
alloys write them. Text such as "not-pinned" stands where a hash should in some of these; it counts as none.

Pure: bytes and values in, text out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from cadence.factory.alloy.canonical import canonical, covered
from cadence.factory.alloy.document import Path

SHORT_DIGITS = 16  # a prefix of 8 digits can be forged in minutes
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_PREFIX = re.compile(rf"(?:sha256:)?([0-9a-f]{{{SHORT_DIGITS},64}})")

Rule = Literal["list of files", "concatenated files"]


class HashError(ValueError):
    """Something that cannot be hashed as asked, or text that is no hash."""


def sha256(data: bytes) -> str:
    """SHA-256 as `sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digits(text: Any) -> str | None:
    """The 64 hex digits of a hash with or without prefix; None for a placeholder or anything else."""
    found = _HASH.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else None


def same(left: Any, right: Any) -> bool:
    """Whether both are hashes, and the same one. Two placeholders are never the same."""
    one, other = digits(left), digits(right)
    return one is not None and other is not None and hmac.compare_digest(one, other)


def begins(full: str, prefix: Any) -> bool:
    """Whether a hash begins with at least 16 given digits; raises `HashError` for a shorter prefix or no hex."""
    found = _PREFIX.fullmatch(prefix) if isinstance(prefix, str) else None
    if found is None:
        came = f"{len(prefix)} characters" if isinstance(prefix, str) else "no text"
        raise HashError(f"expected {SHORT_DIGITS} to 64 hex digits of a hash, got {came}. Fewer can be forged")
    whole = digits(full)
    return whole is not None and hmac.compare_digest(whole[: len(found[1])], found[1])


def file_hash(raw: bytes) -> str:
    """The 64 hex digits of a file's exact bytes; the first 16 are what links and cards quote."""
    return hashlib.sha256(raw).hexdigest()


def alloy_hash(alloy: dict[str, Any]) -> str:
    """The hash of what an alloy says, whatever its layout; raises `CanonicalError`."""
    return sha256(canonical(covered(alloy)))


def model_hash(files: Iterable[Mapping[str, Any]]) -> str:
    """The hash of a model that consists of `files` ({filename, sha256, ...}); their order and other keys do not matter.

    Raises `HashError` for an empty list, a file without hash, and one name twice.
    """
    entries = sorted(({"filename": _name(one), "sha256": _sha(one)} for one in files), key=lambda one: one["filename"])
    if not entries:
        raise HashError("expected at least one file, got an empty list. A model without files has no hash")
    for one, following in zip(entries, entries[1:], strict=False):
        if one["filename"] == following["filename"]:
            raise HashError(f"expected each file once, got {one['filename'][:80]!r} twice. Remove one of them")
    return sha256(json.dumps(entries, separators=(",", ":"), sort_keys=True).encode())


def model_rule(alloy: dict[str, Any], concatenated: str | None = None) -> Rule | None:
    """Which rule the alloy's model hash follows; None if none does, or if there is nothing to recompute it from.

    `concatenated` is the hash of all shards' bytes in order of their names, where somebody has the files: the older
    rule. New alloys follow the first one only.
    """
    integrity = integrity_of(alloy)
    stated, files = integrity.get("modelHash"), integrity.get("fileHashes")
    if isinstance(files, list) and files:
        with suppress(HashError):
            if same(stated, model_hash(files)):
                return "list of files"
    return "concatenated files" if same(stated, concatenated) else None


def card_hash(card: str | bytes) -> str:
    """The hash of a card's text. Goes into `receipt.cardHash`; the card itself may name the alloy hash."""
    return sha256(card.encode() if isinstance(card, str) else card)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that an alloy names together with the hash it should have; `stated` is None where it states none."""

    path: Path  # of the hash in the alloy
    file: str
    stated: str | None


def claims(alloy: dict[str, Any]) -> Iterator[Claim]:
    """The files an alloy vouches for: weights, samples of benchmarks and of older measurements, calibration corpora."""
    home, integrity = _integrity(alloy)
    for i, one in _objects(integrity, "fileHashes"):
        yield from _claim((*home, "fileHashes", i, "sha256"), one.get("filename"), one.get("sha256"))
    results = alloy.get("results")
    for i, one in _objects(results, "benchmarks"):
        at = ("results", "benchmarks", i)
        yield from _claim((*at, "resultHash"), one.get("samplesPath"), one.get("resultHash"))
        yield from _claim((*at, "baseResultHash"), one.get("baseSamplesPath"), one.get("baseResultHash"))
    for where, owner in (((), alloy), (("results",), results)):
        for i, one in _objects(owner, "priorMetricBaselines"):
            at = (*where, "priorMetricBaselines", i)
            yield from _claim((*at, "samplesHash"), one.get("samplesPath"), one.get("samplesHash"))
            run = one.get("evaluation")
            if isinstance(run, dict):
                yield from _claim((*at, "evaluation", "samplesHash"), run.get("samplesPath"), run.get("samplesHash"))
    for i, one in _objects(alloy, "calibrationCorpora"):
        yield from _claim(("calibrationCorpora", i, "sha256"), one.get("path"), one.get("sha256"))


def integrity_of(alloy: dict[str, Any]) -> dict[str, Any]:
    """The integrity block, which forged alloys keep below `results` and others at the root; empty if there is none."""
    return _integrity(alloy)[1]


def _integrity(alloy: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    results, at_root = alloy.get("results"), alloy.get("integrity")
    below = results.get("integrity") if isinstance(results, dict) else None
    if isinstance(below, dict) and below:
        return ("results", "integrity"), below
    return ("integrity",), at_root if isinstance(at_root, dict) else {}


def _claim(path: Path, file: Any, stated: Any) -> Iterator[Claim]:
    if isinstance(file, str):
        yield Claim(path, file, digits(stated))


def _objects(owner: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    listed = owner.get(key) if isinstance(owner, dict) else None
    for i, one in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(one, dict):
            yield i, one


def _name(file: Any) -> str:
    name = file.get("filename") if isinstance(file, Mapping) else None
    if not isinstance(name, str) or not name:
        raise HashError("expected a filename in every entry of the list of files. Name the file")
    return name


def _sha(file: Mapping[str, Any]) -> str:
    sha = digits(file.get("sha256"))
    if sha is None:
        raise HashError(f"expected 64 hex digits for {_name(file)[:80]!r}. Hash the file itself")
    return sha
