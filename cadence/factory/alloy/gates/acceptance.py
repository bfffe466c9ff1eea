"""Gate: the result is as good as the alloy promised before the work began.

Pure: no clock, no files.

`min` is a fraction, 0 to 1; `anchorDelta` is in points, and -3 means at most three points below the base measured
beside it; scores are in the unit that the result or the whole document states (`cadence.factory.alloy.gates.units`).
"""

from __future__ import annotations

from collections.abc import Iterator

from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.report import BenchmarkCriterion, BenchmarkResult, ForgeAlloy
from cadence.factory.alloy.gates.units import Scale, points, scale_of
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest, Report, judged
from cadence.factory.alloy.hashes import digits

GATE = "acceptance"
HAIR = 1e-9
AT: Path = ("acceptanceCriteria",)


def acceptance(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Are the alloy's own acceptance criteria met?"""
    wanted = alloy.acceptance_criteria
    criteria: list[Criterion] = []
    if wanted is not None:
        scale = scale_of(alloy)
        for name, one in wanted.benchmarks.items():
            criteria += _benchmark(name, one, alloy, scale)
        criteria += [*_proofs(alloy), *_limits(alloy)]
    if not criteria:
        reason = "without criteria nobody can say whether the result is good enough"
        criteria = [Criterion("criteria", "unknown", "acceptanceCriteria", None, "", reason, AT)]
    return Report(GATE, tuple(criteria))


def _benchmark(name: str, one: BenchmarkCriterion, alloy: ForgeAlloy, scale: Scale) -> Iterator[Criterion]:
    at: Path = (*AT, "benchmarks", name)
    result, missing = _result(name, alloy)
    score = points(result.score, result, scale) if result else None
    reason = missing or ("the score is to reach the minimum" if score is not None else scale.reason)
    low = one.min * 100
    holds = None if score is None else score >= low - HAIR
    yield Criterion(f"{name[:40]} score", judged(holds), round(low, 4), _rounded(score), "points", reason, (*at, "min"))
    if one.anchor_delta is not None:
        against, absent = _result(one.anchor_benchmark, alloy) if one.anchor_benchmark else (result, missing)
        base = points(against.base_score, against, scale) if against else None
        gap = None if score is None or base is None else score - base
        holds = None if gap is None else gap >= one.anchor_delta - HAIR
        reason = missing or absent or "the result may lie this far from the base measured beside it"
        where = (*at, "anchorDelta")
        yield Criterion(
            f"{name[:40]} against base", judged(holds), one.anchor_delta, _rounded(gap), "points", reason, where
        )


def _result(name: str, alloy: ForgeAlloy) -> tuple[BenchmarkResult | None, str]:
    found = [one for one in (alloy.results.benchmarks if alloy.results else []) if one.name == name]
    if len(found) > 1:
        return None, f"{name[:40]} was measured {len(found)} times, and any of them could be meant"
    return (found[0], "") if found else (None, f"there is no result of this name: {name[:40]}")


def _proofs(alloy: ForgeAlloy) -> Iterator[Criterion]:
    wanted = alloy.acceptance_criteria.integrity if alloy.acceptance_criteria else None
    at: Path = (*AT, "integrity")
    if wanted and wanted.model_hash_required:
        stated = digits(alloy.proof.model_hash) if alloy.proof else None
        reason = "the alloy demands the hash of its model"
        holds = stated is not None
        yield Criterion("model hash", judged(holds), "a hash", stated, "", reason, (*at, "modelHashRequired"))
    if wanted and wanted.samples_path_required:
        results = alloy.results.benchmarks if alloy.results else []
        with_samples = sum(1 for one in results if one.samples_path and digits(one.result_hash))
        reason = "every score is to come with its samples and their hash"
        holds = bool(results) and with_samples == len(results)
        where = (*at, "samplesPathRequired")
        yield Criterion("samples", judged(holds), len(results) or 1, with_samples, "benchmarks", reason, where)


def _limits(alloy: ForgeAlloy) -> Iterator[Criterion]:
    """The two limits of search recipes: perplexity {max} and size {maxGb}."""
    wanted, found = alloy.acceptance_criteria, alloy.results
    limit = (wanted.perplexity or {}).get("max") if wanted else None
    if limit is not None:
        seen = found.final_perplexity if found else None
        holds = None if seen is None else seen <= limit
        reason = "the perplexity is to stay below its limit"
        yield Criterion("perplexity", judged(holds), limit, seen, "perplexity", reason, (*AT, "perplexity", "max"))
    limit = (wanted.size or {}).get("maxGb") if wanted else None
    if limit is not None:
        seen = found.final_size_gb if found else None
        holds = None if seen is None else seen <= limit
        yield Criterion(
            "size", judged(holds), limit, seen, "GB", "the model is to be this small", (*AT, "size", "maxGb")
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
