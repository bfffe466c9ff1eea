from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from cadence.alex.keeper import SAVE_SECONDS, Keeper, said_of
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.pyramid import Pyramid
from cadence.rooms.log import Draft, StoredNode
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire import Author
from tests.alex.house import wait
from tests.alex.talk import START, entry, line, message


class Shelf:
    """A room with a keeper, over a log in memory."""

    def __init__(self) -> None:
        self.store = MemoryLog(lambda: START)
        self.transcript = Transcript()
        self.tasks: list[asyncio.Task[None]] = []
        self.seq = 0
        self.keeper = self.fresh()

    def fresh(self) -> Keeper:
        return Keeper("lab", self.transcript, self.store, self.spawn)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def say(self, text: str | None = None, *, heard: bool = True) -> Entry:
        self.seq += 1
        draft = Draft(
            "lab", Author("vera", "Vera", "agent"), f"m{self.seq}", START + 2.0 * self.seq, text or line(self.seq)
        )
        said = self.transcript.enter((await self.store.append(draft)).message)
        if heard:
            self.keeper.hear(said)
            while self.keeper.step():
                pass
        return said

    async def redact(self, seq: int) -> None:
        await self.store.redact("lab", seq)
        self.transcript.redact(seq)
        self.keeper.redacted(seq)

    async def from_the_log(self) -> list[bytes]:
        """The pyramid as the log alone would make it."""
        pyramid = Pyramid("lab")
        for one in await self.store.messages("lab", after=0, limit=10_000):
            pyramid.add(said_of(Entry(one, None)))
        pyramid.settle()
        return pyramid.bodies()

    def stored(self) -> list[bytes]:
        return sorted(node.body for node in self.store._rooms["lab"].nodes.values())


@asynccontextmanager
async def shelf(messages: int = 0) -> AsyncIterator[Shelf]:
    made = Shelf()
    await made.store.open_room("lab")
    await made.keeper.open(0)
    for _ in range(messages):
        await made.say()
    yield made
    await made.keeper.close()
    for task in made.tasks:
        task.cancel()


def test_an_objection_is_known_by_what_the_message_itself_says() -> None:
    assert said_of(entry(2, "No, that is wrong.", reply_to=1)).objects_to == 1
    assert said_of(entry(2, "No, that is wrong.")).objects_to is None
    assert said_of(entry(2, "Yes, all of it.", reply_to=1)).objects_to is None


def test_a_redacted_message_is_heard_as_such() -> None:
    said = said_of(Entry(message(3).erased(), None))
    assert (said.seq, said.units, said.redacted, said.words) == (3, (), True, 1)


async def test_what_is_heard_is_stored_soon_and_at_the_latest_in_the_end() -> None:
    async with shelf(200) as made:
        assert made.stored() == []
        await wait(SAVE_SECONDS + 1)
        assert made.stored() == sorted(await made.from_the_log())
        for _ in range(50):
            await made.say()
    assert made.stored() == sorted(await made.from_the_log())


async def test_a_new_start_goes_on_from_what_is_stored() -> None:
    async with shelf(300) as made:
        await made.keeper.save()
        for _ in range(40):
            await made.say()  # killed before these were stored
        second = made.fresh()
        await second.open(made.seq)
        second.pyramid.settle()
        assert second.pyramid.last == 340
        assert second.pyramid.bodies() == await made.from_the_log()
        assert second.pyramid.builds < made.keeper.pyramid.builds / 2


async def test_nodes_that_cannot_be_read_are_built_again() -> None:
    async with shelf(100) as made:
        await made.store.save_nodes("lab", [StoredNode("0/1", 1, 9, 0, b"of another program")], [])
        second = made.fresh()
        await second.open(made.seq)
        assert second.pyramid.last == 100
        assert second.pyramid.bodies() == await made.from_the_log()


async def test_what_was_not_heard_is_read_from_the_log() -> None:
    async with shelf(10) as made:
        for _ in range(700):
            await made.say(heard=False)
        made.keeper.hear(await made.say(heard=False))
        assert made.keeper.pyramid.last == 10
        assert [node.last for node in made.keeper.read(700, lambda at: 1.0, 8)] == [711]  # not yet, but the newest are
        await made.keeper.level()
        assert made.keeper.pyramid.last == 711


async def test_a_redaction_reaches_every_node_here_and_in_the_log() -> None:
    async with shelf() as made:
        for n in range(120):
            await made.say("The passphrase is xylophone." if n == 60 else None)
        await made.keeper.save()
        await made.redact(61)
        await wait(SAVE_SECONDS + 1)
        bodies = made.keeper.pyramid.bodies()
        assert not any(b"xylophon" in body for body in [*bodies, *made.stored()])
        assert bodies == await made.from_the_log() and made.stored() == sorted(bodies)


async def test_many_redactions_in_one_stretch_are_mended_at_once() -> None:
    async with shelf(700) as made:
        before = made.keeper.pyramid.builds
        for seq in range(20, 60):
            await made.redact(seq)
        await made.keeper.level()
        assert made.keeper.pyramid.bodies() == await made.from_the_log()
        assert made.keeper.pyramid.builds - before < before


async def test_what_is_redacted_before_it_is_heard_is_never_known() -> None:
    async with shelf(10) as made:
        said = await made.say("The passphrase is xylophone.", heard=False)
        await made.redact(said.seq)
        made.keeper.hear(said)
        for _ in range(100):
            await made.say()
        made.keeper.pyramid.settle()
        assert made.keeper.pyramid.bodies() == await made.from_the_log()


async def test_a_crash_right_after_a_redaction_leaves_no_word_and_is_mended_at_the_next_start() -> None:
    async with shelf() as made:
        for n in range(120):
            await made.say("The passphrase is xylophone." if n == 60 else None)
        await made.keeper.save()
        await made.store.redact("lab", 61)
        assert not any(b"xylophon" in body for body in made.stored())
        second = made.fresh()
        made.transcript.redact(61)
        await second.open(made.seq)
        assert second.pyramid.bodies() == await made.from_the_log()


async def test_a_log_that_refuses_is_tried_again() -> None:
    async with shelf(200) as made:
        made.store.available = False
        await wait(SAVE_SECONDS + 1)
        assert made.stored() == []
        made.store.available = True
        await wait(SAVE_SECONDS + 1)
        assert made.stored() == sorted(await made.from_the_log())


async def test_a_leaf_is_told_of_once_when_it_has_closed() -> None:
    async with shelf() as kept:
        for _ in range(4):
            await kept.say()  # one every two seconds: a slot of five holds two or three
        closed = kept.keeper.leaves()
        assert closed and closed[0][0] == 1
        assert kept.keeper.leaves() == []
        open_leaf = kept.keeper.pyramid.open_leaf
        assert open_leaf is not None and closed[-1][1] + 1 == open_leaf[0]
