"""Where an alloy comes from: its parents, as far as hashes prove them.

Pure: no clock, no files.

A parent is named by the hash of what it says (`derivedFrom.alloyHash` or `integrity.parentAlloyHash`); the hash of its
file is accepted too, as older alloys have no other. A name without a hash is a claim, and the lineage ends there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cadence.factory.alloy.coverage import is_derived, parent_of
from cadence.factory.alloy.document import Document
from cadence.factory.alloy.hashes import alloy_hash, digits, file_hash

__all__ = ["GENERATIONS_MAX", "Ancestor", "Known", "known", "trace"]

GENERATIONS_MAX = 64

Standing = Literal["origin", "proven", "claimed", "missing", "contradicted", "endless"]


@dataclass(frozen=True)
class Known:
    """An alloy at hand: its file's name, its value, both hashes as 64 hex digits."""

    file: str
    value: dict[str, Any]
    alloy_hash: str
    file_hash: str


@dataclass(frozen=True)
class Ancestor:
    """One generation: the alloy, and what is known about its own parent.

    origin: it names none. proven: the parent is at hand and has the hash. claimed: a parent without a hash. missing: a
    hash that no alloy at hand has. contradicted: two hashes that differ. endless: more than 64 generations.
    """

    alloy: Known
    standing: Standing
    parent: str | None = None
    kind: str | None = None


def known(document: Document) -> Known | None:
    """An alloy for tracing; None if the document is no object."""
    value = document.value
    if not isinstance(value, dict):
        return None
    return Known(document.name, value, digits(alloy_hash(value)) or "", file_hash(document.raw))


def trace(start: Known, at_hand: Iterable[Known]) -> tuple[Ancestor, ...]:
    """The line of ancestors from `start` on, youngest first. It ends with the first that is not proven."""
    by_hash: dict[str, Known] = {}
    for one in at_hand:
        by_hash.setdefault(one.alloy_hash, one)
        by_hash.setdefault(one.file_hash, one)
    line: list[Ancestor] = []
    at = start
    while True:
        standing, parent = _standing(at, by_hash)
        if standing == "proven" and len(line) + 1 == GENERATIONS_MAX:
            standing = "endless"
        line.append(Ancestor(at, standing, parent, _kind(at.value)))
        if standing != "proven" or parent is None:
            return tuple(line)
        at = by_hash[parent]


def _standing(one: Known, by_hash: dict[str, Known]) -> tuple[Standing, str | None]:
    if not is_derived(one.value):
        return "origin", None
    parent = parent_of(one.value)
    if parent is None:
        return ("contradicted" if _names_two(one.value) else "claimed"), None
    return ("proven" if parent in by_hash else "missing"), parent


def _names_two(value: dict[str, Any]) -> bool:
    """Without the parent's hash in one of its homes, is the other one good? Then the two contradict each other."""
    derived = value.get("derivedFrom")
    alone = {key: one for key, one in value.items() if key in ("integrity", "results")}
    return parent_of(alone) is not None and isinstance(derived, dict) and digits(derived.get("alloyHash")) is not None


def _kind(value: dict[str, Any]) -> str | None:
    derived = value.get("derivedFrom")
    kind = derived.get("kind") if isinstance(derived, dict) else None
    return kind if isinstance(kind, str) else None
