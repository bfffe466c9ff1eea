"""A bundle and a manifest that go with `examples.forged()`, complete and right."""

from __future__ import annotations

import hashlib
from typing import Any

from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.gates import Gate
from cadence.factory.alloy.gates.verdict import Bundle, FileFact, Manifest, Report
from tests.factory.alloy.examples import BASE, CORPUS, STUDENT, WEIGHTS, Value, forged, loaded

FILES = {
    "model.Q5_K_M.gguf": WEIGHTS,
    "config.json": "{}",
    "tokenizer.json": "{}",
    "tokenizer_config.json": "{}",
    "small-moe-compacted.alloy.json": "{}",
    "alloy-qr.svg": "<svg/>",
    "METHODOLOGY.md": "How it was made.",
    "README.md": "What it is.",
    "eval/humaneval/student.jsonl": STUDENT,
    "eval/humaneval/base.jsonl": BASE,
    "calibration/code-1.jsonl": CORPUS,
}
ITEM = "Write a function that returns the sum of all even numbers in the given list of integers"


def fact(text: str) -> FileFact:
    return FileFact(hashlib.sha256(text.encode()).hexdigest(), len(text), text.encode())


def bundle(**changes: str | None) -> Bundle:
    """All files; a change to None removes one. Names are written with `__` for `/` and `_dot_` for `.`."""
    files = dict(FILES)
    for name, text in changes.items():
        path = name.replace("__", "/").replace("_dot_", ".")
        files.pop(path, None)
        if text is not None:
            files[path] = text
    return {path: fact(text) for path, text in files.items()}


def manifest(**changes: Any) -> Manifest:
    given = {
        "corpora": {"code-1": {"examples": 1, "tokens": 12, "tokenizer": "words"}},
        "kvBytesPerToken": 65536,
        "contextTokens": 4096,
        "benchmarkItems": {"humaneval": [ITEM]},
    }
    return Manifest.model_validate(given | changes)


def typed(value: Value) -> ForgeAlloy:
    alloy = loaded(value).alloy
    assert isinstance(alloy, ForgeAlloy), [str(one) for one in loaded(value).problems]
    return alloy


def through(gate: Gate, value: Value | None = None, its: Manifest | None = None, files: Bundle | None = None) -> Report:
    """The report of one gate about the good example, or about what was changed in it."""
    return gate(typed(value or forged()), its or manifest(), bundle() if files is None else files)


def told(report: Report) -> dict[str, str]:
    """Criterion to verdict, of those that did not pass."""
    return {one.name: one.verdict for one in report.criteria if one.verdict != "pass"}
