"""Gate: the pipeline measured the unmodified model first, and its number can be believed.

Pure: no clock, no files.

Two modes. `published`: the makers of the model published a number, and the same pipeline reproduces it within three
points. `self`: nobody published one; then the pipeline must show that it is deterministic (two runs, one number), that
it can tell a bad model from a good one (a control that is known to be bad), and that a second scorer, written by
others, agrees. Without either nothing was verified, whatever the alloy says about its tolerance.
"""

from __future__ import annotations

from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.training import CalibrationAnchor, Eval
from cadence.factory.alloy.gates.published import CITATION, published
from cadence.factory.alloy.gates.units import in_points, points, scale_of
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest, Report, judged

TOLERANCE_POINTS_MAX = 3.0
CONTROL_POINTS_MIN = 3.0  # a bad control that scores within the tolerance would pass for the real thing
SCORER_POINTS_MAX = 0.1
RUNS_MIN = 2
ROUNDING = 0.151  # three numbers rounded to one decimal each
ROUNDED = 0.051  # a number rounded to one decimal
HAIR = 1e-9
GATE = "anchor"


def anchor(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Was the base model's score reproduced?"""
    found = _anchors(alloy)
    if not found:
        reason = "no eval stage has a calibrationAnchor, so nothing shows that the pipeline measures right"
        return Report(GATE, (Criterion("anchor", "unknown", "an anchor", None, "", reason, ("stages",)),))
    criteria: list[Criterion] = []
    modes = set()
    for path, one, benchmark in found:
        mode = _mode(one, benchmark)
        modes.add(mode)
        criteria += _published(path, one, benchmark) if mode == "published" else _self(path, one)
        criteria.append(_belongs(path, one, alloy))
    return Report(GATE, tuple(criteria), " and ".join(sorted(modes)))


def _anchors(alloy: ForgeAlloy) -> list[tuple[Path, CalibrationAnchor, str | None]]:
    """Where each anchor stands, the anchor, and its benchmark if it stands at one."""
    found: list[tuple[Path, CalibrationAnchor, str | None]] = []
    for number, stage in enumerate(alloy.stages):
        if isinstance(stage, Eval):
            at: Path = ("stages", number)
            if stage.calibration_anchor:
                found.append(((*at, "calibrationAnchor"), stage.calibration_anchor, None))
            for index, one in enumerate(stage.benchmarks):
                if one.calibration_anchor:
                    path = (*at, "benchmarks", index, "calibrationAnchor")
                    found.append((path, one.calibration_anchor, one.name))
    return found


def _mode(one: CalibrationAnchor, benchmark: str | None) -> str:
    """Where a number was published, nobody can choose to be measured by his own."""
    known = one.published_score is not None or published(one.model, benchmark)
    return "published" if known else one.mode or "self"


def _published(path: Path, one: CalibrationAnchor, benchmark: str | None) -> list[Criterion]:
    allowed = one.tolerance if isinstance(one.tolerance, float) else TOLERANCE_POINTS_MAX
    stated, measured = in_points(one.published_score), in_points(one.measured_score)
    off = None if stated is None or measured is None else measured - stated
    reason = "the base model is to score what its makers published, in the same pipeline"
    if off is None:
        reason = "both scores are needed, in points from 0 to 100; numbers of at most 1 could be fractions"
    within = None if off is None else abs(off) <= min(allowed, TOLERANCE_POINTS_MAX) + HAIR
    limit = f"at most {min(allowed, TOLERANCE_POINTS_MAX):g}"
    found = [Criterion("reproduced", judged(within), limit, _rounded(off), "points", reason, path)]
    cited = bool((one.published_source or "").strip())
    why = "a number without a source cannot be looked up"
    source = (*path, "publishedSource")
    found.append(Criterion("cited", judged(cited), "a citation", one.published_source, "", why, source))
    listed = published(one.model, benchmark)
    if listed:
        right = stated is not None and any(abs(stated - score) <= ROUNDED for score in listed.values())
        why = f"the makers published other numbers: {CITATION}"
        at = (*path, "publishedScore")
        found.append(Criterion("published", judged(right), listed, stated, "points", why, at))
    if isinstance(one.delta, float) and off is not None and abs(one.delta - off) > ROUNDING:
        why = "the alloy states another difference than its two scores have"
        at = (*path, "delta")
        found.append(Criterion("stated delta", "fail", _rounded(off), one.delta, "points", why, at))
    if allowed > TOLERANCE_POINTS_MAX:
        why = "a wider tolerance would let a wrong pipeline pass"
        wide = f"at most {TOLERANCE_POINTS_MAX:g}"
        found.append(Criterion("tolerance", "fail", wide, allowed, "points", why, (*path, "tolerance")))
    return found


def _self(path: Path, one: CalibrationAnchor) -> list[Criterion]:
    runs = one.runs
    same = None if len(runs) < RUNS_MIN else len({*runs}) == 1
    why = "two separate runs of the unmodified model are to give one number"
    found = [Criterion("deterministic", judged(same), f"{RUNS_MIN} equal runs", list(runs) or None, "", why, path)]
    measured, control = in_points(one.measured_score), in_points(one.control.score if one.control else None)
    gap = None if measured is None or control is None else measured - control
    why = "a model that is known to be bad must score clearly lower, or the benchmark tells nothing"
    apart = None if gap is None else gap > CONTROL_POINTS_MIN
    more = f"more than {CONTROL_POINTS_MIN:g} below"
    found.append(Criterion("control", judged(apart), more, _rounded(gap), "points", why, (*path, "control")))
    second = in_points(one.second_scorer.score if one.second_scorer else None)
    off = None if measured is None or second is None else abs(measured - second)
    why = "a scorer written by others is to agree on the same samples"
    agrees = None if off is None else off <= SCORER_POINTS_MAX + HAIR
    within = f"at most {SCORER_POINTS_MAX:g}"
    found.append(
        Criterion("second scorer", judged(agrees), within, _rounded(off), "points", why, (*path, "secondScorer"))
    )
    return found


def _belongs(path: Path, one: CalibrationAnchor, alloy: ForgeAlloy) -> Criterion:
    """The number that was reproduced must be the one against which the result is compared."""
    scale = scale_of(alloy)
    results = alloy.results.benchmarks if alloy.results else []
    bases = [base for each in results if (base := points(each.base_score, each, scale)) is not None]
    measured = in_points(one.measured_score)
    same = None
    if measured is not None and bases:
        same = any(abs(base - measured) <= SCORER_POINTS_MAX / 2 + HAIR for base in bases)
    reason = "the anchor's measurement is to be the base score of a reported benchmark"
    at = (*path, "measuredScore")
    return Criterion("same pipeline", judged(same), measured, bases or None, "points", reason, at)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
