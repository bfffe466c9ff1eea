"""Stages of the forge for mixtures of experts, for repair, and for worlds of many models.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cadence.factory.alloy.core import Stage
from cadence.factory.alloy.domains.llm_forge.training import Benchmark
from cadence.factory.alloy.parts import Count, Integer, Name, Number, Share, Size, Text, Texts


class ExpertActivationProfile(Stage):
    """Counts how often each expert is chosen while the calibration corpus runs through the unmodified model."""

    type: Literal["expert-activation-profile"]
    calibration_corpus: Name
    """The id of an entry of `calibrationCorpora`."""
    metric: Literal["activation_count", "router_l2", "activation_magnitude"] = "activation_count"
    max_length: Integer = Field(default=2048, ge=128)
    device: Text | None = None
    importance_output: Text | None = None
    calibration_corpus_file: Text | None = None
    calibration_examples: Count | None = None
    calibration_tokens: Count | None = None
    metric_version: Text | None = None
    implementation: Text | None = None


class ExpertPrune(Stage):
    """Keeps the most important experts of every layer. The counts are of tensors, three to an expert."""

    type: Literal["expert-prune"]
    keep_experts: Integer | None = Field(default=None, ge=1)
    """The older spelling of keepExpertsPerLayer."""
    keep_experts_per_layer: Integer | None = Field(default=None, ge=1)
    original_experts_per_layer: Integer | None = Field(default=None, ge=1)
    strategy: Text | None = None
    selection_strategy: Literal["activation", "gradient", "random"] | None = None
    metric: Text | None = None
    metric_source: Text | None = None
    profile_dataset: Text | None = None
    profile_steps: Count = 100
    importance_json: Text | None = None
    expert_tensor_layout: (
        Literal[
            "auto",
            "mlp-experts-unfused",
            "block_sparse_moe-unfused",
            "granite-moe-fused",
            "deepseek-routed-shared",
        ]
        | None
    ) = None
    calibration_corpus: Text | None = None
    per_layer_normalized: bool | None = None
    prune_pct: Number | None = Field(default=None, ge=0, le=100)
    experts_dropped: Count | None = None
    experts_renamed: Count | None = None
    router_sliced_layers: Count | None = None
    implementation: Text | None = None
    rationale: Text | None = None

    @property
    def keep(self) -> int | None:
        """Experts kept in each layer, in either spelling."""
        return self.keep_experts_per_layer or self.keep_experts


class CompensationLora(Stage):
    """Distils the unmodified model into the pruned one through an adapter that is merged at the end."""

    type: Literal["compensation-lora"]
    teacher: Name
    calibration_corpus: Name
    loss_type: Literal["kl_logits", "mse_hidden", "both"]
    """kl_logits recovers; mse_hidden is offered because it is known to collapse."""
    kd_temperature: Size = 2.0
    lora_rank: Integer = Field(default=16, ge=1)
    lora_alpha: Integer = Field(default=32, ge=1)
    target_modules: Texts = []
    steps: Integer = Field(default=500, ge=1)
    learning_rate: Text = "1e-4"
    teacher_quant: Literal["8bit", "4bit", "fp16"] | None = None
    student_quant: Text | None = None
    merged_at_save: bool = True


class ManyWorldsSubstrate(Stage):
    """Trains the space that several models share."""

    type: Literal["many-worlds-substrate"]
    substrate_dim: Integer = Field(default=256, ge=64, le=2048)
    num_gaussians: Integer = Field(default=128, ge=16, le=1024)
    source_models: Texts
    calibration_corpus: Name
    training_steps: Integer = Field(default=1000, ge=100, le=50000)
    learning_rate: Text | None = None
    loss_type: Literal["contrastive", "round_trip", "both"] | None = None


class ManyWorldsAdapter(Stage):
    """Connects one model to the shared space."""

    type: Literal["many-worlds-adapter"]
    target_model: Name
    substrate_path: Name
    adapter_rank: Integer = Field(default=64, ge=8, le=512)
    insert_layer: Count | None = None
    training_steps: Integer = Field(default=500, ge=100, le=10000)
    learning_rate: Text | None = None


class TeamSearch(Stage):
    """Looks for models that solve different problems."""

    type: Literal["team-search"]
    search_pool: Texts
    benchmark: Name
    num_problems: Count = 50
    candidates_evaluated: Count | None = None
    selected_team: Texts | None = None
    divergence_score: Number | None = None
    complementary_problems: Any = None


class ManyWorldsEnsemble(Stage):
    """Lets specialists help a target model as it decodes."""

    type: Literal["many-worlds-ensemble"]
    method: Literal["logit-blend", "soft-prompt", "cross-attention"] | None = None
    target_model: Name
    specialists: list[Any]
    alpha: Share = 0.2
    top_k: Integer = Field(default=20, ge=1)
    blend_strategy: Literal["specialist-top-k-boost", "full-distribution", "weighted-average"] | None = None
    vram_gb: Size | None = None


class GateProfile(Stage):
    """Measures what each specialist contributes."""

    type: Literal["gate-profile"]
    benchmark: Name
    num_problems: Count = 100
    per_specialist_contribution: dict[str, Number] | None = None
    export_path: Text | None = None


class PopulationPrune(Stage):
    """Drops the specialists that contribute too little."""

    type: Literal["population-prune"]
    min_contribution: Number = 0.05
    removed_models: Texts | None = None
    vram_saved_gb: Size | None = None


class CvIngest(Stage):
    """Reads sequences of pictures."""

    type: Literal["cv-ingest"]
    dataset: Name
    subset: Text | None = None
    frame_format: Text = "jpeg-sequence"
    max_sequences: Integer | None = Field(default=None, ge=1)


class CvEval(Stage):
    """Measures a pipeline on pictures."""

    type: Literal["cv-eval"]
    pipeline: Name
    pipeline_config: dict[str, Any] = {}
    benchmarks: list[Benchmark] = []
