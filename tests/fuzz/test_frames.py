"""Some thousand bent frames from a fixed seed. For millions: `python -m bench.fuzz`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from random import Random

import pytest
import structlog

from cadence.rooms.wire import WireError, decode_request
from tests.fuzz.frames import HOSTILE, bent, lawful
from tests.fuzz.house import Broken, hold

SEED = 20_261_127
FRAMES = 3_000
DECODED = 20_000


@pytest.fixture(autouse=True)
def logs_as_before() -> object:
    yield
    structlog.reset_defaults()


def test_the_same_seed_bends_the_same_frames() -> None:
    one, two = ([bent(chance) for _ in range(50)] for chance in (Random(7), Random(7)))
    assert one == two and len(set(one)) > 45


def test_lawful_frames_are_lawful_but_for_what_names_nobody() -> None:
    chance = Random(SEED)
    for _ in range(500):
        frame = lawful(chance, ["ada"])
        assert decode_request(json.dumps(frame)), frame


def test_the_decoder_answers_anything_with_a_frame_or_a_sentence() -> None:
    chance, became = Random(SEED), Counter[str]()
    for _ in range(DECODED):
        data = bent(chance, ["ada"])
        try:
            became[type(decode_request(data)).__name__] += 1
        except WireError as error:
            became[error.code] += 1
            assert len(error.message) < 1000 and error.code in ("bad_frame", "bad_field", "unknown_type")
            assert error.message.isprintable(), error.message
    assert became["bad_field"] > 4000 and became["bad_frame"] > 1000 and became["Say"] > 200, became


@pytest.mark.parametrize("part", range(3))
async def test_a_whole_server_outlives_bent_frames(part: int) -> None:
    became = await hold(SEED + part, FRAMES // 3)
    assert became["error"] > 200 and became["said"] + became["page"] > 5, became


async def test_a_server_that_fails_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("cadence.rooms.history.messages", fails)
    with pytest.raises(Broken, match="an error that is none"):
        await hold(SEED, 500)


async def test_a_task_that_dies_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadence.alex.keeper.Keeper.step", lambda self: 1 / 0)
    with pytest.raises(Broken, match="logged as an error"):
        await hold(SEED, 500)


def test_what_is_put_in_is_what_breaks_programs() -> None:
    assert {type(one) for one in HOSTILE} >= {type(None), bool, int, float, str, list, dict}
    assert asyncio.iscoroutinefunction(hold)
