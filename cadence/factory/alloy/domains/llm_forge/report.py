"""Root fields of a forged model: source, results, criteria, corpora, earlier attempts.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cadence.factory.alloy.core import Alloy, Results, Source
from cadence.factory.alloy.parts import Count, Integer, Name, Number, Part, Share, Size, Text, Texts


class ForgeSource(Source):
    """The model to start from. `architecture` is open: the family adapters say which they serve."""

    base_model: Name
    architecture: Name
    revision: Text | None = None
    is_moe: bool = Field(default=False, alias="isMoE")
    total_experts: Count | None = None
    total_params_b: Size | None = None
    """Thousand millions of parameters."""
    active_params_b: Size | None = None
    """Those used for one token, in thousand millions."""
    num_layers: Integer | None = Field(default=None, ge=1)
    num_experts_per_layer: Count | None = None
    num_activated_experts: Count | None = None
    context_length: Integer | None = Field(default=None, ge=1)
    license: Text | None = None


class Target(Part):
    """Only what should change; stages are derived from it when there are none."""

    context_length: Integer | None = Field(default=None, ge=1)
    modalities: Texts | None = None
    domain: Text | None = None
    prune_ratio: Share | None = None
    experts: Any = None
    output_formats: Texts | None = None
    quant_types: Texts | None = None
    target_devices: Texts | None = None
    deploy_to: Any = None
    benchmarks: list[Any] | None = None
    publish: Any = None


class Hardware(Part):
    """What the result needs to run, and where it was tried."""

    min_vram_gb: Size | None = None
    recommended_vram_gb: Size | None = None
    estimated_duration_minutes: Size | None = None
    supports_cpu: bool = Field(default=False, alias="supportsCPU")
    tested_on: Texts = []
    device_targets: Texts = []


class Output(Part):
    """One kind of artefact that the recipe produces."""

    type: Literal["safetensors", "gguf", "mlx", "lora-adapter", "model-card", "alloy"]
    description: Text = ""


class Outputs(Part):
    """What the recipe produces."""

    produces: list[Output] = []


class Search(Part):
    """How the best recipe under a size is looked for."""

    method: Literal["manual", "binary", "ransac", "bayesian", "exhaustive", "adaptive"] = "manual"
    quick_eval_chunks: Integer = Field(default=10, ge=1, le=50)
    max_candidates: Integer = Field(default=5, ge=1, le=20)
    confidence_threshold: Number = Field(default=0.95, ge=0.5, le=0.999)
    try_compensation_lora: bool = False
    lora_steps_if_needed: Integer = Field(default=500, ge=100, le=5000)
    coverage_threshold: Number = Field(default=0.85, ge=0.5, le=0.99)
    notes: Text | None = None


class BenchmarkResult(Part):
    """A measured benchmark. `score`, `baseScore` and `delta` share one unit; `unit` says which."""

    name: Name
    subset: Text | None = None
    metric: Text | None = None
    unit: Literal["fraction", "percent"] | None = None
    """fraction: 0 to 1. percent: 0 to 100, the convention of all published alloys. Absent: the gates must find out."""
    score: Number | None = None
    base_score: Number | None = None
    delta: Number | None = None
    calibrated: bool | None = None
    samples_path: Text | None = None
    base_samples_path: Text | None = None
    result_hash: Text | None = None
    base_result_hash: Text | None = None
    metrics: dict[str, Any] | None = None
    submitted_to_leaderboard: bool = False


class HardwareProfile(Part):
    """Speed and memory on one device; `verified` only if it was measured there."""

    device: Name
    format: Text | None = None
    vram_gb: Size | None = None
    size_gb: Size | None = None
    tokens_per_sec: Size | None = None
    memory_usage_gb: Size | None = None
    verified: bool = False


class Sample(Part):
    """Raw output, neither selected nor edited."""

    label: Text
    prompt: Text
    completion: Text
    baseline_completion: Text | None = None


class ForgeResults(Results):
    """What the forge measured. Perplexities are comparable only within one alloy."""

    baseline_perplexity: Number | None = None
    final_perplexity: Number | None = None
    improvement_pct: Number | None = None
    """(baseline - final) / baseline * 100: positive is better."""
    final_size_gb: Size | None = None
    final_params: Text | None = None
    forged_params_b: Size | None = None
    active_params_b: Size | None = None
    benchmarks: list[BenchmarkResult] = []
    hardware_verified: list[HardwareProfile] = []
    samples: list[Sample] = []
    prior_metric_baselines: list[PriorBaseline] | None = None


class CalibrationCorpus(Part):
    """A text that steered the surgery. The gate on its identity needs sha256, tokens and distributionSummary."""

    id: Name
    name: Text | None = None
    path: Text
    sha256: Text | None = None
    examples: Count | None = None
    tokens: Count | None = None
    distribution_summary: Any = None


class BaselineMetric(Part):
    """The metric of an earlier attempt, and the corpus it was fitted on."""

    name: Text
    description: Text | None = None
    calibration_corpus: Text | None = None
    calibration_corpus_sha256: Text | None = None


class PriorBaseline(Part):
    """An earlier attempt that lost. Three shapes exist; `cadence.factory.alloy.older` makes one of them."""

    id: Text | None = None
    name: Text | None = None
    metric: BaselineMetric | Text | None = None
    prune: dict[str, Any] | None = None
    evaluation: dict[str, Any] | None = None
    results: dict[str, Any] | None = None
    samples_path: Text | None = None
    outcome: Literal["shipped", "negative_baseline", "superseded"] | None = None
    superseded_by: Text | None = None
    methodology_anchor: Text | None = None
    lesson_anchor: Text | None = None
    notes: Text | None = None


class BenchmarkCriterion(Part):
    """At least `min` (a fraction, 0 to 1), and at most `-anchorDelta` points below the base measured beside it."""

    min: Share
    anchor_delta: Number | None = None
    anchor_benchmark: Text | None = None
    notes: Text | None = None


class HardwareCriterion(Part):
    """What the result must fit into."""

    max_vram_gb: Size | None = None
    device_tier: Text | None = None


class IntegrityCriterion(Part):
    """Which proofs the result must carry."""

    model_hash_required: bool = False
    samples_path_required: bool = False


class AcceptanceCriteria(Part):
    """What must hold before the result may ship. Read by the shipping side only, never by the forge."""

    benchmarks: dict[str, BenchmarkCriterion] = {}
    hardware: HardwareCriterion | None = None
    integrity: IntegrityCriterion | None = None
    perplexity: dict[str, Number] | None = None
    """{max}: the shape of search recipes."""
    size: dict[str, Number] | None = None
    """{maxGb}: the shape of search recipes."""
    notes: Text | None = None


class ForgeAlloy(Alloy):
    """An alloy of the model forge."""

    source: ForgeSource
    results: ForgeResults | None = None
    user_summary: Text | None = None
    target: Target | None = None
    hardware: Hardware | None = None
    outputs: Outputs | None = None
    search: Search | None = None
    search_strategy: Search | None = None
    """The name that the search document uses for `search`."""
    forged_model_ids: Texts | None = None
    limitations: Texts = []
    methodology_paper_url: Text | None = None
    calibration_corpora: list[CalibrationCorpus] = []
    prior_metric_baselines: list[PriorBaseline] = []
    acceptance_criteria: AcceptanceCriteria | None = None
    workload_type: Literal["forge", "eval", "train", "inference"] | None = None

    @property
    def origin(self) -> ForgeSource:
        """The source as a model. Where another domain is listed first and decides what `source` is, the model is
        unknown, and whatever would follow from it is not judged."""
        return self.source if isinstance(self.source, ForgeSource) else UNKNOWN


UNKNOWN = ForgeSource.model_validate({"baseModel": "unknown", "architecture": "unknown"})
