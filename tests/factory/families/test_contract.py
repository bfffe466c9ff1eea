"""What every adapter owes: surgery finds all its experts, cuts what belongs to them, and touches nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from cadence.factory.anatomy import dissect
from cadence.factory.families import families, family_named, family_of
from cadence.factory.plan import Plan
from cadence.factory.surgery.operation import operate
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_checkpoint, read_config
from tests.factory.checkpoints import Weights, read, weights, write
from tests.factory.families.rows import EXPERTS, KEEP, LAYERS, ROWS, TOP_K, Row
from tests.source import ROOT

rows = pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
with_extra = pytest.mark.parametrize("row", [row for row in ROWS if row.extra], ids=[r.id for r in ROWS if r.extra])


def plan_for(row: Row, layers: tuple[int, ...]) -> Plan:
    return Plan(row.config["model_type"], row.id, EXPERTS, {layer: KEEP[layer] for layer in layers})


def without_counts(config: dict[str, object]) -> str:
    counts = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
    scopes = [config, config.get("text_config")]
    for scope in scopes:
        if isinstance(scope, dict):
            for key in counts:
                scope.pop(key, None)
    return json.dumps(config)


@rows
def test_surgery_gives_the_tensors_that_the_row_expects(row: Row, tmp_path: Path) -> None:
    before = row.tensors()
    folder = write(tmp_path / "whole", row.config, before)
    operate(folder, plan_for(row, row.layers), tmp_path / "half")
    after = read(tmp_path / "half")
    expected = row.after(before, KEEP, ())
    assert sorted(after) == sorted(expected)
    assert [name for name in expected if after[name] != expected[name]] == []


@rows
def test_the_config_says_how_many_are_left_and_nothing_else_changes(row: Row, tmp_path: Path) -> None:
    folder = write(tmp_path / "whole", row.config, row.tensors())
    operate(folder, plan_for(row, row.layers), tmp_path / "half")
    after = read_config(tmp_path / "half")
    routing = family_of(after).routing(after)
    assert (routing.experts, routing.top_k) == (4, TOP_K)
    assert without_counts(after) == without_counts(json.loads(json.dumps(row.config)))


@rows
def test_the_result_is_a_checkpoint_of_the_same_family(row: Row, tmp_path: Path) -> None:
    folder = write(tmp_path / "whole", row.config, row.tensors(), files=1)
    operate(folder, plan_for(row, row.layers), tmp_path / "half")
    before = dissect(read_checkpoint(folder), read_config(folder))
    after = dissect(read_checkpoint(tmp_path / "half"), read_config(tmp_path / "half"))
    assert (after.family, after.moe_layers, after.layers) == (before.family, row.layers, LAYERS)


@with_extra
def test_extra_layers_that_no_plan_names_are_left_out_whole(row: Row, tmp_path: Path) -> None:
    before = row.tensors()
    folder = write(tmp_path / "whole", row.config, before)
    layers = tuple(layer for layer in row.layers if layer not in row.extra)
    operate(folder, plan_for(row, layers), tmp_path / "half")
    assert read(tmp_path / "half") == row.after(before, KEEP, row.extra)
    config = read_config(tmp_path / "half")
    if row.extra_key is not None:
        assert config.get("text_config", config)[row.extra_key] == 0


@rows
def test_an_unknown_tensor_among_experts_is_refused_by_name(row: Row, tmp_path: Path) -> None:
    odd = f"{row.block}surprise.weight"
    if row.id == "granitemoe":
        odd = f"{row.block}experts.surprise_bias.3"
    folder = write(tmp_path / "whole", row.config, row.tensors() | {odd: weights("BF16", (3,), 0)})
    with pytest.raises(CheckpointError, match="surprise"):
        dissect(read_checkpoint(folder), row.config)


@rows
def test_a_router_of_another_size_is_refused_by_name(row: Row, tmp_path: Path) -> None:
    tensors = row.tensors()
    name = next(spec.name for spec in row.specs if spec.axis is not None and len(spec.shape) == 2)
    tensors[name] = Weights(tensors[name].dtype, np.concatenate([tensors[name].bits, tensors[name].bits[:1]]))
    folder = write(tmp_path / "whole", row.config, tensors)
    with pytest.raises(CheckpointError, match=f"(?s){name}.*{EXPERTS} entries along axis 0"):
        dissect(read_checkpoint(folder), row.config)


@rows
def test_every_tensor_that_belongs_to_experts_is_missed(row: Row, tmp_path: Path) -> None:
    """Without any one of the kinds of tensors an expert has in every layer, there is no such family."""
    wanted = [spec for spec in row.specs if spec.layer == row.layers[0] and ("{e}" in spec.name or spec.axis == 0)]
    optional = "block_sparse_moe.e_score_correction_bias"  # of M2 only; to the adapter its elder sister looks alike
    for number, spec in enumerate(spec for spec in wanted if optional not in spec.name):
        tensors = row.tensors()
        tensors.pop(spec.name.replace("{e}", "3"))
        folder = write(tmp_path / str(number), row.config, tensors)
        with pytest.raises(CheckpointError):
            dissect(read_checkpoint(folder), row.config)


def test_each_adapter_has_a_row() -> None:
    without = set(families()) - {row.config["model_type"] for row in ROWS}
    # Other names for tensors that a row has; each has a proof of its own in test_oracle.py.
    assert without == {"kimi_k2", "granitemoeshared", "glm4_moe_lite", "qwen3_5_moe_text"}


def test_an_unknown_model_type_is_answered_with_those_there_are() -> None:
    assert family_named("llama") is None
    with pytest.raises(CheckpointError, match="llama.*known are deepseek_v2, deepseek_v3, kimi_k2"):
        family_of({"model_type": "llama"})


def test_algorithms_know_no_family_by_name() -> None:
    """A family is one file: nothing outside of its adapter may branch on it."""
    names = set(families()) | {family.name for family in families().values()}
    told = []
    for path in (ROOT / "cadence" / "factory").rglob("*.py"):
        if path.parent.name != "families":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and node.value in names:
                    told.append(f"{path.name}:{node.lineno}: {node.value}")
    assert told == []
