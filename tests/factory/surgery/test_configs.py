"""Rules of quantisation that name experts follow them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.anatomy import Anatomy, dissect
from cadence.factory.plan import Plan
from cadence.factory.surgery.configs import compacted_config, renumbered
from cadence.models.checkpoint import CheckpointError
from cadence.models.shards import read_checkpoint
from tests.factory.checkpoints import write
from tests.factory.families.rows import EXPERTS, KEEP, ROWS

OLMOE = next(row for row in ROWS if row.id == "olmoe")
PLAN = Plan("olmoe", "tiny", EXPERTS, {0: KEEP[0], 1: KEEP[1]})  # layer 0 keeps 1, 2, 4, 7


@pytest.fixture
def anatomy(tmp_path: Path) -> Anatomy:
    return dissect(read_checkpoint(write(tmp_path / "m", OLMOE.config, OLMOE.tensors())), OLMOE.config)


def test_names_of_experts_are_renumbered_and_those_of_dropped_ones_removed(anatomy: Anatomy) -> None:
    rules = {
        "ignore": [
            "lm_head",
            "model.layers.0.mlp.experts.4.down_proj",
            "model.layers.0.mlp.experts.3.down_proj",
            "model.layers.0.mlp.experts.1",
        ],
        "bits": {"model.layers.0.mlp.experts.7.up_proj.weight": 8, "model.layers.1.mlp.experts.1.up_proj": 4},
        "group_size": 128,
        "targets": ["re:.*mlp.gate$", "model.layers.0.mlp.experts"],
    }
    assert renumbered(rules, anatomy, PLAN, "config.json") == {
        "ignore": ["lm_head", "model.layers.0.mlp.experts.2.down_proj", "model.layers.0.mlp.experts.0"],
        "bits": {"model.layers.0.mlp.experts.3.up_proj.weight": 8},
        "group_size": 128,
        "targets": ["re:.*mlp.gate$", "model.layers.0.mlp.experts"],
    }


@pytest.mark.parametrize("rule", [r"re:.*experts\.(3|4)\..*", "layers.0.mlp.experts.3", "re:.*experts[.]1[.].*"])
def test_a_rule_that_speaks_of_numbers_otherwise_is_refused(anatomy: Anatomy, rule: str) -> None:
    with pytest.raises(CheckpointError, match="speaks of experts by number"):
        renumbered([rule], anatomy, PLAN, "config.json")


def test_a_bottomless_config_is_refused(anatomy: Anatomy) -> None:
    rules: Any = []
    for _ in range(100):
        rules = [rules]
    with pytest.raises(CheckpointError, match="nests deeper than 32"):
        renumbered(rules, anatomy, PLAN, "config.json")


def test_every_alias_of_the_count_is_set_and_the_rest_keeps_its_order(anatomy: Anatomy) -> None:
    config = {"z": 1, "num_experts": 8, "num_local_experts": 8, "a": "é\ud800", "quantization_config": {"ignore": []}}
    text = compacted_config(config, anatomy, PLAN, None)
    assert json.loads(text) == config | {"num_experts": 4, "num_local_experts": 4}
    assert list(json.loads(text)) == list(config)
    assert config["num_experts"] == 8
