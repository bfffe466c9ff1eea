"""How reproducible an alloy is, artefact by artefact, each verdict with its reason.

| tier | question |
|---|---|
| 1 dispatch | does every stage resolve to something that can run it, without loading a model? |
| 2 re-forge | does running the recipe again give the same bytes? |
| 3 samples | are the samples those that were hashed? |
| 4 re-score | does scoring the samples again give the stated score, within 0.1 points? |

What was not tried is unknown, and unknown is not a pass.

Pure: evidence is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cadence.factory.alloy.hashes import digits, integrity_of

POINTS_TOLERANCE = 0.1

Verdict = Literal["pass", "fail", "unknown"]
Tier = Literal[1, 2, 3, 4]


@dataclass(frozen=True)
class Tried:
    """What somebody tried. By default: nothing."""

    can_run: Callable[[str], bool] | None = None  # does an engine know this stage type?
    reforged: Mapping[str, str] = field(default_factory=dict)  # file name -> SHA-256 of what the recipe gave again
    files: Mapping[str, str | None] = field(default_factory=dict)  # file name -> SHA-256 here; None where missing
    scores: Mapping[str, float] = field(default_factory=dict)  # benchmark -> recomputed score in points, 0 to 100


@dataclass(frozen=True, slots=True)
class Row:
    """One artefact under one tier."""

    tier: Tier
    artefact: str
    verdict: Verdict
    reason: str


def table(alloy: dict[str, Any], tried: Tried) -> tuple[Row, ...]:
    """Every artefact of an alloy under every tier it belongs to, in order of tiers."""
    return (*_dispatch(alloy, tried), *_reforge(alloy, tried), *_samples(alloy, tried), *_rescore(alloy, tried))


def verdicts(rows: tuple[Row, ...]) -> dict[Tier, Verdict]:
    """Each tier as a whole: it passes if it has artefacts and all of them pass, and fails if one does."""
    found: dict[Tier, Verdict] = {}
    tiers: tuple[Tier, ...] = (1, 2, 3, 4)
    for tier in tiers:
        kinds = {row.verdict for row in rows if row.tier == tier}
        found[tier] = "fail" if "fail" in kinds else "pass" if kinds == {"pass"} else "unknown"
    return found


def _dispatch(alloy: dict[str, Any], tried: Tried) -> Iterator[Row]:
    for i, stage in enumerate(_objects(alloy.get("stages"))):
        kind = stage.get("type")
        name = f"stages[{i}]"
        if tried.can_run is None:
            yield Row(1, name, "unknown", "no engine was asked")
        elif isinstance(kind, str) and tried.can_run(kind):
            yield Row(1, name, "pass", "an engine knows it")
        else:
            yield Row(1, name, "fail", "no engine knows this stage type")


def _reforge(alloy: dict[str, Any], tried: Tried) -> Iterator[Row]:
    files = _objects(integrity_of(alloy).get("fileHashes"))
    if not files:
        yield Row(2, "model", "unknown", "no list of files to compare with")
    for one in files:
        name, stated = _name(one.get("filename")), digits(one.get("sha256"))
        again = tried.reforged.get(name)
        if again is None:
            yield Row(2, name, "unknown", "the recipe was not run again")
        elif stated is None:
            yield Row(2, name, "unknown", "the alloy states no hash for it")
        else:
            same = digits(again) == stated
            yield Row(2, name, "pass" if same else "fail", "the same bytes" if same else "other bytes")


def _samples(alloy: dict[str, Any], tried: Tried) -> Iterator[Row]:
    for name, one in _benchmarks(alloy):
        for who, path, stated in (
            (name, one.get("samplesPath"), digits(one.get("resultHash"))),
            (f"{name} (base)", one.get("baseSamplesPath"), digits(one.get("baseResultHash"))),
        ):
            if path is None and stated is None and who != name:
                continue
            if not isinstance(path, str) or stated is None:
                yield Row(3, who, "unknown", "no samples, or no hash of them, are named")
            elif tried.files.get(path) is None:
                yield Row(3, who, "unknown", "the samples are not here")
            elif tried.files[path] == stated:
                yield Row(3, who, "pass", "the samples have the stated hash")
            else:
                yield Row(3, who, "fail", "the samples have another hash than stated")


def _rescore(alloy: dict[str, Any], tried: Tried) -> Iterator[Row]:
    for name, one in _benchmarks(alloy):
        stated, again = _points(one), tried.scores.get(name)
        if again is None:
            yield Row(4, name, "unknown", "the samples were not scored again")
        elif stated is None:
            yield Row(4, name, "unknown", "no score, or one whose unit is not told: write it in points, 0 to 100")
        else:
            near = abs(again - stated) <= POINTS_TOLERANCE + 1e-9  # 88.4 - 88.3 is a little more than 0.1 in doubles
            yield Row(4, name, "pass" if near else "fail", f"stated {stated:g} points, scored again {again:g}")


def _points(one: dict[str, Any]) -> float | None:
    score, unit = one.get("score"), one.get("unit")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    if unit == "fraction":
        return 100.0 * score
    if unit in ("points", "percent") or (unit is None and (score > 1 or score == 0)):
        return float(score)
    return None


def _benchmarks(alloy: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    results = alloy.get("results")
    for one in _objects(results.get("benchmarks") if isinstance(results, dict) else None):
        yield _name(one.get("name")), one


def _name(value: Any) -> str:
    return value if isinstance(value, str) else "(no name)"


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
