"""The laws hold in whole lives of the server, faults and all, while a language model writes prose, well or badly."""

from __future__ import annotations

import math
from collections import Counter
from itertools import count
from typing import Any

import pytest

from cadence.alex.driver import Driver
from cadence.alex.paraphrase import Narrator
from cadence.alex.scripted_narrator import retell_plainly
from cadence.models.chat import Call, ModelError
from cadence.models.scripted import Scripted, ScriptedModel
from tests import mortal, world

SEEDS = range(2_000, 2_036)
BATCH = 12
told: Counter[str] = Counter()


def moody() -> ScriptedModel:
    """A model that is faithful, late, broken, gone or a liar, in turn."""
    number = count()

    def script(call: Call) -> str | Scripted:
        match next(number) % 7:
            case 0:
                return Scripted(retell_plainly(call), delay_s=1.0)
            case 1:
                return retell_plainly(call).replace(" says ", " admits that 99 ")
            case 2:
                return Scripted("{", error=ModelError("unreachable", "it broke off"))
            case 3:
                return Scripted(delay_s=math.inf)
            case _:
                return retell_plainly(call)

    return ScriptedModel(script, name="moody")


class Narrated(Driver):
    """A driver with such a model from its first moment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.narrate(Narrator(moody(), "You are Alex."))

    async def close(self) -> None:
        told.update(turns=self.counts.turns, by_model=self.counts.told_by_model, held=self.counts.prose.held)
        await super().close()


@pytest.mark.parametrize("first", [SEEDS[i] for i in range(0, len(SEEDS), BATCH)])
def test_every_law_holds(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mortal, "Driver", Narrated)
    for seed in range(first, first + BATCH):
        outcome = world.run(seed)
        assert outcome.violations == [], f"seed {seed}"


def test_prose_was_told_in_these_lives() -> None:
    assert told["by_model"] > 20 and told["held"] > 20
