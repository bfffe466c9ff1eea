"""Scores computed again from the samples of a benchmark, as a check on the score that an alloy states.

Pure: no clock, no files.

A sample is one JSON object a line with the id of its problem and whether it passed, in one of two forms:

    {"task_id": ..., "passed": true}
    {"task_id": ..., "base_status": "pass", "plus_status": "pass"}        evalplus

pass@1 is the mean over problems of the share of their samples that passed. For a benchmark whose name ends with "plus"
or "+" a sample passes if it passes the base tests *and* the added ones; counting the added ones alone overstates it.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ScoringError", "pass_at_1"]

SAMPLES_MAX = 1_000_000


class ScoringError(ValueError):
    """Samples that cannot be scored: which line, and what was expected there."""


def pass_at_1(samples: bytes, benchmark: str) -> float:
    """The score in points, 0 to 100; raises `ScoringError`."""
    problems: dict[str, list[bool]] = {}
    lines = samples.splitlines()
    if len(lines) > SAMPLES_MAX:
        raise ScoringError(f"expected at most {SAMPLES_MAX} samples, got {len(lines)}. Score them in parts")
    for number, line in enumerate(lines, 1):
        if line.strip():
            task, passed = _sample(line, number, benchmark)
            problems.setdefault(task, []).append(passed)
    if not problems:
        raise ScoringError("expected at least one sample, got none. Name the file with the samples")
    return 100 * sum(sum(runs) / len(runs) for runs in problems.values()) / len(problems)


def _sample(line: bytes, number: int, benchmark: str) -> tuple[str, bool]:
    try:
        sample = json.loads(line)
    except (ValueError, RecursionError):
        raise ScoringError(f"line {number}: expected one JSON object. Repair the file of samples") from None
    task = sample.get("task_id") if isinstance(sample, dict) else None
    if not isinstance(task, str):
        raise ScoringError(f"line {number}: expected task_id, the id of the problem. Add it")
    passed = _passed(sample, benchmark)
    if passed is None:
        raise ScoringError(f"line {number}: expected `passed`, or base_status (and plus_status). Add what came out")
    return task, passed


def _passed(sample: dict[str, Any], benchmark: str) -> bool | None:
    if isinstance(sample.get("passed"), bool):
        return bool(sample["passed"])
    base, plus = sample.get("base_status"), sample.get("plus_status")
    wanted = [base, plus] if benchmark.endswith(("plus", "+")) else [base]
    return all(status == "pass" for status in wanted) if all(isinstance(one, str) for one in wanted) else None
