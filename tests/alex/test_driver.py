from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import numpy as np
import pytest

from cadence.alex import transcript as transcripts
from cadence.alex.driver import UnitKey
from cadence.alex.recovery import AWAY_SECONDS
from cadence.alex.transcript import Entry
from cadence.models.encoder import Vectors
from cadence.models.fake_encoder import FakeEncoder, InlineEncoder
from cadence.rooms.wire import Alex, Focus, Member, Message, Read, Turn, ViewPatch, ViewReply, ViewRequest
from tests.alex.house import ADA, BOB, HOST, House, house, wait
from tests.alex.talk import SENTENCE, START


async def test_a_reader_gets_turns_and_agents_speech_is_withheld() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say()
        await wait(10)
        (turn,) = lab.turns()
        assert turn.segments[0].text == said.text
        assert not any(isinstance(frame, Message) for frame in lab.frames())


async def test_no_turns_are_made_for_a_reader_without_a_connection() -> None:
    async with house() as lab:
        await lab.attach()
        lab.driver.detach("lab", "ada")
        await lab.flood(20)
        await wait(20)
        assert lab.turns() == []
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.closed_at is not None


async def test_a_redacted_message_is_in_no_later_turn() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say()
        await lab.store.redact("lab", said.seq)
        lab.driver.redacted("lab", said.seq)
        await wait(60)
        assert [turn.segments for turn in lab.turns()] == [()]


async def test_raw_ranges_are_stored_when_they_end() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.say()
        await lab.say()
        await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="paraphrase"))
        assert await lab.store.raw_ranges("lab", "ada", 0) == [(1, 2)]
        await lab.say()
        await wait(10)
        assert lab.turns()[0].covers and lab.turns()[0].covers.from_ == 3


async def test_the_view_of_an_absent_reader_changes_what_they_return_to() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await wait(10)
        lab.driver.detach("lab", "ada")
        await wait(60)
        await lab.driver.set_view(HOST, ViewRequest(room="lab", participant="ada", mode="raw"))
        await lab.say()
        attached, frames = await lab.attach(after=lab.after())
        assert attached.view.mode == "raw"
        assert [frame.seq for frame in frames if isinstance(frame, Message)] == [1, 2]


async def test_readers_do_not_disturb_each_other() -> None:
    async def texts_of_ada(bob: ViewPatch | None) -> list[list[str]]:
        async with house() as lab:
            await lab.attach(ADA)
            if bob is not None:
                await lab.attach(BOB, patch=bob)
            await lab.flood(60, 0.13)  # so that no look of hers falls on the very moment of a message
            await wait(30)
            return [[segment.text for segment in turn.segments] for turn in lab.turns()]

    alone = await texts_of_ada(None)
    for bob in (ViewPatch(cadence_s=1.0), ViewPatch(mode="raw"), ViewPatch(sigma=0.1, pace_wpm=1000.0)):
        assert await texts_of_ada(bob) == alone


async def test_what_a_reader_opens_comes_nearer() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        lab.driver.read("ada", Read(room="lab", seq=1))
        reader = lab.driver._rooms["lab"].readers["ada"]
        assert reader.mediator is not None and reader.mediator._composer.near.at(lab.clock(), ()) == {"vera"}


async def test_forgetting_clears_the_word_counts_of_the_room() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(5)
        await wait(1)
        background = lab.driver._rooms["lab"].transcript.background
        assert background.total == 5
        lab.driver.forget("lab")
        assert background.total == 0


@pytest.mark.parametrize("refuse_every", [0, 1])
async def test_units_get_vectors_when_they_come_and_never_wait_for_them(refuse_every: int) -> None:
    def encoder(deliver: Callable[[UnitKey, Vectors | None], None]) -> InlineEncoder[UnitKey]:
        return InlineEncoder(FakeEncoder(), deliver, refuse_every=refuse_every)

    async with house(encoder=encoder) as lab:
        await lab.attach()
        await lab.flood(5)
        await wait(10)
        entry = lab.driver._rooms["lab"].transcript.entry(3)
        assert entry is not None
        assert (entry.vector(entry.parsed.units[0]) is None) == (refuse_every == 1)
        assert lab.turns()


async def test_a_vector_of_a_message_that_is_gone_is_dropped() -> None:
    async with house() as lab:
        await lab.say()
        lab.driver.redacted("lab", 1)
        lab.driver._encoded(("lab", 1, 0), np.ones((1, 3), dtype=np.float32))
        assert lab.driver._rooms["lab"].transcript.entry(1) is None


async def test_alex_says_how_far_they_are() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await wait(15)
        states = [(frame.state, frame.behind.words) for frame in lab.frames() if isinstance(frame, Alex)]
        assert states == [("passthrough", 13), ("passthrough", 0), ("idle", 0)]


async def test_a_room_that_opens_again_keeps_its_readers_and_takes_new_defaults() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.open(ViewPatch(cadence_s=20.0))
        assert "ada" in lab.driver._rooms["lab"].readers
        attached, _ = await lab.attach(BOB)
        assert attached.view.cadence_s == 20.0
        await lab.say(SENTENCE)


async def read_at(lab: House, wpm: float, turns: int) -> None:
    """Ada reads every turn at `wpm`, one after another, and says so."""
    done = 0
    while done < turns:
        await lab.flood(8)
        for turn in lab.turns()[done:]:
            await wait(turn.words / (wpm / 60))
            lab.driver.read("ada", Read(room="lab", turn=turn.turn, dwell_s=turn.words / (wpm / 60)))
            done += 1


async def test_alex_learns_the_pace_of_who_left_that_to_alex_and_says_so() -> None:
    async with house() as lab:
        await lab.attach()
        await read_at(lab, 400.0, 30)
        told = [frame for frame in lab.frames() if isinstance(frame, ViewReply)]
        assert [frame.view.pace_wpm for frame in told][:2] == [261.0, 287.0]
        assert {frame.set_by for frame in told} == {"alex"}
        await wait(1)
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.patch.pace_wpm == told[-1].view.pace_wpm and stored.set_by == "alex"


async def test_while_the_log_is_slow_one_task_of_each_reader_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as lab:
        works, slow = lab.store.append_turn, asyncio.Event()

        async def held(user: str, turn: Turn, carried: bytes) -> None:
            await slow.wait()
            await works(user, turn, carried)

        monkeypatch.setattr(lab.store, "append_turn", held)
        await lab.attach()
        await lab.attach(BOB)
        await lab.flood(200)
        assert len(lab.driver._background._tasks) <= 3, "one of each reader, maybe that of the pyramid"
        slow.set()
        await wait(60)
        assert all(lab.turns(user)[-1].covers.to == 200 for user in ("ada", "bob"))  # type: ignore[union-attr]


async def test_who_is_away_for_long_is_forgotten_also_where_timers_ring_a_hair_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late_s = 0.0
    monkeypatch.setattr(House, "clock", lambda lab: START + asyncio.get_running_loop().time() - late_s)
    async with house() as lab:
        for _ in range(3):
            await lab.attach()
            lab.driver.detach("lab", "ada")
        late_s = 0.0008  # as much as a loop was seen to be early
        await wait(AWAY_SECONDS - 0.5)
        assert "ada" in lab.driver._rooms["lab"].readers
        await wait(0.6)
        assert "ada" not in lab.driver._rooms["lab"].readers


async def test_who_comes_and_goes_is_kept_until_they_are_away_for_long() -> None:
    async with house() as lab:
        for _ in range(3):
            await lab.attach()
            lab.driver.detach("lab", "ada")
            await wait(0.75 * AWAY_SECONDS)
            assert "ada" in lab.driver._rooms["lab"].readers
        await wait(0.3 * AWAY_SECONDS)
        assert "ada" not in lab.driver._rooms["lab"].readers


@pytest.mark.parametrize("patch", [ViewPatch(auto=False), ViewPatch(mode="raw")])
async def test_alex_leaves_the_pace_of_others_alone(patch: ViewPatch) -> None:
    async with house() as lab:
        await lab.attach(patch=patch)
        for number in range(40):
            await lab.flood(8)
            lab.driver.read("ada", Read(room="lab", turn=number, dwell_s=2.0))
        assert not [frame for frame in lab.frames() if isinstance(frame, ViewReply)]


async def test_a_pace_that_a_host_locked_is_not_learned() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.driver.set_view(HOST, ViewRequest(room="lab", participant="ada", pace_wpm=200.0, lock=("pace_wpm",)))
        await read_at(lab, 400.0, 30)
        assert lab.driver._rooms["lab"].readers["ada"].view.pace_wpm == 200.0


async def test_nothing_is_stored_of_a_reader_who_is_forgotten() -> None:
    async with house() as lab:
        await lab.attach(ADA)
        await lab.attach(BOB, patch=ViewPatch(focus=Focus(follow=("ada", "vera"))))
        await lab.flood(20)
        lab.driver.detach("lab", "ada")
        await lab.driver.forget_reader("ada")
        await lab.store.forget("ada", "forgotten-1")
        await lab.flood(20)
        await wait(60.0)
        assert await lab.store.reader("lab", "ada") is None and await lab.store.turns("lab", "ada", limit=9) == []
        bob = await lab.store.reader("lab", "bob")
        assert bob is not None and await lab.store.turns("lab", "bob", limit=9)
        assert lab.driver._rooms["lab"].readers["bob"].record.patch.focus == Focus(follow=("vera",))
        await lab.attach(ADA)  # comes in again, as anybody may


def entries_alive() -> int:
    return sum(type(one) is Entry for one in gc.get_objects())


async def test_messages_that_are_kept_no_longer_are_gone_without_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "ENTRIES_KEPT_MAX", 50)
    gc.collect()
    before = entries_alive()
    gc.disable()  # a server collects cycles seldom
    try:
        async with house() as lab:
            for name, mode in (("ada", "paraphrase"), ("bob", "paced"), ("cyd", "paraphrase")):
                await lab.attach(Member(name, name, "human"), patch=ViewPatch(mode=mode))  # type: ignore[arg-type]
            await lab.flood(400)
            lab.driver.redacted("lab", lab.head)
            for name in ("ada", "bob", "cyd"):
                lab.driver.detach("lab", name)
            await wait(AWAY_SECONDS + 1)
            assert entries_alive() - before <= 50
    finally:
        gc.enable()
