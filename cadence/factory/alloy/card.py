"""The model card: an alloy told to people. The alloy is the truth, the card only shows it.

Pure: no clock, no files.

Two views of one alloy: for users (what it is, how good, where it runs, what it cannot do) and for researchers (how it
was made, what was tried before). Every text in an alloy is a stranger's and is escaped.

The card names the alloy hash, which leaves out the receipt; the receipt names the card's hash. So neither waits for the
other, and the same alloy always gives the same card, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.domains.llm_forge.report import UNKNOWN, BenchmarkResult, ForgeAlloy
from cadence.factory.alloy.domains.llm_forge.training import Eval
from cadence.factory.alloy.gates.anchor import anchor
from cadence.factory.alloy.gates.units import points, scale_of
from cadence.factory.alloy.gates.verdict import Manifest
from cadence.factory.alloy.hashes import alloy_hash, card_hash, digits
from cadence.factory.alloy.markdown import cell, clean, code, line, link, quoted, safe_url, table
from cadence.factory.alloy.older import baselines
from cadence.factory.alloy.parts import plain

__all__ = ["View", "card", "card_hash"]

View = Literal["user", "researcher"]
SAMPLES_MAX = 8
ANCHORED = {
    (
        "published",
        True,
    ): "Anchor (published): the pipeline reproduced the score that the base model's makers published.",
    ("published", False): "Anchor (published): the pipeline did not reproduce the base model's published score.",
    (
        "self",
        True,
    ): "Anchor (self): nobody published a score of the base model. The pipeline gives one number each time, "
    "tells a bad control from it, and a second scorer agrees.",
    ("self", False): "Anchor (self): nobody published a score of the base model, and nothing else shows that the "
    "pipeline measures right.",
}


def card(alloy: Alloy, view: View = "user") -> str:
    """The card as Markdown with a front matter that model sites understand; ends with one newline."""
    value = plain(alloy)
    blocks = [_front_matter(alloy), f"# {line(alloy.name)} {line(alloy.version)}"]
    blocks += [quoted(text) for text in [alloy.description] if text.strip()]
    if isinstance(alloy, ForgeAlloy):
        blocks += [*_results(alloy), *_hardware(alloy), *_limitations(alloy)]
    if view == "researcher":
        blocks += [*_stages(alloy), *_earlier(value)]
        blocks += _samples(alloy) if isinstance(alloy, ForgeAlloy) else []
    blocks += _proof(alloy, value)
    return "\n\n".join(blocks) + "\n"


def _front_matter(alloy: Alloy) -> str:
    """YAML whose values are JSON strings, which YAML reads as they are."""
    fields: dict[str, Any] = {"license": alloy.license, "tags": alloy.tags}
    if isinstance(alloy, ForgeAlloy) and alloy.origin is not UNKNOWN:
        fields["base_model"] = alloy.origin.base_model
    lines = [f"{key}: {_yaml(value)}" for key, value in fields.items() if value]
    return "\n".join(["---", *lines, "---"])


def _yaml(value: Any) -> str:
    texts = [clean(one) for one in value] if isinstance(value, list) else clean(value)
    return json.dumps(texts, ensure_ascii=False)


def _results(alloy: ForgeAlloy) -> Iterator[str]:
    found = alloy.results
    if found is None or not found.benchmarks:
        return
    scale = scale_of(alloy)
    yield "## Measured"
    rows = [
        (cell(one.name), cell(one.metric), _points(one, one.score), _points(one, one.base_score), cell(one.delta))
        for one in found.benchmarks
    ]
    yield table(["benchmark", "metric", "score", "base model", "difference"], rows)
    if any(one.score is not None and points(one.score, one, scale) is None for one in found.benchmarks):
        yield f"The unit of some scores is not known: {scale.reason}."
    else:
        yield "Scores are in points, 0 to 100."
    if found.baseline_perplexity is not None and found.final_perplexity is not None:
        yield f"Perplexity: {found.baseline_perplexity:g} before, {found.final_perplexity:g} after."
    yield _anchor(alloy)


def _points(one: BenchmarkResult, score: float | None) -> str:
    scaled = 100 * score if score is not None and one.unit == "fraction" else score
    return "-" if scaled is None else f"{scaled:.4g}"


def _anchor(alloy: ForgeAlloy) -> str:
    """In which mode the base model was reproduced, and whether that holds."""
    if not any(isinstance(stage, Eval) and stage.calibration_anchor for stage in alloy.stages):
        return "The base model was not measured as an anchor; the difference stands on the stated base scores alone."
    report = anchor(alloy, Manifest.model_validate({}), {})
    return ANCHORED.get((report.mode or "", report.ships), "Anchors of both kinds; see `cadence alloy gate`.")


def _hardware(alloy: ForgeAlloy) -> Iterator[str]:
    profiles = alloy.results.hardware_verified if alloy.results else []
    if not profiles and alloy.hardware is None:
        return
    yield "## Where it runs"
    if profiles:
        rows = [
            (cell(one.device), cell(one.format), cell(one.size_gb), cell(one.memory_usage_gb), cell(one.tokens_per_sec),
             "measured" if one.verified else "estimated")
            for one in profiles
        ]  # fmt: skip
        yield table(["device", "format", "file GB", "memory GB", "tokens/s", ""], rows)
    if alloy.hardware and alloy.hardware.min_vram_gb is not None:
        yield f"At least {alloy.hardware.min_vram_gb:g} GB of graphics memory, says the alloy."


def _limitations(alloy: ForgeAlloy) -> Iterator[str]:
    if alloy.limitations:
        yield "## Limits"
        yield "\n".join(f"- {line(one)}" for one in alloy.limitations)


def _stages(alloy: Alloy) -> Iterator[str]:
    if alloy.stages:
        yield f"## How it was made ({alloy.cycles} {'cycle' if alloy.cycles == 1 else 'cycles'})"
    for number, stage in enumerate(alloy.stages, 1):
        given = [
            f"- {code(key)}: {code(json.dumps(one))}"
            for key, one in plain(stage).items()
            if key not in ("type", "notes", "signatures", "link")
        ]
        yield "\n".join([f"### {number}. {line(stage.type)}", "", *given]).strip()
        if stage.notes:
            yield quoted(stage.notes)


def _earlier(value: dict[str, Any]) -> Iterator[str]:
    found = baselines(value)
    if found:
        yield "## Tried before"
        rows = [
            (cell(one.name), cell(one.metric), cell(", ".join(f"{k} {v:g}" for k, v in one.scores.items()) or None),
             cell(one.outcome), cell(one.notes))
            for one in found
        ]  # fmt: skip
        yield table(["attempt", "metric", "scores", "outcome", "lesson"], rows)


def _samples(alloy: ForgeAlloy) -> Iterator[str]:
    shown = (alloy.results.samples if alloy.results else [])[:SAMPLES_MAX]
    if shown:
        yield "## Raw output, not selected"
        yield "\n\n".join(f"**{line(one.label)}**\n\n{quoted(one.prompt)}\n\n{quoted(one.completion)}" for one in shown)


def _proof(alloy: Alloy, value: dict[str, Any]) -> Iterator[str]:
    proof = alloy.proof
    model = digits(proof.model_hash) if proof else None
    yield "## Proof"
    rows = [("alloy", code(alloy_hash(value))), ("model", code(f"sha256:{model}") if model else "no hash")]
    if isinstance(alloy, ForgeAlloy):
        rows += [(f"corpus {cell(one.id)}", code(one.sha256 or "no hash")) for one in alloy.calibration_corpora]
    yield table(["what", "SHA-256"], rows)
    yield "What stands here is self-reported by the alloy's author. Check it where you trust the tools:"
    yield "    cadence alloy verify FILE.alloy.json --model-dir FOLDER --keys REGISTRY.json"
    paper = alloy.methodology_paper_url if isinstance(alloy, ForgeAlloy) else None
    if paper and safe_url(paper):
        yield f"Method: {link('paper', paper)}"
