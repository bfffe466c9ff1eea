"""Coming back, protocol rule 5, against a log in memory."""

from __future__ import annotations

import pytest

from cadence.alex import arrival
from cadence.rooms.log import LogUnavailable
from cadence.rooms.wire import After, Message, Redacted, Turn, ViewPatch, ViewReply, ViewRequest, WireError
from tests.alex.house import ADA, house, wait


def seqs(frames: list[object]) -> list[int]:
    return [frame.seq for frame in frames if isinstance(frame, Message)]


async def test_a_first_join_begins_a_run_after_the_head() -> None:
    async with house() as lab:
        await lab.flood(5)
        attached, frames = await lab.attach()
        assert attached.recovered and frames == []
        await lab.say()
        await wait(10)
        assert lab.turns()[0].covers and lab.turns()[0].covers.from_ == 6


async def test_a_short_cut_goes_on_with_the_next_look() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(30)
        await wait(6)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(20)
        human = await lab.say("hello", "bob", "human")
        await wait(10)
        attached, frames = await lab.attach(after=before)
        assert attached.recovered and frames == [human]
        await wait(10)
        covers = [turn.covers for turn in lab.turns() if turn.covers]
        assert all(later.from_ == earlier.to + 1 for earlier, later in zip(covers, covers[1:], strict=False))
        assert covers[-1].to == lab.head


async def test_a_long_absence_gives_one_catch_up_turn_of_at_most_120_words() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(10)
        await wait(10)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await wait(31)
        await lab.flood(200)
        human = await lab.say("hello", "bob", "human")
        attached, frames = await lab.attach(after=before)
        assert attached.recovered and frames == [human]
        await wait(1)
        turn = lab.turns()[-1]
        assert turn.mode == "catch_up" and 60 < turn.words <= 120
        assert turn.covers and (turn.covers.from_, turn.covers.to, turn.covers.messages) == (11, 211, 200)


async def test_turns_that_were_stored_but_not_received_come_again() -> None:
    async with house() as lab:
        await lab.attach()
        for _ in range(5):
            await lab.flood(20)
            await wait(5)
        lab.driver.detach("lab", "ada")
        all_turns = lab.turns()
        _, frames = await lab.attach(after=After(lab.epoch, 0, all_turns[1].turn))
        assert [frame for frame in frames if isinstance(frame, Turn)] == all_turns[2:]


async def test_a_restart_loses_nothing_and_refills_no_bucket() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(cadence_s=10.0))
        await lab.flood(110)
        before = lab.after()
        spent = lab.turns()[-1].words
        await lab.restart()
        await lab.flood(20)
        attached, _ = await lab.attach(after=before)
        assert attached.recovered and attached.view.cadence_s == 10.0
        reader = lab.driver._rooms["lab"].readers["ada"]
        assert reader.mediator is not None and spent > 20
        assert reader.mediator._bucket.credit < 30
        await wait(60)
        covers = [turn.covers for turn in lab.turns() if turn.covers]
        assert all(later.from_ == earlier.to + 1 for earlier, later in zip(covers, covers[1:], strict=False))
        assert covers[-1].to == lab.head
        assert [turn.turn for turn in lab.turns()] == list(range(1, len(lab.turns()) + 1))


async def test_a_raw_reader_gets_every_message_that_was_missed() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.flood(5)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(450)
        attached, frames = await lab.attach(after=before)
        assert attached.recovered
        assert seqs(frames) == list(range(6, 456))


async def test_a_raw_reader_who_returns_to_paraphrase_gets_what_was_missed_from_alex() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.flood(5)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(50)
        await wait(31)
        _, frames = await lab.attach(after=before, patch=ViewPatch(mode="paraphrase"))
        assert frames == []
        await wait(1)
        (turn,) = lab.turns()
        assert turn.mode == "catch_up" and turn.covers
        assert (turn.covers.from_, turn.covers.to) == (6, 55)
        assert await lab.store.raw_ranges("lab", "ada", 0) == [(1, 5)]


async def test_a_mediated_reader_who_returns_raw_gets_the_gap_as_messages() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(5)
        await wait(10)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(5)
        _, frames = await lab.attach(after=before, patch=ViewPatch(mode="raw"))
        assert seqs(frames) == [6, 7, 8, 9, 10]
        await wait(10)
        assert [turn.covers.to for turn in lab.turns() if turn.covers][-1] == 5


async def test_too_much_for_raw_is_not_recovered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadence.alex.recovery.RAW_MISSING_MAX", 20)
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(21)
        attached, frames = await lab.attach(after=before)
        assert not attached.recovered and frames == []


@pytest.mark.parametrize("after", [After("another epoch", 3, 0), After("", 3, 0)])
async def test_another_epoch_is_not_recovered(after: After) -> None:
    async with house() as lab:
        await lab.flood(5)
        attached, frames = await lab.attach(after=after)
        assert not attached.recovered and frames == []


async def test_a_seq_beyond_the_head_is_not_recovered() -> None:
    async with house() as lab:
        attached, _ = await lab.attach(after=After(lab.epoch, 7, 0))
        assert not attached.recovered


async def test_a_stranger_with_after_starts_where_they_say_they_are() -> None:
    async with house() as lab:
        await lab.flood(30)
        await lab.attach(after=After(lab.epoch, 10))
        await wait(1)
        (turn,) = lab.turns()
        assert turn.mode == "catch_up" and turn.covers and (turn.covers.from_, turn.covers.to) == (11, 30)


async def test_joining_without_after_begins_a_new_run() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(5)
        await wait(10)
        lab.driver.detach("lab", "ada")
        await lab.flood(5)
        await lab.attach()
        await lab.say()
        await wait(10)
        turn = lab.turns()[-1]
        assert turn.covers and (turn.turn, turn.covers.from_) == (len(lab.turns()), 11)


async def test_a_second_connection_shares_the_mediator_and_is_brought_level() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(30)
        await wait(5)
        attached, frames = await lab.attach(after=After(lab.epoch, 0, 0))
        assert attached.recovered
        assert [frame for frame in frames if isinstance(frame, Turn)] == lab.turns()
        assert len(lab.driver._rooms["lab"].readers) == 1


async def test_a_view_set_by_a_second_connection_is_told_to_the_first() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.attach(patch=ViewPatch(cadence_s=9.0))
        (reply,) = [frame for frame in lab.frames() if isinstance(frame, ViewReply)]
        assert (reply.view.cadence_s, reply.set_by) == (9.0, "ada")


async def test_what_was_redacted_is_told_again() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(3)
        await lab.store.redact("lab", 2)
        lab.driver.redacted("lab", 2)
        lab.driver.detach("lab", "ada")
        _, frames = await lab.attach(after=After(lab.epoch, 3, 0))
        assert [frame.seq for frame in frames if isinstance(frame, Redacted)] == [2]


async def test_speech_that_joined_the_digest_is_not_sent_as_message_later() -> None:
    async with house() as lab:
        await lab.attach()
        for _ in range(15):
            await lab.say("word " * 20, "bob", "human")
        await wait(1)
        lab.driver.detach("lab", "ada")
        _, frames = await lab.attach(after=After(lab.epoch, 0, 0))
        assert seqs(frames) == list(range(1, 14))


async def test_speech_held_back_before_a_restart_is_told_by_alex_after_it() -> None:
    async with house() as lab:
        await lab.attach()
        for _ in range(15):
            await lab.say("word " * 20, "bob", "human")
        await wait(8)  # a turn covers what was said so far
        held_back = (await lab.say("The deploy waits for the ledger in Oslo.", "bob", "human")).seq
        assert held_back not in seqs(list(lab.frames()))
        before = lab.after()
        await lab.restart()
        await wait(31)  # by now nobody has spoken for so long that the same words would pass
        _, frames = await lab.attach(after=before)
        await wait(10)
        cited = {seq for turn in lab.turns() for segment in turn.segments for seq in segment.sources}
        assert held_back in cited and held_back not in seqs(frames)


async def test_what_is_posted_during_an_arrival_is_neither_lost_nor_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.flood(3)
        before, head = lab.after(), lab.head
        lab.driver.detach("lab", "ada")
        works = lab.store.turns

        async def slow(*args: object, **more: object) -> list[Turn]:
            await lab.say("during")
            return await works(*args, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(lab.store, "turns", slow)
        lab.told.clear()
        attached = await lab.driver.attach("lab", ADA, before, None, head)
        monkeypatch.setattr(lab.store, "turns", works)
        frames = [frame async for batch in attached.backfill for frame in batch]
        await lab.say("afterwards")
        assert seqs(frames) + seqs(list(lab.frames())) == [4, 5]


async def test_a_gap_beyond_what_is_looked_at_is_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "GAP_MESSAGES_MAX", 20)
    async with house() as lab:
        await lab.attach()
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await wait(31)
        await lab.flood(100)
        await lab.attach(after=before)
        await wait(1)
        (turn,) = lab.turns()
        assert turn.covers and (turn.covers.from_, turn.covers.to, turn.covers.messages) == (1, 100, 100)
        assert turn.segments, "the pyramid tells of what is no longer read one by one"


async def test_a_log_that_refuses_refuses_the_join_and_a_later_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    async with house() as lab:
        works = lab.store.save_reader

        async def full(*args: object) -> None:
            raise LogUnavailable("the disk is full")

        monkeypatch.setattr(lab.store, "save_reader", full)
        with pytest.raises(WireError, match="disk is full"):
            await lab.attach()
        monkeypatch.setattr(lab.store, "save_reader", works)
        await lab.attach()
        await lab.say()
        await wait(10)
        assert len(lab.turns()) == 1


async def test_a_view_in_join_is_stored_and_locked_fields_are_kept() -> None:
    async with house() as lab:
        await lab.attach()
        from tests.alex.house import HOST

        await lab.driver.set_view(HOST, ViewRequest(room="lab", participant="ada", cadence_s=20.0, lock=("cadence_s",)))
        lab.driver.detach("lab", "ada")
        attached, _ = await lab.attach(patch=ViewPatch(cadence_s=1.0, sigma=2.0))
        assert (attached.view.cadence_s, attached.view.sigma) == (20.0, 2.0)


async def test_a_join_without_after_that_failed_has_begun_no_run() -> None:
    async with house() as lab:
        await lab.attach()
        await lab.flood(5)
        await wait(10)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(5)
        lab.store.available = False
        with pytest.raises(WireError):
            await lab.attach(patch=ViewPatch(sigma=2.0))
        lab.store.available = True
        attached, _ = await lab.attach(after=before)
        await wait(10)
        assert attached.view.sigma == 1.0
        assert 6 in [turn.covers.from_ for turn in lab.turns() if turn.covers]


async def test_a_raw_range_that_ended_stays_ended_over_a_restart() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.flood(5)
        await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="paraphrase"))
        before = lab.after()
        await lab.restart()
        await lab.attach(after=before)
        await lab.say()
        await wait(10)
        assert lab.turns()[0].covers and lab.turns()[0].covers.from_ == 6


async def test_who_returned_raw_and_turns_to_paraphrase_has_had_what_was_missed() -> None:
    async with house() as lab:
        await lab.attach(patch=ViewPatch(mode="raw"))
        await lab.flood(5)
        before = lab.after()
        lab.driver.detach("lab", "ada")
        await lab.flood(5)
        await lab.attach(after=before)
        await lab.driver.set_view(ADA, ViewRequest(room="lab", mode="paraphrase"))
        await lab.say()
        await wait(10)
        assert lab.turns()[0].covers and lab.turns()[0].covers.from_ == 11
