"""One row for each family: a tiny checkpoint as it lies on disk, and what each of its tensors is to the experts.

The rows say what belongs to which expert in their own words: adapters are held to them and not to themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.factory.checkpoints import Tensors, Weights, weights

EXPERTS, TOP_K, HIDDEN, INNER, LAYERS = 8, 2, 6, 4, 2
# Legal for groups of four too: two of each.
KEEP = {0: (1, 2, 4, 7), 1: (0, 3, 5, 6), 2: (2, 3, 4, 5), 3: (0, 1, 6, 7)}

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """One tensor. With `{e}` in its name there is one for each expert; with `axis` it has an entry for each."""

    name: str
    shape: Shape
    layer: int | None = None
    axis: int | None = None
    dtype: str = "BF16"


@dataclass(frozen=True)
class Row:
    """One family on disk."""

    id: str
    config: Mapping[str, Any]
    specs: tuple[Spec, ...]
    block: str  # where an unknown tensor would be odd
    extra: tuple[int, ...] = ()  # multi-token-prediction layers
    extra_key: str | None = None

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers with experts, extra ones included."""
        return tuple(sorted({spec.layer for spec in self.specs if spec.axis is not None and spec.layer is not None}))

    def tensors(self) -> dict[str, Weights]:
        """The whole checkpoint, in an order that mixes layers and experts as sorted names do."""
        found = {name: weights(spec.dtype, spec.shape, seed) for seed, (name, spec, _) in enumerate(self._named())}
        return dict(sorted(found.items()))

    def after(self, tensors: Tensors, keep: Mapping[int, tuple[int, ...]], dropped: tuple[int, ...]) -> Tensors:
        """What surgery must make of it."""
        found = {}
        for name, spec, expert in self._named():
            if spec.layer in dropped:
                continue
            kept = keep.get(-1 if spec.layer is None else spec.layer, ())
            if expert is not None:
                if expert in kept:
                    found[spec.name.replace("{e}", str(kept.index(expert)))] = tensors[name]
            elif spec.axis is not None:
                found[name] = Weights(spec.dtype, tensors[name].bits.take(kept, axis=spec.axis))
            else:
                found[name] = tensors[name]
        return found

    def _named(self) -> Iterator[tuple[str, Spec, int | None]]:
        for spec in self.specs:
            if "{e}" in spec.name:
                yield from ((spec.name.replace("{e}", str(e)), spec, e) for e in range(EXPERTS))
            else:
                yield spec.name, spec, None


def apart(at: str, layer: int, names: str = "gate_proj up_proj down_proj", scales: str = "") -> list[Spec]:
    """One tensor for each projection of each expert, with FP8 scales where `scales` names their suffix."""
    gate, up, down = (f"{at}.{{e}}.{name}" for name in names.split())
    dtype = "F8_E4M3" if scales else "BF16"
    sizes = {gate: (INNER, HIDDEN), up: (INNER, HIDDEN), down: (HIDDEN, INNER)}
    specs = [Spec(f"{name}.weight", shape, layer, dtype=dtype) for name, shape in sizes.items()]
    return specs + [Spec(f"{name}.{scales}", (1, 1), layer, dtype="F32") for name in sizes if scales]


def whole(layer: int | None, **shapes: Shape) -> list[Spec]:
    """Tensors that have nothing to do with routed experts; `__` stands for a dot."""
    return [Spec(name.replace("__", "."), shape, layer) for name, shape in shapes.items()]


def router(name: str, layer: int, *more: str) -> list[Spec]:
    """A router, and what else of it has an entry for each expert."""
    biases = [Spec(bias, (EXPERTS,), layer, axis=0, dtype="F32") for bias in more]
    return [Spec(name, (EXPERTS, HIDDEN), layer, axis=0), *biases]


def model(*layers: list[Spec]) -> tuple[Spec, ...]:
    """Embeddings, attention of each layer, and what is given."""
    rest = whole(None, model__embed_tokens__weight=(12, HIDDEN), lm_head__weight=(12, HIDDEN), model__norm__weight=(6,))
    return (*rest, *(spec for layer in layers for spec in layer))


def attention(at: str, layer: int | None) -> list[Spec]:
    """The rest of a layer."""
    norm = Spec(f"{at}.input_layernorm.weight", (HIDDEN,), layer)
    return [Spec(f"{at}.self_attn.q_proj.weight", (HIDDEN, HIDDEN), layer), norm]


def config(model_type: str, count: str = "num_experts", top_k: str = "num_experts_per_tok", **more: Any) -> Any:
    """What surgery reads of a config, and something it must leave alone."""
    counts = {count: EXPERTS, top_k: TOP_K, "num_hidden_layers": LAYERS}
    return {"model_type": model_type, "hidden_size": HIDDEN, "rope_theta": 1e6, **counts, **more}


def plain(at: str, layer: int) -> list[Spec]:
    """OLMoE's and Qwen's layer."""
    return [*attention(at, layer), *router(f"{at}.mlp.gate.weight", layer), *apart(f"{at}.mlp.experts", layer)]


def shared(at: str, layer: int, name: str = "shared_experts") -> list[Spec]:
    """An expert that every token visits."""
    shape = (INNER, EXPERTS)  # as wide as there are experts, so that a guess by shape would fail
    return [Spec(f"{at}.mlp.{name}.{part}.weight", shape, layer) for part in ("gate_proj", "down_proj")]


def block_sparse(at: str, layer: int, *more: str, scales: str = "") -> list[Spec]:
    """Mixtral's layer."""
    moe = f"{at}.block_sparse_moe"
    biases = tuple(f"{moe}.{name}" for name in more)
    return [
        *attention(at, layer),
        *router(f"{moe}.gate.weight", layer, *biases),
        *apart(f"{moe}.experts", layer, "w1 w3 w2", scales),
    ]


def deepseek(at: str, layer: int, scales: str = "", bias: bool = True) -> list[Spec]:
    """DeepSeek's and GLM's layer."""
    gate = f"{at}.mlp.gate"
    more = (f"{gate}.e_score_correction_bias",) if bias else ()
    return [
        *attention(at, layer),
        *router(f"{gate}.weight", layer, *more),
        *apart(f"{at}.mlp.experts", layer, scales=scales),
        *shared(at, layer),
    ]


def gptq(at: str, layer: int) -> list[Spec]:
    """Experts in four bits, each with zeros, scales and an order of its own."""
    kinds = {
        "qweight": ((1, HIDDEN), "I32"),
        "qzeros": ((1, 1), "I32"),
        "scales": ((1, 8), "F16"),
        "g_idx": ((8,), "I32"),
    }
    experts = [
        Spec(f"{at}.mlp.experts.{{e}}.{part}_proj.{kind}", shape, layer, dtype=dtype)
        for part in ("gate", "up", "down")
        for kind, (shape, dtype) in kinds.items()
    ]
    return [*attention(at, layer), *router(f"{at}.mlp.gate.weight", layer), *experts]


def dense(at: str) -> list[Spec]:
    """A layer without experts; its width is the number of experts, so that a guess by shape would fail."""
    return [Spec(f"{at}.mlp.gate_proj.weight", (EXPERTS, HIDDEN)), Spec(f"{at}.mlp.up_proj.weight", (EXPERTS, HIDDEN))]


def fused(at: str, layer: int, transposed: bool = False) -> list[Spec]:
    """All experts in one tensor for each projection."""
    gate_up = (EXPERTS, HIDDEN, 2 * INNER) if transposed else (EXPERTS, 2 * INNER, HIDDEN)
    down = (EXPERTS, INNER, HIDDEN) if transposed else (EXPERTS, HIDDEN, INNER)
    return [Spec(f"{at}.gate_up_proj", gate_up, layer, axis=0), Spec(f"{at}.down_proj", down, layer, axis=0)]


def gpt_oss(at: str, layer: int, packed: bool) -> list[Spec]:
    """GPT-OSS, as bf16 or as MXFP4 in bytes with a scale for each block."""
    experts = f"{at}.mlp.experts"
    biases = [
        Spec(f"{experts}.gate_up_proj_bias", (EXPERTS, 2 * INNER), layer, axis=0),
        Spec(f"{experts}.down_proj_bias", (EXPERTS, HIDDEN), layer, axis=0),
    ]
    blocks = [
        Spec(f"{experts}.{name}_{kind}", (EXPERTS, rows, 1, *tail), layer, axis=0, dtype="U8")
        for name, rows in (("gate_up_proj", 2 * INNER), ("down_proj", HIDDEN))
        for kind, tail in (("blocks", (16,)), ("scales", ()))
    ]
    body = blocks if packed else fused(experts, layer, transposed=True)
    routers = router(f"{at}.mlp.router.weight", layer, f"{at}.mlp.router.bias")
    return [*attention(at, layer), *routers, *body, *biases]


def granite(at: str, layer: int) -> list[Spec]:
    """Granite's layer, with the shared MLP of its larger sister."""
    moe = f"{at}.block_sparse_moe"
    return [
        *attention(at, layer),
        *router(f"{moe}.router.layer.weight", layer),
        Spec(f"{moe}.input_linear.weight", (EXPERTS, 2 * INNER, HIDDEN), layer, axis=0),
        Spec(f"{moe}.output_linear.weight", (EXPERTS, HIDDEN, INNER), layer, axis=0),
        Spec(f"{at}.shared_mlp.input_linear.weight", (EXPERTS, HIDDEN)),
    ]


def ernie(at: str, layer: int) -> list[Spec]:
    """ERNIE's layer: the bias is a row."""
    statics = Spec(f"{at}.mlp.moe_statics.e_score_correction_bias", (1, EXPERTS), layer, axis=1, dtype="F32")
    return [*plain(at, layer), statics, *shared(at, layer)]


def at(layer: int) -> str:
    """Where most families keep a layer."""
    return f"model.layers.{layer}"


SEES = "model.language_model.layers"
GROUPS = {"n_group": 2, "topk_group": 1}
N0, N1, N2 = at(0), at(1), at(2)
BEHIND = [Spec(f"{N2}.eh_proj.weight", (HIDDEN, 2 * HIDDEN), 2), Spec(f"{N2}.shared_head.norm.weight", (HIDDEN,), 2)]
MTP = [*whole(2, mtp__fc__weight=(HIDDEN, HIDDEN)), *fused("mtp.layers.0.mlp.experts", 2)]
MTP_ROUTER = [*router("mtp.layers.0.mlp.gate.weight", 2), Spec("mtp.layers.0.input_layernorm.weight", (HIDDEN,), 2)]

ROWS = (
    Row("olmoe", config("olmoe"), model(plain(N0, 0), plain(N1, 1)), f"{N1}.mlp."),
    Row(
        "qwen3_moe",
        config("qwen3_moe", num_local_experts=EXPERTS),
        model(plain(N0, 0), plain(N1, 1)),
        f"{N1}.mlp.",
    ),
    Row(
        "qwen3_moe-fused",
        config("qwen3_moe"),
        model(
            [*router(f"{N0}.mlp.gate.weight", 0), *fused(f"{N0}.mlp.experts", 0)],
            [*router(f"{N1}.mlp.gate.weight", 1), *fused(f"{N1}.mlp.experts", 1)],
        ),
        f"{N1}.mlp.",
    ),
    Row("qwen3_moe-gptq", config("qwen3_moe"), model(gptq(N0, 0), gptq(N1, 1)), f"{N1}.mlp."),
    Row(
        "qwen2_moe",
        config("qwen2_moe"),
        model(dense(N0), [*plain(N1, 1), *shared(N1, 1, "shared_expert")]),
        f"{N1}.mlp.",
    ),
    Row(
        "mixtral",
        config("mixtral", "num_local_experts"),
        model(block_sparse(N0, 0), block_sparse(N1, 1)),
        f"{N1}.block_sparse_moe.",
    ),
    Row(
        "deepseek_v3",
        config("deepseek_v3", "n_routed_experts", num_nextn_predict_layers=1, **GROUPS),
        model(dense(N0), deepseek(N1, 1, "weight_scale_inv"), deepseek(N2, 2, "weight_scale_inv"), BEHIND),
        f"{N1}.mlp.",
        extra=(2,),
        extra_key="num_nextn_predict_layers",
    ),
    Row(
        "gpt_oss-bf16",
        config("gpt_oss", "num_local_experts"),
        model(gpt_oss(N0, 0, False), gpt_oss(N1, 1, False)),
        f"{N1}.mlp.",
    ),
    Row(
        "gpt_oss-mxfp4",
        config("gpt_oss", "num_local_experts", quantization_config={"quant_method": "mxfp4"}),
        model(gpt_oss(N0, 0, True), gpt_oss(N1, 1, True)),
        f"{N1}.mlp.",
    ),
    Row(
        "deepseek_v2",
        config("deepseek_v2", "n_routed_experts", **GROUPS),
        model(dense(N0), deepseek(N1, 1, bias=False)),
        f"{N1}.mlp.",
    ),
    Row(
        "granitemoe",
        config("granitemoe", "num_local_experts"),
        model(granite(N0, 0), granite(N1, 1)),
        f"{N1}.block_sparse_moe.",
    ),
    Row(
        "phimoe",
        config("phimoe", "num_local_experts"),
        model(block_sparse(N0, 0), block_sparse(N1, 1)),
        f"{N1}.block_sparse_moe.",
    ),
    Row(
        "qwen3_5_moe",
        {
            "model_type": "qwen3_5_moe",
            "text_config": config("qwen3_5_moe_text", mtp_num_hidden_layers=1, layer_types=["linear", "full"]),
            "vision_config": {"depth": 1},
        },
        model(
            [*router(f"{SEES}.0.mlp.gate.weight", 0), *fused(f"{SEES}.0.mlp.experts", 0)],
            [*router(f"{SEES}.1.mlp.gate.weight", 1), *fused(f"{SEES}.1.mlp.experts", 1)],
            whole(None, model__visual__blocks__0__mlp__gate__weight=(EXPERTS, HIDDEN)),
            [Spec(f"{SEES}.0.linear_attn.A_log", (EXPERTS,)), *shared(f"{SEES}.0", 0, "shared_expert")],
            MTP,
            MTP_ROUTER,
        ),
        f"{SEES}.1.mlp.",
        extra=(2,),
        extra_key="mtp_num_hidden_layers",
    ),
    Row(
        "qwen3_next",
        config("qwen3_next"),
        model(plain(N0, 0), plain(N1, 1), plain("mtp.layers.0", 2)),
        f"{N1}.mlp.",
        extra=(2,),
    ),
    Row(
        "glm4_moe",
        config("glm4_moe", "n_routed_experts", num_nextn_predict_layers=1, n_group=1, topk_group=1),
        model(dense(N0), deepseek(N1, 1), deepseek(N2, 2), BEHIND),
        f"{N1}.mlp.",
        extra=(2,),
        extra_key="num_nextn_predict_layers",
    ),
    Row(
        "ernie4_5_moe",
        config("ernie4_5_moe", "moe_num_experts", "moe_k"),
        model(dense(N0), ernie(N1, 1), whole(None, model__mtp_block__0__mlp__gate_proj__weight=(EXPERTS, HIDDEN))),
        f"{N1}.mlp.",
    ),
    Row(
        "minimax",
        config("minimax", "num_local_experts"),
        model(block_sparse(N0, 0), block_sparse(N1, 1)),
        f"{N1}.block_sparse_moe.",
    ),
    Row(
        "minimax_m2",
        config("minimax_m2", "num_local_experts"),
        model(
            *(block_sparse(n, i, "e_score_correction_bias", scales="weight_scale_inv") for i, n in enumerate([N0, N1]))
        ),
        f"{N1}.block_sparse_moe.",
    ),
)
