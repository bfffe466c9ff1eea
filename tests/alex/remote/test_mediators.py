"""Several workers: whose reader is whose, what they count together, and a new one for each that dies."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from cadence.alex.neighbourhood import members_only
from cadence.alex.remote.mediators import RESTART_SECONDS, Mediators
from cadence.alex.remote.near import Server
from cadence.alex.remote.proxy import START_SECONDS_MAX
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import Member, Message, Turn
from tests.alex.house import wait
from tests.alex.remote.desk import Desk, desk
from tests.alex.remote.nearby import Neighbours
from tests.alex.talk import line

PEOPLE = [Member(name, name.title(), "human") for name in ("ada", "bob", "cyd", "dan", "eve", "fay")]


def homes(opened: Desk) -> list[set[str]]:
    """Who is attached at which worker."""
    return [set(worker.worker._driver.present("lab")) for _, worker in sorted(opened.neighbours.living.items())]


async def test_every_reader_has_one_worker_and_all_hear_the_room() -> None:
    async with desk(workers=2) as lab:
        for person in PEOPLE:
            await lab.join(person)
        assert all(homes(lab)) and set.union(*homes(lab)) == {person.id for person in PEOPLE}
        for number in range(4):
            await lab.say(line(number))
        await wait(12)
        for person in PEOPLE:
            assert lab.covered(person.id) == [1, 2, 3, 4]
        assert lab.mediation.readers() == len(PEOPLE)
        assert lab.mediation.counts.turns == sum(
            isinstance(frame, Turn) for frames in lab.told.values() for frame in frames
        )
        encoding = lab.mediation.encoding()
        assert encoding is not None and encoding.encoded == 0


async def test_what_was_counted_survives_the_worker() -> None:
    with capture_logs():
        async with desk() as lab:
            await lab.join(PEOPLE[0])
            await lab.say()
            await wait(8)
            turns = lab.mediation.counts.turns
            lab.neighbours.living[0].kill()
            await wait(3)
            assert turns and lab.mediation.counts.turns == turns


async def test_how_each_worker_is_can_be_seen() -> None:
    with capture_logs():
        async with desk(workers=2) as lab:
            for person in PEOPLE:
                await lab.join(person)
            for _ in range(3):
                await lab.say()
            assert [worker.behind for worker in lab.mediation.workers()] == [3, 3], "they are a line away"
            await wait(2.5)
            workers = lab.mediation.workers()
            assert [worker.behind for worker in workers] == [0, 0]
            assert [worker.readers for worker in workers] == [len(users) for users in homes(lab)]
            assert lab.mediation.deaths == 0
            lab.neighbours.living[0].kill()
            await wait(0.1)
            assert lab.mediation.workers()[0].readers == 0
            await wait(2.5)
            assert lab.mediation.deaths == 1


async def test_the_death_of_one_worker_is_nothing_to_the_readers_of_the_other() -> None:
    with capture_logs():
        async with desk(workers=2) as lab:
            for person in PEOPLE:
                await lab.join(person)
            doomed, others = homes(lab)
            lab.neighbours.living[0].kill()
            await lab.say(line(1))
            await wait(12)
            assert lab.away == [doomed]
            assert all(lab.covered(user) == [1] for user in others)
            assert homes(lab) == [set(), others]


async def test_a_worker_that_cannot_be_started_is_tried_again_more_and_more_rarely() -> None:
    with capture_logs() as logged:
        async with desk() as lab:
            lab.neighbours.refuses = True
            lab.neighbours.living[0].kill()
            await wait(RESTART_SECONDS * (1 + 2 + 4) + 0.1)
            assert sum("cannot be started" in entry["event"] for entry in logged) == 3
            lab.neighbours.refuses = False
            await wait(RESTART_SECONDS * 8)
            await lab.join(PEOPLE[0])
            assert homes(lab) == [{"ada"}]


async def test_a_worker_that_gives_no_sign_of_life_is_no_start() -> None:
    def nothing(*_: object) -> None:
        """A worker that is never made."""

    class Deaf(Neighbours):
        async def start(self, number: int, received: object, lost: object) -> object:  # type: ignore[override]
            return self

        def send(self, frame: object) -> None:
            """Into the void."""

        def close(self) -> None:
            self.refuses = True

    deaf = Deaf(nothing)  # type: ignore[arg-type]
    server = Server(MemoryLog(lambda: 0.0), nothing, nothing, nothing, members_only)
    mediation = Mediators(server, deaf.start, 1)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="did not come to life"):
        await mediation.open()
    assert deaf.refuses, f"it is ended after {START_SECONDS_MAX} s"


async def test_a_played_room_that_begins_again_is_forgotten_everywhere() -> None:
    async with desk(workers=2) as lab:
        for person in PEOPLE[:3]:
            await lab.join(person)
        for _ in range(2):
            await lab.say()
            await wait(40)
            lab.mediation.forget("lab")
            await wait(1)
        shown = [frame for frame in lab.told["ada"] if isinstance(frame, Turn) and frame.segments]
        assert len(shown) == 2, "the same words are news again"
        assert not any(isinstance(frame, Message) for frame in lab.told["ada"])
