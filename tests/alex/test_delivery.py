"""What becomes of turns, and that a crowd looks as each of its readers would alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from msgspec.json import encode
from structlog.testing import capture_logs

from cadence.alex.contest import Contest
from cadence.alex.mediator import Mediator
from cadence.rooms.log import LogUnavailable
from cadence.rooms.wire import Focus, Member, Turn, ViewPatch
from tests.alex.house import BOB, house, wait
from tests.clock import VirtualLoop


async def test_a_turn_is_stored_before_it_is_sent() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(30)
        await wait(10)
        assert await lab.store.turns("lab", "ada", limit=100) == lab.turns()


async def test_a_log_that_refuses_delays_a_turn_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as lab:
        await lab.attach()
        works, failures = lab.store.append_turn, iter(range(3))

        async def flaky(user: str, turn: Turn, carried: bytes) -> None:
            if next(failures, None) is not None:
                raise LogUnavailable("the disk is full")
            await works(user, turn, carried)

        monkeypatch.setattr(lab.store, "append_turn", flaky)
        for _ in range(6):
            await lab.flood(20)
        await wait(60)
        covers = [turn.covers for turn in lab.turns()]
        assert [turn.turn for turn in lab.turns()] == list(range(1, len(covers) + 1))
        assert covers[0] and covers[0].from_ == 1 and covers[-1] and covers[-1].to == 120


def crowd(readers: int) -> list[tuple[Member, ViewPatch]]:
    """Readers who differ in what they want."""
    chance = Random(5)
    found = []
    for number in range(readers):
        patch = ViewPatch(cadence_s=chance.choice([2.0, 5.0]), pace_wpm=float(chance.randint(120, 400)))
        if number % 3 == 0:
            patch = ViewPatch(cadence_s=5.0, focus=Focus(follow=("a",)), sigma=0.5)
        found.append((Member(f"reader-{number}", f"Reader {number}", "human"), patch))
    return found


def live(members: list[tuple[Member, ViewPatch]]) -> dict[str, list[bytes]]:
    """The turns of each, in a busy room that argues a little; epochs, which differ from life to life, left out."""

    async def life() -> dict[str, list[bytes]]:
        async with house() as lab:
            for member, patch in members:
                await lab.attach(member, patch=patch)
            chance = Random(9)
            for _ in range(8):
                await lab.flood(11, 0.37)  # so that no look falls on the very moment of a message
                await lab.say("I disagree, that does not hold.", "d", reply_to=lab.head - chance.randint(0, 5))
            await wait(40)
            told = {member.id: [encode(turn) for turn in lab.turns(member.id)] for member, _ in members}
            return {user: [turn.replace(lab.epoch.encode(), b"") for turn in turns] for user, turns in told.items()}

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(life())


def test_a_crowd_is_told_to_the_byte_what_each_of_its_readers_would_be_told_alone() -> None:
    members = crowd(24)
    found = live(members)
    for one in members[::5]:
        alone = live([one])[one[0].id]
        assert found[one[0].id] == alone and len(alone) > 5


async def test_a_look_that_fails_is_logged_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tick = Mediator.tick

    def failing(self: Mediator, now: float) -> Iterator[Contest]:
        if self.reader == "ada":
            raise LookupError("no good")
        return (yield from tick(self, now))  # type: ignore[misc]

    monkeypatch.setattr(Mediator, "tick", failing)
    async with house() as lab:
        await lab.attach()
        await lab.attach(BOB)
        with capture_logs() as logged:
            await lab.flood(20)
            await wait(20)
        assert lab.turns("bob") and not lab.turns("ada")
        assert {(one["event"], one["why"]) for one in logged} == {("a look failed", "no good")}


async def test_who_is_given_away_while_a_turn_is_being_stored_is_not_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mediates them from then on finds it in the log, and tells it."""
    async with house() as lab:
        await lab.attach()
        append, begun = lab.store.append_turn, asyncio.Event()

        async def slow(user: str, turn: Turn, carried: bytes | None = None) -> None:
            begun.set()
            await wait(1.0)
            await append(user, turn, carried)

        monkeypatch.setattr(lab.store, "append_turn", slow)
        await lab.flood(20)
        await begun.wait()
        assert lab.driver.drop("lab", "ada") == 0
        await wait(5.0)
        assert len(await lab.store.turns("lab", "ada", limit=9)) == 1 and not lab.turns()
