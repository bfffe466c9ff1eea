"""What lies beside an alloy, for `cadence alloy verify`: hashes of files, scores computed again, who to ask."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cadence.factory.alloy import hashes
from cadence.factory.alloy.coverage import Owner
from cadence.factory.alloy.files import PIECE_BYTES, EscapeError, inside
from cadence.factory.alloy.gates.verdict import Bundle
from cadence.factory.alloy.scoring import ScoringError, pass_at_1
from cadence.factory.alloy.tiers import POINTS_TOLERANCE
from cadence.factory.alloy.verify import Here

__all__ = ["gather", "owners", "rescored"]


def gather(
    value: dict[str, Any],
    bundle: Bundle | None,
    folder: Path | None,
    card: Path | None,
    expected: str | None,
    scores: Mapping[str, float],
) -> Here:
    """Everything that is at hand. Raises `OSError` and `ValueError` for files that cannot be read."""
    files = None
    if bundle is not None:
        named = {claim.file for claim in hashes.claims(value)}
        files = {name: fact.sha256 if (fact := bundle.get(name)) else None for name in {*named, *bundle}}
    return Here(
        files=files,
        card=hashes.card_hash(card.read_bytes()) if card else None,
        concatenated=_concatenated(value, folder) if folder else None,
        expected=expected,
        rescored=frozenset(name for name, score in scores.items() if _agrees(value, name, score)),
    )


def rescored(value: dict[str, Any], bundle: Bundle) -> dict[str, float]:
    """Benchmark to its score in points, computed again from samples that are at hand and have the stated hash."""
    found: dict[str, float] = {}
    for one in _benchmarks(value):
        name, path, stated = one.get("name"), one.get("samplesPath"), hashes.digits(one.get("resultHash"))
        fact = bundle.get(path) if isinstance(path, str) else None
        if isinstance(name, str) and fact and fact.content is not None and fact.sha256 == stated:
            try:
                found[name] = pass_at_1(fact.content, name)
            except ScoringError:
                continue  # samples of another form prove nothing, and are no fault
    return found


def owners(value: dict[str, Any]) -> dict[str, Owner]:
    """Who closes a gap in the chain: the author, with the command to run."""
    author = value.get("author")
    name = author if isinstance(author, str) and author else Owner().name
    fix = "cadence alloy sign FILE --stage N --key KEY.pem"
    stages = value.get("stages")
    types = [stage.get("type") for stage in stages if isinstance(stage, dict)] if isinstance(stages, list) else []
    return {type: Owner(name=name, fix=fix) for type in types if isinstance(type, str)}


def _agrees(value: dict[str, Any], name: str, score: float) -> bool:
    (stated,) = [one for one in _benchmarks(value) if one.get("name") == name][-1:]
    points = stated.get("score")
    if not isinstance(points, int | float) or isinstance(points, bool):
        return False
    scaled = 100 * points if stated.get("unit") == "fraction" else points
    return abs(scaled - score) <= POINTS_TOLERANCE + 1e-9


def _benchmarks(value: dict[str, Any]) -> list[dict[str, Any]]:
    results = value.get("results")
    listed = results.get("benchmarks") if isinstance(results, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _concatenated(value: dict[str, Any], folder: Path) -> str | None:
    """The older model hash, of all shards' bytes in order of their names; only where the newer rule does not hold."""
    integrity = hashes.integrity_of(value)
    if hashes.digits(integrity.get("modelHash")) is None or hashes.model_rule(value):
        return None
    listed = integrity.get("fileHashes")
    names = [one.get("filename") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    shards = sorted(name for name in names if isinstance(name, str)) or sorted(
        path.name for path in folder.glob("*.safetensors")
    )
    total = hashlib.sha256()
    try:
        for name in shards:
            with inside(folder, name).open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    total.update(piece)
    except (EscapeError, OSError):
        return None
    return f"sha256:{total.hexdigest()}" if shards else None
