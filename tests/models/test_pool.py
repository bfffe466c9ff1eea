"""A pool of endpoints in virtual time: who is asked, how often, and what is told of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import aclosing

import pytest

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, Done, ModelError, Piece, Trouble, answer_of
from cadence.models.pool import Pool
from cadence.models.scripted import Scripted, ScriptedModel
from tests.rooms.house import settle

CALL = Call((ChatMessage("user", "hello"),), tokens_max=10)
Script = Callable[[Call], str | Scripted]


def broken(trouble: Trouble = "unreachable") -> Scripted:
    return Scripted(error=ModelError(trouble, f"it was {trouble}"))


def pooled(*scripts: Script, calls_max: int = 64) -> tuple[Pool, list[ScriptedModel]]:
    models = [ScriptedModel(script) for script in scripts]
    addresses = tuple(f"http://{at}/v1" for at in range(len(models)))
    card = ModelCard("local", addresses, "tiny", "models/local.toml", calls_max=calls_max, lines={"endpoints": 1})
    return Pool(card, models, chance=lambda: 1.0), models


def asked(models: list[ScriptedModel]) -> list[int]:
    return [len(model.calls) for model in models]


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_calls_go_round() -> None:
    pool, models = pooled(*[lambda _: "fine"] * 3)
    for _ in range(6):
        await answer_of(pool, CALL)
    assert asked(models) == [2, 2, 2]


async def test_a_slow_endpoint_gets_fewer() -> None:
    pool, models = pooled(lambda _: Scripted("slow", delay_s=60), lambda _: "fast")
    calls = [asyncio.ensure_future(answer_of(pool, CALL))]
    for _ in range(20):
        await settle(1)
        await answer_of(pool, CALL)
    assert asked(models) == [1, 20]
    await asyncio.gather(*calls)


async def test_another_answers_for_one_that_fails_and_then_it_is_left_alone() -> None:
    pool, models = pooled(lambda _: broken(), lambda _: "fine")
    start = now()
    answers = [(await answer_of(pool, CALL)).text for _ in range(20)]
    assert answers == ["fine"] * 20
    assert asked(models) == [3, 20]
    assert now() == start, "nobody waited"
    assert [(address, health.state) for address, health in pool.health()] == [
        ("http://0/v1", "resting"),
        ("http://1/v1", "well"),
    ]


async def test_one_that_comes_back_is_used_again() -> None:
    well = False
    pool, models = pooled(lambda _: "first" if well else broken(), lambda _: "second")
    for _ in range(10):
        await answer_of(pool, CALL)
    well = True
    await settle(1.0)
    assert {(await answer_of(pool, CALL)).text for _ in range(4)} == {"first", "second"}


async def test_the_only_one_is_asked_again_a_little_later() -> None:
    answers = iter([broken(), broken("timed_out"), "fine"])
    pool, models = pooled(lambda _: next(answers))
    assert (await answer_of(pool, CALL)).text == "fine"
    assert now() == pytest.approx(0.25 + 0.5)


async def test_three_attempts_and_no_more() -> None:
    pool, models = pooled(lambda _: broken())
    with pytest.raises(ModelError, match="it was unreachable"):
        await answer_of(pool, CALL)
    assert asked(models) == [3]
    with pytest.raises(ModelError, match="it was unreachable"):
        await answer_of(pool, CALL)
    assert asked(models) == [3], "it rests, and whoever calls is told at once why"


@pytest.mark.parametrize("trouble", ["too_long", "invalid"])
async def test_a_call_that_is_to_blame_is_made_once(trouble: Trouble) -> None:
    pool, models = pooled(lambda _: broken(trouble), lambda _: "fine")
    with pytest.raises(ModelError, match=trouble):
        await answer_of(pool, CALL)
    assert asked(models) == [1, 0]


async def test_one_wrong_key_does_not_stop_the_others() -> None:
    pool, models = pooled(lambda _: broken("forbidden"), lambda _: "fine")
    assert [(await answer_of(pool, CALL)).text for _ in range(5)] == ["fine"] * 5
    assert asked(models) == [1, 5]


async def test_what_was_begun_is_not_begun_elsewhere() -> None:
    half = Scripted("half", error=ModelError("unreachable", "it broke"))
    pool, models = pooled(lambda _: half, lambda _: "fine")
    parts: list[Piece | Done] = []
    with pytest.raises(ModelError, match="it broke"):
        async for part in pool.stream(CALL):
            parts.append(part)
    assert parts == [Piece("half")] and asked(models) == [1, 0]


async def test_a_full_pool_says_so() -> None:
    pool, _ = pooled(*[lambda _: Scripted(delay_s=math.inf)] * 2, calls_max=2)
    calls = [asyncio.ensure_future(answer_of(pool, CALL)) for _ in range(4)]
    await settle(1)
    with pytest.raises(ModelError, match="models/local.toml:1: .* but 2 are under way at each endpoint") as caught:
        await answer_of(pool, CALL)
    assert caught.value.trouble == "overloaded"
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert [health.outstanding for _, health in pool.health()] == [0, 0]


async def test_one_that_hangs_is_found_out_by_callers_with_deadlines() -> None:
    pool, models = pooled(lambda _: Scripted(delay_s=math.inf), lambda _: "fine")
    late = 0
    for _ in range(20):
        try:
            await asyncio.wait_for(answer_of(pool, CALL), 4.0)
        except TimeoutError:
            late += 1
    assert late == 3
    assert pool.health()[0][1].state == "resting"


async def test_who_calls_a_resting_pool_is_told_where_to_look() -> None:
    pool, _ = pooled(lambda _: Scripted(delay_s=math.inf))
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer_of(pool, CALL), 4.0)
    with pytest.raises(
        ModelError, match="^models/local.toml:1: expected an answer before its caller gave up"
    ) as caught:
        await answer_of(pool, CALL)
    assert caught.value.trouble == "timed_out" and caught.value.passing


async def test_a_reader_who_stops_after_the_end_leaves_no_call_behind() -> None:
    pool, _ = pooled(lambda _: "fine")
    async with aclosing(pool.stream(CALL)) as parts:  # type: ignore[type-var]
        async for part in parts:
            if isinstance(part, Done):
                break
    assert pool.health()[0][1].outstanding == 0


async def test_closing_early_leaves_no_call_behind_and_blames_nobody() -> None:
    pool, _ = pooled(lambda _: "fine")
    for _ in range(5):
        async with aclosing(pool.stream(CALL)) as parts:  # type: ignore[type-var]
            assert await anext(parts) == Piece("fine")
            await settle(10)
    (_, health) = pool.health()[0]
    assert (health.outstanding, health.state) == (0, "well")
