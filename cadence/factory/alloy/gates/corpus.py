"""Gate: the text that steered the surgery is known, is there, fits the task, and does not contain the exam.

Pure: no clock, no files.

On one model, with one budget and one metric, the choice of calibration corpus alone moved HumanEval by eight points.
So whoever cannot show the corpus cannot say what was measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cadence.factory.alloy.core import Stage
from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.experts import ExpertPrune
from cadence.factory.alloy.domains.llm_forge.report import CalibrationCorpus, ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.training import Prune
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, FileFact, Manifest, Report, judged
from cadence.factory.alloy.hashes import digits

GATE = "calibration corpus"
FOLDER = "calibration/"
# Which text a benchmark examines. `broad` wants several kinds, none of them more than half.
CATEGORIES = {
    "humaneval": "code",
    "humaneval+": "code",
    "humaneval_plus": "code",
    "mbpp": "code",
    "mbpp+": "code",
    "mbpp_plus": "code",
    "livecodebench": "code",
    "livecodebench_v6": "code",
    "gsm8k": "maths",
    "math": "maths",
    "math_hard": "maths",
    "mmlu": "broad",
    "mmlu_pro": "broad",
    "mmlu-pro": "broad",
    "bbh": "broad",
}
SAME = {"math": "maths", "mathematics": "maths", "coding": "code", "programming": "code"}
SHARE_MIN = 0.5
SUM_TOLERANCE = 0.02  # shares are rounded
BROAD_KINDS_MIN = 3
LEAK_WORDS = 13  # words in a row that chance does not repeat; the length used for the contamination checks of GPT-3
SHORT_WORDS_MIN = 5  # below that, agreement is chance
STEERED = re.compile(r"activation|calibration|gradient|router-importance")
# Where stages name a corpus; the last two are how older stages did.
KEYS = ("calibrationCorpus", "calibrationDataset", "calibrationSource")


def corpus(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Is the calibration corpus what the alloy says, and right for what was measured?"""
    named = list(_named(alloy))
    if not named:
        reason = "no stage was steered by a text"
        return Report(GATE, (Criterion("corpus", "pass", "none", "none", "", reason, ("stages",)),))
    declared = {one.id: (number, one) for number, one in enumerate(alloy.calibration_corpora)}
    criteria: list[Criterion] = []
    if len(declared) < len(alloy.calibration_corpora):
        reason = "two corpora of one name, and either could be meant"
        criteria.append(
            Criterion("one of each", "fail", "names that differ", None, "", reason, ("calibrationCorpora",))
        )
    checked = set()
    for path, name in named:
        found = declared.get(name) if name is not None else None
        reason = "every corpus that a stage uses is to be declared in calibrationCorpora"
        if not declared:
            reason += ", and the alloy has none"
        if found is None:
            shown = name or "a data-driven strategy that names no corpus"
            criteria.append(Criterion("declared", "fail", "an entry", shown[:80], "", reason, path))
        elif name not in checked:
            checked.add(name)
            criteria.append(Criterion("declared", "pass", "an entry", name, "", reason, path))
            at: Path = ("calibrationCorpora", found[0])
            criteria += [*_identity(found[1], at, manifest, bundle), *_alignment(found[1], at, alloy)]
            criteria += _leaks(found[1], at, alloy, manifest, bundle)
    return Report(GATE, tuple(criteria))


def _named(alloy: ForgeAlloy) -> Iterator[tuple[Path, str | None]]:
    """Every corpus a stage names; None where a strategy needs one and none is named anywhere."""
    found = [
        (("stages", number, key), name)
        for number, stage in enumerate(alloy.stages)
        for key in KEYS
        if isinstance(name := stage.came.get(key), str) and name
    ]
    yield from found
    if not found:
        for number, stage in enumerate(alloy.stages):
            if _steered(stage):
                yield ("stages", number), None


def _steered(stage: Stage) -> bool:
    if isinstance(stage, Prune):
        return STEERED.search(stage.strategy) is not None
    if isinstance(stage, ExpertPrune):
        words = " ".join(filter(None, [stage.strategy, stage.selection_strategy, stage.metric]))
        return STEERED.search(words) is not None
    return False


def _identity(one: CalibrationCorpus, at: Path, manifest: Manifest, bundle: Bundle) -> Iterator[Criterion]:
    file = bundle.get(one.path)
    stated, seen = digits(one.sha256), file.sha256 if file else None
    same = False if stated is None else None if seen is None else seen == stated
    reason = "the file is to be in the bundle, with the hash the alloy states"
    yield Criterion("sha256", judged(same), stated or "a hash", seen, "", reason, (*at, "sha256"))
    placed = one.path.startswith(FOLDER)
    reason = "corpora lie together, where whoever checks a model looks for them"
    yield Criterion("place", judged(placed), f"below {FOLDER}", one.path[:80], "", reason, (*at, "path"))
    recount = manifest.corpora.get(one.id)
    lines = _records(file)
    examples = len(lines) if lines is not None else recount.examples if recount else None
    yield _count("examples", one.examples, examples, at)
    yield _count("tokens", one.tokens, recount.tokens if recount else None, at)
    summary = one.distribution_summary
    reason = "whoever compares corpora must know what is in this one"
    shown = summary if isinstance(summary, str | dict) else None
    yield Criterion("content", judged(bool(summary)), "a summary", shown, "", reason, (*at, "distributionSummary"))


def _count(name: str, stated: int | None, counted: int | None, at: Path) -> Criterion:
    holds = False if stated is None else None if counted is None else counted == stated
    reason = "the number is to be stated, and to come out again when somebody else counts"
    return Criterion(name, judged(holds), stated, counted, name, reason, (*at, name))


def _alignment(one: CalibrationCorpus, at: Path, alloy: ForgeAlloy) -> Iterator[Criterion]:
    mix = _mix(one.distribution_summary)
    where = (*at, "distributionSummary")
    for name in _benchmarks(alloy):
        wanted = CATEGORIES.get(name.lower())
        holds, required, observed = _fits(wanted, mix)
        kind = wanted or "something this gate does not know"
        reason = f"{name[:40]} examines {kind}, and the corpus is to be of that kind"
        yield Criterion(f"aligned with {name[:40]}", judged(holds), required, observed, "share", reason, where)


def _benchmarks(alloy: ForgeAlloy) -> list[str]:
    """What was measured; perplexity is no benchmark with problems of a kind."""
    return sorted({one.name for one in (alloy.results.benchmarks if alloy.results else [])} - {"perplexity"})


def _mix(summary: object) -> dict[str, float]:
    """Kind of text to its share; empty if the summary is prose, or its shares are not those of one whole."""
    if not isinstance(summary, dict):
        return {}
    mix: dict[str, float] = {}
    for kind, share in summary.items():
        if _is_share(share):
            name = SAME.get(kind.lower(), kind.lower())
            mix[name] = mix.get(name, 0.0) + share
    return mix if abs(sum(mix.values()) - 1) <= SUM_TOLERANCE else {}


def _fits(wanted: str | None, mix: dict[str, float]) -> tuple[bool | None, str, object]:
    if wanted is None or not mix:
        return None, "a known kind and a mix of kinds with shares", mix or None
    if wanted == "broad":
        kinds = [kind for kind, share in mix.items() if share > 0]
        holds = len(kinds) >= BROAD_KINDS_MIN and max(mix.values()) <= SHARE_MIN
        return holds, f"at least {BROAD_KINDS_MIN} kinds, none above {SHARE_MIN:g}", mix
    return mix.get(wanted, 0.0) >= SHARE_MIN, f"at least {SHARE_MIN:g} {wanted}", mix.get(wanted, 0.0)


def _leaks(
    one: CalibrationCorpus, at: Path, alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle
) -> Iterator[Criterion]:
    lines = _records(bundle.get(one.path))
    held = None if lines is None else _Text(" ".join(_strings(line) for line in lines))
    for name in _benchmarks(alloy):
        items = manifest.benchmark_items.get(name)
        leaked = None if held is None or not items else sum(1 for item in items if held.holds(item))
        reason = f"no problem of the benchmark may share {LEAK_WORDS} words in a row with the corpus"
        holds = None if leaked is None else leaked == 0
        yield Criterion(f"no leak of {name[:40]}", judged(holds), 0, leaked, "problems", reason, (*at, "path"))


def _records(file: FileFact | None) -> list[bytes] | None:
    """The lines of a JSONL corpus that are not empty; None if the content is not at hand."""
    if file is None or file.content is None:
        return None
    return [line for line in file.content.splitlines() if line.strip()]


def _strings(line: bytes) -> str:
    """The texts in one record; the line itself if it is no JSON object."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        return line.decode("utf-8", "replace")
    return " ".join(value for value in record.values() if isinstance(value, str))


class _Text:
    """A text in which runs of words are looked up."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self._line = f" {' '.join(words)} "
        self._runs = set(_runs(words))

    def holds(self, item: str) -> bool:
        """Does it share a long run of words with `item`, or contain all of a shorter one?"""
        words = _words(item)
        if len(words) < SHORT_WORDS_MIN:
            return False
        if len(words) < LEAK_WORDS:
            return f" {' '.join(words)} " in self._line
        return any(run in self._runs for run in _runs(words))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + LEAK_WORDS]) for start in range(len(words) - LEAK_WORDS + 1))


def _is_share(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]
