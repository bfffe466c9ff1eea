"""Nothing that reads an alloy falls over one that was edited at random: a problem or a verdict, never an exception."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import pytest

from cadence.factory.alloy.card import card
from cadence.factory.alloy.commands.evidence import owners, rescored
from cadence.factory.alloy.diff import changes
from cadence.factory.alloy.document import DocumentError
from cadence.factory.alloy.domains.llm_forge.derive import DeriveError, derive
from cadence.factory.alloy.domains.llm_forge.report import ForgeAlloy
from cadence.factory.alloy.fork import fork
from cadence.factory.alloy.gates import judge
from cadence.factory.alloy.lineage import known, trace
from cadence.factory.alloy.load import load
from cadence.factory.alloy.older import baselines, checkpoints
from cadence.factory.alloy.roundtrip import round_trip
from tests.factory.alloy import signed
from tests.factory.alloy.examples import ALL, Value, text
from tests.factory.alloy.gates.bundles import bundle, manifest

EDITS = 120


def read_everywhere(original: Value, edited: Value) -> bool:
    """Everything that takes an alloy takes this one. Returns whether it is valid."""
    try:
        loaded = load(text(edited), name="x")
    except DocumentError:
        return False
    changes(original, edited)
    fork(edited, name="fork")
    baselines(edited), checkpoints(edited), owners(edited), rescored(edited, bundle())
    assert (start := known(loaded.document)) and trace(start, [start])
    if loaded.alloy is not None:
        assert round_trip(loaded).holds
        card(loaded.alloy, "researcher")
    if isinstance(loaded.alloy, ForgeAlloy):
        assert len(judge(loaded.alloy, manifest(), bundle())) == 6
        try:
            derive(loaded.alloy)
        except DeriveError:
            pass
    return loaded.valid


@pytest.mark.parametrize("example", ALL, ids=lambda one: one.__name__)
def test_random_edits_are_survived_by_every_reader(example: Callable[[], Value]) -> None:
    chance = random.Random(example.__name__)
    original = example() | {"priorMetricBaselines": [{"metric": {"name": "l2"}}], "target": {"deployTo": ["x"]}}
    assert read_everywhere(original, copy.deepcopy(original))
    valid = 0
    for _ in range(EDITS):
        edited = original
        for _ in range(chance.randint(1, 4)):
            edited, _ = signed.edit(edited, chance)
        valid += read_everywhere(original, edited)
    assert 0 < valid < EDITS, "the edits are to leave some alloys valid and break others"
