"""What must be true of every alloy, whatever its domain.

Pure: no clock, no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cadence.factory.alloy.attestation import Integrity
from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domain import Domain
from cadence.factory.alloy.hashes import digits
from cadence.factory.alloy.problems import Problem

__all__ = ["check", "escapes", "inside"]

_HASH_KEY = re.compile(r"(.*[a-z])?(Hash|Sha256)|hash|sha256")


def escapes(name: str) -> bool:
    """Would this file name lead out of the folder it belongs in, on any system?"""
    steps = re.split(r"[/\\]", name)
    return not name or name.startswith(("/", "\\")) or ".." in steps or ":" in steps[0] or "\0" in name


def check(alloy: Alloy, domains: tuple[Domain, ...]) -> Iterator[Problem]:
    """All rules of the core, then those of the alloy's domains."""
    yield from _type_byte(alloy, domains)
    yield from _listed_once(alloy)
    yield from _lineage(alloy)
    yield from _file_names(alloy)
    yield from _placeholders(alloy.came, ())
    for domain in domains:
        for rule in domain.rules:
            yield from rule(alloy)


def _type_byte(alloy: Alloy, domains: tuple[Domain, ...]) -> Iterator[Problem]:
    bytes_ = {domain.type_byte.lower() for domain in domains}
    if alloy.type_byte is not None and alloy.type_byte.lower() not in bytes_:
        what = f"expected {' or '.join(sorted(bytes_))}, got {alloy.type_byte}"
        why = f"That is the byte of {', '.join(domain.id for domain in domains)}"
        yield Problem(("typeByte",), what, why, "Write the byte of the domain, or list the domain you mean")


def _listed_once(alloy: Alloy) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, id in enumerate(alloy.domains or []):
        if id in seen:
            what = f"{id[:40]!r} is listed twice"
            yield Problem(("domains", number), what, "A domain counts once", "Remove it", level="warning")
        seen.add(id)


def _lineage(alloy: Alloy) -> Iterator[Problem]:
    parent = alloy.derived_from
    if parent is None and alloy.source_alloy_id is None:
        return
    proof = alloy.proof
    hashes = [parent.alloy_hash if parent else None, proof.parent_alloy_hash if proof else None]
    if not any(digits(one) for one in hashes):
        path: Path = ("derivedFrom", "alloyHash") if parent else ("sourceAlloyId",)
        what = "a parent is named, but no hash of it"
        fix = "Add derivedFrom.alloyHash, as `cadence alloy hash` prints it for the parent"
        yield Problem(path, what, "The lineage is a claim that nobody can check", fix, level="warning")


def _file_names(alloy: Alloy) -> Iterator[Problem]:
    homes: list[tuple[Path, Integrity | None]] = [
        (("results", "integrity"), alloy.results.integrity if alloy.results else None),
        (("integrity",), alloy.integrity),
    ]
    for at, proof in homes:
        for number, one in enumerate((proof.file_hashes if proof else None) or []):
            yield from inside((*at, "fileHashes", number, "filename"), one.filename)


def _placeholders(value: Any, at: Path) -> Iterator[Problem]:
    """Warnings for whatever stands under a hash's name and is none: "not-pinned", "sha256:a1b2...", 63 digits."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _placeholders(one, (*at, number))
    elif isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, str) and _HASH_KEY.fullmatch(key) and digits(one) is None:
                what = f"expected sha256: and 64 hex digits, got {one[:60]!r}"
                why, fix = "It counts as no hash at all", "Write the real hash, or remove it"
                yield Problem((*at, key), what, why, fix, level="warning")
            elif isinstance(one, dict | list):
                yield from _placeholders(one, (*at, key))


def inside(path: Path, name: str | None) -> Iterator[Problem]:
    """An error where a file name leads out of the bundle."""
    if name is not None and escapes(name):
        what = f"expected a path inside the bundle, got {name[:60]!r}"
        yield Problem(path, what, "It would read files that do not belong to the model", "Use a relative path below it")
