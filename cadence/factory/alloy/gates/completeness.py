"""Gate: the bundle has everything that a stranger needs to run the model and to check it.

Pure: no clock, no files.

A release of the past went out without its tokenizer's configuration, and one without any evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cadence.factory.alloy.core import ALLOY_SUFFIX
from cadence.factory.alloy.document import Path
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates.verdict import Bundle, Criterion, Manifest, Report, judged

GATE = "completeness"
# What is needed, and which files are it. `user card` is the last to be uploaded: it makes the release visible.
PARTS = {
    "weights": r".+\.(safetensors|gguf)",
    "configuration": r"(.*/)?config\.json",
    "tokenizer": r"(.*/)?(tokenizer\.json|tokenizer\.model|vocab\.json)",
    "tokenizer configuration": r"(.*/)?tokenizer_config\.json",
    "alloy": rf".+{re.escape(ALLOY_SUFFIX)}",
    "QR code": r"(.*/)?alloy-qr\.(svg|png)",
    "methodology card": r"METHODOLOGY\.md",
    "user card": r"README\.md",
}


def completeness(alloy: ForgeAlloy, manifest: Manifest, bundle: Bundle) -> Report:
    """Is every required file there, and not empty?"""
    if not bundle:
        reason = "no bundle was looked at"
        return Report(GATE, (Criterion("bundle", "unknown", "its files", None, "", reason),))
    return Report(GATE, (*_parts(bundle), *_named(alloy, bundle), *_measured(alloy)))


def _parts(bundle: Bundle) -> Iterator[Criterion]:
    for name, pattern in PARTS.items():
        found = sorted(path for path, fact in bundle.items() if re.fullmatch(pattern, path) and fact.size > 0)
        reason = "the bundle is to be usable and checkable without asking"
        yield Criterion(name, judged(bool(found)), pattern, found[:3] or None, "", reason)


def _named(alloy: ForgeAlloy, bundle: Bundle) -> Iterator[Criterion]:
    """Samples and corpora that the alloy names."""
    wanted: list[tuple[str, str, Path]] = []
    for number, result in enumerate(alloy.results.benchmarks if alloy.results else []):
        for key, path in (("samplesPath", result.samples_path), ("baseSamplesPath", result.base_samples_path)):
            if path is not None:
                wanted.append(("samples", path, ("results", "benchmarks", number, key)))
    for number, one in enumerate(alloy.calibration_corpora):
        wanted.append(("corpus", one.path, ("calibrationCorpora", number, "path")))
    for name, path, at in wanted:
        fact = bundle.get(path)
        holds = fact is not None and fact.size > 0
        reason = "the alloy names this file, so it is to be in the bundle"
        yield Criterion(f"{name} {path[:80]}", judged(holds), path[:80], path[:80] if holds else None, "", reason, at)


def _measured(alloy: ForgeAlloy) -> Iterator[Criterion]:
    scored = [
        one for one in (alloy.results.benchmarks if alloy.results else []) if one.score is not None or one.metrics
    ]
    reason = "a model that was never measured does not ship"
    yield Criterion("evaluation", judged(bool(scored)), 1, len(scored), "benchmarks", reason, ("results", "benchmarks"))
