from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cadence.alex.driver import UnitKey
from cadence.models.encoder import Vectors
from cadence.models.fake_encoder import FakeEncoder, InlineEncoder
from cadence.rooms.log import LogUnavailable
from cadence.rooms.wire import Alex, Focus, Message, Read, Turn, View, ViewPatch, ViewReply, ViewRequest, WireError
from tests.alex.house import ADA, BOB, HOST, House, house, wait
from tests.alex.talk import SENTENCE


async def test_a_reader_gets_turns_and_agents_speech_is_withheld() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say()
        await wait(10)
        (turn,) = lab.turns()
        assert turn.segments[0].text == said.text
        assert not any(isinstance(frame, Message) for frame in lab.frames())


async def test_a_turn_is_stored_before_it_is_sent() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(30)
        await wait(10)
        assert await lab.store.turns("lab", "ada", limit=100) == lab.turns()


async def test_human_speech_goes_out_at_once() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say("hello", "bob", "human")
        assert lab.frames() == [said]


async def test_human_speech_beyond_the_bound_is_postponed_durably() -> None:
    async with house() as lab:
        await lab.attach()
        for _ in range(15):
            await lab.say("word " * 20, "bob", "human")
        await wait(1)
        assert await lab.store.postponed("lab", "ada", 0) == [14, 15]


async def test_no_turns_are_made_for_a_reader_without_a_connection() -> None:
    async with house() as lab:
        await lab.attach()
        lab.driver.detach("lab", "ada")
        await lab.flood(20)
        await wait(20)
        assert lab.turns() == []
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.closed_at is not None


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


async def test_a_redacted_message_is_in_no_later_turn() -> None:
    async with house() as lab:
        await lab.attach()
        said = await lab.say()
        await lab.store.redact("lab", said.seq)
        lab.driver.redacted("lab", said.seq)
        await wait(60)
        assert [turn.segments for turn in lab.turns()] == [()]


async def test_a_view_is_answered_stored_and_in_force() -> None:
    async with house() as lab:
        await lab.attach()
        reply = await lab.driver.set_view(ADA, ViewRequest(room="lab", cadence_s=12.0))
        assert reply.view == View(cadence_s=12.0) and reply.set_by == "ada"
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.patch == ViewPatch(cadence_s=12.0)


async def test_a_host_narrows_one_reader_and_only_that_one() -> None:
    async with house() as lab:
        await lab.attach(ADA)
        await lab.attach(BOB)
        request = ViewRequest(room="lab", participant="ada", cadence_s=30.0, lock=("cadence_s",))
        reply = await lab.driver.set_view(HOST, request)
        assert (reply.participant, reply.locked, reply.set_by) == ("ada", ("cadence_s",), "host")
        with pytest.raises(WireError, match="locked"):
            await lab.driver.set_view(ADA, ViewRequest(room="lab", cadence_s=1.0))
        assert (await lab.driver.set_view(BOB, ViewRequest(room="lab"))).view == View()


async def test_the_view_of_nobody_is_not_found() -> None:
    async with house() as lab:
        with pytest.raises(WireError) as caught:
            await lab.driver.set_view(HOST, ViewRequest(room="lab", participant="nobody", cadence_s=9.0))
        assert caught.value.code == "not_found"


async def test_a_change_to_raw_closes_the_range_and_passes_what_follows() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.say()
        await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="raw"))
        said = await lab.say()
        assert lab.turns()[0].covers and lab.turns()[0].covers.to == 1
        assert lab.frames()[-1] == said
        stored = await lab.store.reader("lab", "ada")
        assert stored is not None and stored.raw_from == 2


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
            await lab.flood(60)
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
        assert reader.mediator is not None and reader.mediator._near.at(lab.clock(), ()) == {"vera"}


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
