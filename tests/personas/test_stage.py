from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cadence.personas.play import ANNOUNCEMENT, Action, Restarted, Skipped
from cadence.personas.script import Line
from cadence.personas.stage import Cast, Stage, StageError
from cadence.rooms import wire
from tests.personas.hall import Door, Hall

CAST = (Cast("ada", "Ada"), Cast("bo", "Bo"))
SCRIPT = (Line(1, "ada", "one"), Line(2, "bo", "two", reply_to=1), Line(3, "ada", "three", after_s=3))
WORDS = [("Ada", "one", None), ("Bo", "two", 1), ("Ada", "three", None)]


@asynccontextmanager
async def playing(hall: Hall, script: Sequence[Line] = SCRIPT, acts: list[Action] | None = None) -> AsyncIterator[None]:
    observe = (lambda action: None) if acts is None else acts.append
    stage = Stage("hall", CAST, script, connect=hall.connect, run_id="run", observe=observe)
    task = asyncio.create_task(stage.run())
    try:
        with capture_logs():
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert hall.inside == []


async def until(seconds: float) -> None:
    """Let the (virtual) time of the test reach `seconds`."""
    loop = asyncio.get_running_loop()
    reached = loop.create_future()
    loop.call_at(seconds, reached.set_result, None)
    await reached


async def test_a_script_is_played_in_order_at_its_own_pace() -> None:
    hall = Hall("Pip")
    async with playing(hall):
        await until(7.0)
    assert hall.log == WORDS
    assert hall.times == [1.5, 3.0, 6.0]


async def test_it_plays_only_while_a_human_is_there() -> None:
    hall = Hall()
    async with playing(hall):
        await until(50.0)
        assert hall.log == []
        hall.human_comes("Pip")
        await until(52.0)
        assert [text for _, text, _ in hall.log] == ["one"]
        hall.human_goes("Pip")
        await until(100.0)
        assert [text for _, text, _ in hall.log] == ["one"]
        hall.human_comes("Qui")
        await until(102.0)
        assert [text for _, text, _ in hall.log] == ["one", "two"]


async def test_at_the_end_it_starts_again_and_tells() -> None:
    hall = Hall("Pip")
    acts: list[Action] = []
    async with playing(hall, acts=acts):
        await until(75.0)
    assert hall.log == [*WORDS, ("Ada", ANNOUNCEMENT, None), ("Ada", "one", None), ("Bo", "two", 5), WORDS[2]]
    assert Restarted(1) in acts


async def test_cuts_at_any_moment_lose_and_double_nothing() -> None:
    hall = Hall("Pip")
    loop = asyncio.get_running_loop()

    def cut_everybody() -> None:
        for door in list(hall.inside):
            door.cut(1006)

    def cut_before_the_answer(door: Door, frame: wire.ClientFrame) -> bool:
        if isinstance(frame, wire.Say) and frame.text == "two" and hall.log == WORDS[:1]:
            hall.on_frame = lambda door, frame: False
            hall.take(door, frame)  # it is durable
            door.cut(1006)
        return False

    hall.on_frame = cut_before_the_answer
    async with playing(hall):
        for moment in (0.2, 1.5, 2.9, 5.0):
            loop.call_at(moment, cut_everybody)
        await until(60.0)
    assert hall.log == WORDS


async def test_a_full_disk_delays_and_a_refusal_skips() -> None:
    hall = Hall("Pip")
    acts: list[Action] = []

    def refuse(door: Door, frame: wire.ClientFrame) -> bool:
        if isinstance(frame, wire.Say) and frame.text == "one" and asyncio.get_running_loop().time() < 5.0:
            return hall.error(door, frame, "unavailable")
        return isinstance(frame, wire.Say) and frame.text == "two" and hall.error(door, frame, "conflict")

    hall.on_frame = refuse
    async with playing(hall, acts=acts):
        await until(20.0)
    assert [text for _, text, _ in hall.log] == ["one", "three"]
    assert hall.times[0] == 8.5  # 1.5, and after 1, 2 and 4 seconds again
    assert Skipped(2, "conflict", "expected something else than conflict") in acts


async def test_a_cast_without_a_script_is_there_and_silent() -> None:
    hall = Hall("Pip")
    async with playing(hall, script=()):
        await until(100.0)
        assert sorted(door.name for door in hall.inside) == ["Ada", "Bo"]
    assert hall.log == []


async def test_a_play_that_runs_once_ends_and_leaves() -> None:
    hall = Hall()
    await Stage("hall", CAST, SCRIPT, connect=hall.connect, run_id="run", once=True, speed=2.0).run()
    assert hall.log == WORDS
    assert hall.times == [0.75, 1.5, 3.0]
    assert hall.inside == []


async def test_a_speaker_refused_for_good_ends_the_play_for_all() -> None:
    hall = Hall("Pip")
    hall.on_frame = lambda door, frame: (
        isinstance(frame, wire.Join) and door.name == "Bo" and hall.error(door, frame, "no_such_room")
    )
    with pytest.raises(StageError, match="^Bo cannot speak in the room `hall`: "):
        await Stage("hall", CAST, SCRIPT, connect=hall.connect, run_id="run").run()
    assert hall.inside == []


async def test_two_refusals_are_one_sentence() -> None:
    hall = Hall()
    hall.refuse_connections = 2
    with pytest.raises(StageError, match=r"^expected a Cadence, got nothing for ada$"):
        await Stage("hall", CAST, SCRIPT, connect=hall.connect, run_id="run").run()


def test_every_speaker_of_the_script_needs_a_cast() -> None:
    with pytest.raises(ValueError, match="got none for bo"):
        Stage("hall", CAST[:1], SCRIPT, connect=Hall().connect, run_id="run")
