"""Reads the older shapes of things that changed their form, and gives them one. Nothing is rewritten: these are views.

Pure: no clock, no files.

Earlier attempts (`priorMetricBaselines`) have three shapes and two homes:

    published     {id, metric: {name, ...} or text, evaluation: {results: {...}, samplesPath, samplesHash}, outcome}
    line          {name, metric, value, samplesPath, note}
    recipe        {metric, value, source, measuredAt, measurementMethod}

at the root or under `results`. Stage checkpoints are spelled in camelCase or in snake_case, where `output` is the path,
`hash` the hash and `shards` metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cadence.factory.alloy.attestation import Checkpoint
from cadence.factory.alloy.document import Path

__all__ = ["Baseline", "baselines", "checkpoint", "checkpoints"]

_SNAKE = {
    "completed_at": "completedAt",
    "output": "outputPath",
    "output_path": "outputPath",
    "hash": "outputHash",
    "output_hash": "outputHash",
    "input_hashes": "inputHashes",
}


@dataclass(frozen=True)
class Baseline:
    """An earlier attempt. `scores` maps a benchmark (or the one metric) to its number, in the unit of the document."""

    path: Path
    name: str | None
    metric: str | None
    scores: Mapping[str, float]
    corpus: str | None = None
    corpus_sha256: str | None = None
    samples_path: str | None = None
    samples_hash: str | None = None
    outcome: str | None = None
    superseded_by: str | None = None
    notes: str | None = None


def baselines(value: Mapping[str, Any]) -> tuple[Baseline, ...]:
    """All earlier attempts of an alloy given as its JSON value, from both homes, the root first."""
    results = value.get("results")
    homes: list[tuple[Path, Any]] = [(("priorMetricBaselines",), value.get("priorMetricBaselines"))]
    if isinstance(results, dict):
        homes.append((("results", "priorMetricBaselines"), results.get("priorMetricBaselines")))
    return tuple(
        _baseline(one, (*at, number))
        for at, listed in homes
        for number, one in enumerate(listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    )


def _baseline(one: Mapping[str, Any], at: Path) -> Baseline:
    metric, run = one.get("metric"), one.get("evaluation")
    about: Mapping[str, Any] = metric if isinstance(metric, dict) else {"name": metric}
    evaluation: Mapping[str, Any] = run if isinstance(run, dict) else {}
    name = about.get("name")
    return Baseline(
        path=at,
        name=_text(one.get("id")) or _text(one.get("name")) or _text(one.get("source")),
        metric=_text(name),
        scores=_scores(one, evaluation, _text(name) or "value"),
        corpus=_text(about.get("calibrationCorpus")),
        corpus_sha256=_text(about.get("calibrationCorpusSha256")),
        samples_path=_text(evaluation.get("samplesPath")) or _text(one.get("samplesPath")),
        samples_hash=_text(evaluation.get("samplesHash")) or _text(one.get("samplesHash")),
        outcome=_text(one.get("outcome")),
        superseded_by=_text(one.get("supersededBy")),
        notes=_text(one.get("notes")) or _text(one.get("note")) or _text(one.get("lessonAnchor")),
    )


def _scores(one: Mapping[str, Any], evaluation: Mapping[str, Any], name: str) -> dict[str, float]:
    if _is_number(one.get("value")):
        return {name: float(one["value"])}
    found = evaluation.get("results") or one.get("results")
    if not isinstance(found, dict):
        return {}
    return {key: float(score) for key, score in found.items() if _is_number(score) and not key.startswith("delta")}


def checkpoints(value: Mapping[str, Any]) -> dict[str, Checkpoint | None]:
    """The stage checkpoints under `results` (or of a checkpoint file's own value), in one spelling.

    A checkpoint that has neither shape is None, as one that was not reached: a resume then runs the stage again.
    """
    results = value.get("results")
    found = results.get("stageCheckpoints") if isinstance(results, dict) else None
    if not isinstance(found, dict):
        return {}
    return {stage: checkpoint(one) for stage, one in found.items()}


def checkpoint(one: Any) -> Checkpoint | None:
    """One checkpoint in either spelling; None for null and for what has no form of a checkpoint."""
    if not isinstance(one, dict):
        return None
    named = {_SNAKE.get(key, key): part for key, part in one.items() if key != "shards"}
    if "shards" in one:
        metadata = named.get("metadata")
        named["metadata"] = {**(metadata if isinstance(metadata, dict) else {}), "shards": one["shards"]}
    try:
        return Checkpoint.model_validate(named)
    except ValidationError:
        return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
