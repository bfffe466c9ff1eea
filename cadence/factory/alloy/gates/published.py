"""Scores that the makers of models published, so that an alloy cannot invent the number it reproduces.

Pure: no clock, no files.

All are pass@1 in points on HumanEval and HumanEval+, greedy, of base models, from one source: Qwen2.5-Coder Technical
Report, arXiv:2409.12186. A model that is not listed is not judged by this table.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CITATION", "PUBLISHED", "published"]

CITATION = "Qwen2.5-Coder Technical Report, arXiv:2409.12186"
BENCHMARKS = ("humaneval", "humaneval_plus")
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "Qwen/Qwen2.5-Coder-0.5B": (28.0, 23.8),
    "Qwen/Qwen2.5-Coder-1.5B": (43.9, 36.6),
    "Qwen/Qwen2.5-Coder-3B": (52.4, 42.7),
    "Qwen/Qwen2.5-Coder-7B": (61.6, 53.0),
    "Qwen/Qwen2.5-Coder-14B": (64.0, 57.9),
    "Qwen/Qwen2.5-Coder-32B": (65.9, 60.4),
    "Qwen/CodeQwen1.5-7B": (51.8, 45.7),
    "deepseek-ai/deepseek-coder-1.3b-base": (34.8, 26.8),
    "deepseek-ai/deepseek-coder-6.7b-base": (47.6, 39.6),
    "deepseek-ai/deepseek-coder-33b-base": (54.9, 47.6),
    "deepseek-ai/DeepSeek-Coder-V2-Lite-Base": (40.9, 34.1),
    "deepseek-ai/DeepSeek-Coder-V2-Base": (50.0, 43.3),
    "bigcode/starcoder2-3b": (31.7, 27.4),
    "bigcode/starcoder2-7b": (35.4, 29.9),
    "bigcode/starcoder2-15b": (46.3, 37.8),
}
_BY_NAME = {name.lower(): scores for name, scores in PUBLISHED.items()}


def published(model: str | None, benchmark: str | None = None) -> dict[str, float]:
    """Benchmark to published score of a model; only that of `benchmark`, if given. Empty if it is not in the table."""
    scores = _BY_NAME.get((model or "").lower())
    if scores is None:
        return {}
    wanted = (benchmark or "").lower().replace("+", "_plus")
    return {name: score for name, score in zip(BENCHMARKS, scores, strict=True) if not benchmark or name == wanted}
