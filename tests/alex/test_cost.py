"""Law 18: what is built for a room is built once, however many read it."""

from __future__ import annotations

import pytest

from cadence.alex.answers import overview, weigh
from cadence.lod.reading import Interval
from cadence.lod.terms import Background
from cadence.rooms.wire import Ask, Member, View
from tests.alex.house import House, house, wait
from tests.lod.conversation import START, built, talk

SELECTED_MAX = 50  # of the readers: selection is each reader's own, and only reading is counted here


@pytest.mark.parametrize("readers", [1, 100, 10_000])
def test_readers_build_no_nodes(readers: int) -> None:
    heard = talk(24, 3.0)
    pyramid = built(heard)
    before = pyramid.builds
    now = heard[-1].at
    for reader in range(readers):
        nodes = pyramid.read(reader % len(heard), weigh(now, START, 1.0))
        if reader < SELECTED_MAX:
            overview(Interval(nodes), View(), (), Background(), now, 120)
    assert pyramid.builds == before
    assert before <= 3 * len(heard)


async def lived(readers: int) -> tuple[House, int]:
    """A room with so many readers who all ask and all come back."""
    async with house() as opened:
        members = [Member(f"reader-{number}", f"Reader {number}", "human") for number in range(readers)]
        for member in members:
            await opened.attach(member)
        await opened.flood(120, 1.0)
        for member in members:
            await opened.driver.ask(member, Ask(room="lab", what="catch_up", since=0), lambda turn: None)
        await wait(60)
        return opened, opened.driver._keepers["lab"].pyramid.builds


async def test_a_room_of_thirty_readers_builds_what_a_room_of_one_does() -> None:
    assert (await lived(1))[1] == (await lived(30))[1] > 0
