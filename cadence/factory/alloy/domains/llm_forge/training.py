"""Stages of the forge that train, prune, quantise, measure and ship one model.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from cadence.factory.alloy.core import Stage
from cadence.factory.alloy.parts import Count, Integer, Name, Number, Part, Share, Size, Text, Texts

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]

Optimization = Literal[
    "flash_attention",
    "gradient_checkpointing",
    "optimizer_8bit",
    "paged_optimizer",
    "fused_kernels",
    "sequence_packing",
    "dynamic_padding",
    "activation_offloading",
]


class SourceConfig(Stage):
    """How the source model is loaded."""

    type: Literal["source-config"]
    context_length: Integer | None = Field(default=None, ge=1)
    input_modalities: Texts = []
    tokenizer: Text | None = None
    target_batch_size: Integer | None = Field(default=None, ge=1)
    target_devices: Texts = []


class ContextExtend(Stage):
    """A longer context window."""

    type: Literal["context-extend"]
    target_length: Integer = Field(ge=1024)
    """Tokens."""
    method: Literal["yarn", "ntk", "linear", "dynamic-ntk"]
    training_dataset: Text | None = None
    training_steps: Integer | None = Field(default=None, ge=1)


class Modality(Stage):
    """A second sense: an encoder and a projection into the model."""

    type: Literal["modality"]
    modality: Literal["vision", "audio", "multimodal"]
    encoder_model: Name
    projection_arch: Literal["mlp", "cross-attention", "linear"] = "mlp"
    freeze_base: bool = True
    freeze_encoder: bool = True
    training_dataset: Text | None = None
    training_steps: Integer | None = Field(default=None, ge=1)
    projection_dim: Integer | None = Field(default=None, ge=1)


class Prune(Stage):
    """Attention heads are removed. The cap of `level` is that of the types, 0.9 (the older prose said 0.7)."""

    type: Literal["prune"]
    strategy: Literal[
        "entropy",
        "magnitude",
        "gradient",
        "random",
        "activation-magnitude",
        "calibration-aware-activation-count",
        "per-layer-normalized-router-importance",
    ]
    level: Number = Field(ge=0, le=0.9)
    """Share of the heads, 0 to 0.9."""
    min_heads_per_layer: Count = 4
    min_kv_heads_per_layer: Count = 2
    analysis_steps: Integer = Field(default=200, ge=10)
    per_layer_normalized: bool | None = None
    defrag_mode: Literal["pad", "slice"] | None = None


class Train(Stage):
    """Training on a data set. What is absent here is filled by the family adapter's defaults."""

    type: Literal["train"]
    domain: Text | None = None
    dataset: Text | None = None
    steps: Integer | None = Field(default=None, ge=1)
    learning_rate: Text | None = None
    batch_size: Integer = Field(default=4, ge=1, le=64)
    gradient_accumulation: Integer = Field(default=1, ge=1, le=16)
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup", "polynomial"] | None = None
    warmup_ratio: Share = 0.03
    weight_decay: Share = 0.01
    max_gradient_norm: Number = Field(default=1.0, ge=0, le=10)
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    sequence_length: Integer = Field(default=2048, ge=128, le=131072)
    optimizations: list[Optimization] = []


class Lora(Stage):
    """A low-rank adapter. Older files carry the keys of `train` here; they are kept."""

    type: Literal["lora"]
    rank: Integer = Field(default=32, ge=1, le=256)
    alpha: Integer | None = Field(default=None, ge=1, le=512)
    dropout: Share = 0.05
    target_modules: Texts = ATTENTION
    quantize: bool = True
    quantize_bits: Literal[4, 8] = 4
    dataset: Text | None = None
    epochs: Integer = Field(default=3, ge=1, le=20)
    learning_rate: Text = "1e-4"
    batch_size: Integer = Field(default=4, ge=1, le=64)
    merge_after: bool = False


class Compact(Stage):
    """Mixed precision by use: below a threshold a unit is removed or kept in fewer bits."""

    type: Literal["compact"]
    dead_threshold: Share = 0.1
    """Below: removed."""
    dormant_threshold: Share = 0.2
    """Below: 1.58 bits."""
    low_threshold: Share = 0.3
    """Below: 2 bits."""
    medium_threshold: Share = 0.5
    """Below: 4 bits."""
    high_threshold: Share = 0.7
    """Below: 8 bits; above: full precision."""
    target_size_gb: Number | None = Field(default=None, ge=0.1)
    enable_quantization: bool = True


class Quant(Stage):
    """Files of lower precision."""

    type: Literal["quant"]
    format: Literal["gguf", "mlx", "safetensors", "onnx"]
    quant_types: Texts
    device_targets: Texts = []
    tool: Text | None = None
    tiers: dict[str, Any] | None = None
    """Quantisation to `QuantTier`; older alloys write other things here."""

    def tier(self, name: str) -> QuantTier | None:
        """What is said about one of the files, if it is said in a form that can be read."""
        try:
            return QuantTier.model_validate((self.tiers or {}).get(name))
        except ValidationError:
            return None


class QuantTier(Part):
    """One of the files: its size, and the memory it is said to fit."""

    size_gb: Size | None = None
    fits_vram_gb: Size | None = None
    headline_tier: Text | None = None


# A number; prose and one number per benchmark occur in older alloys, are kept, and prove nothing.
Stated = Number | Text | dict[str, Any]


class AnchorRun(Part):
    """A score, in points, of something other than the model: a control that is known to be bad, or a second scorer."""

    name: Name
    score: Number
    notes: Text | None = None


class CalibrationAnchor(Part):
    """The unmodified model, measured in the same pipeline, beside the number its makers published. Scores in points."""

    mode: Literal["published", "self"] | None = None
    """Absent: published if there is a published score, else self."""
    model: Text | None = None
    published_score: Stated | None = None
    published_source: Text | None = None
    measured_score: Stated | None = None
    measured_on: Text | None = None
    delta: Stated | None = None
    tolerance: Stated | None = None
    passed: bool | Text | None = None
    runs: list[Number] = []
    """Mode self: the scores of separate runs of the unmodified model."""
    control: AnchorRun | None = None
    """Mode self: a model that is known to be bad."""
    second_scorer: AnchorRun | None = None
    """Mode self: a scorer written by others, on the same samples."""


class Benchmark(Part):
    """A benchmark to run."""

    name: Name
    subset: Text | None = None
    n_shot: Count | None = None
    submit_to_leaderboard: bool = False
    samples_path: Text | None = None
    base_samples_path: Text | None = None
    calibration_anchor: CalibrationAnchor | None = None
    notes: Text | None = None


class Eval(Stage):
    """Measurement of the result, and of the base beside it."""

    type: Literal["eval"]
    benchmarks: list[Benchmark]
    passing_threshold: Number | None = Field(default=None, ge=0, le=100)
    """Points, 0 to 100."""
    compare_to_base: bool = True
    calibration_anchor: CalibrationAnchor | None = None


class Publish(Stage):
    """Puts the bundle where others find it."""

    type: Literal["publish"]
    org: Name
    repo_name_template: Text = "{base}-{domain}-forged"
    include_alloy: bool = True
    card_from_benchmarks: bool = True
    tags: Texts = []
    private: bool = False
    card_hash: Text | None = None


class Deliver(Stage):
    """The older name of `publish`, without any required field. It is read, and stays what it is."""

    type: Literal["deliver"]
    org: Text | None = None
    repo_name_template: Text | None = None
    include_alloy: bool | None = None
    card_from_benchmarks: bool | None = None
    tags: Texts | None = None
    private: bool | None = None
    card_hash: Text | None = None


class Package(Stage):
    """A bundle for one runtime."""

    type: Literal["package"]
    format: Name
    runtime: Text | None = None
    optimization: Text = "balanced"
    validate_on: Texts = []
    include_tokenizer: bool = True


class Deploy(Stage):
    """Starts the model on a target."""

    type: Literal["deploy"]
    target: Name
    health_check: bool = True
    warmup: bool = True
    max_concurrency: Integer | None = Field(default=None, ge=1)
    auto_scale: Any = None


class Recover(Stage):
    """Weight recovery after surgery. Named in older prose, typed nowhere; here it has an owner."""

    type: Literal["recover"]
    method: Literal["analytical", "ransac", "meta-learned"] | None = None
