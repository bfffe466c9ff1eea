from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cadence.alex.composing import CATCH_UP_WORDS
from cadence.rooms.wire import Ask, Read, Turn, ViewPatch, WireError, to_iso
from tests.alex.house import ADA, BOB, House, house, wait
from tests.alex.talk import line
from tests.clock import VirtualLoop

PASS = "The reactor was shut down because a valve froze."


async def ask(opened: House, what: Any, **fields: Any) -> Turn:
    """The turn that answers Ada."""
    delivered: list[Turn] = []
    await opened.driver.ask(ADA, Ask(room="lab", what=what, **fields), delivered.append)
    assert len(delivered) == 1
    return delivered[0]


def cited(turn: Turn) -> set[int]:
    return {seq for segment in turn.segments for seq in segment.sources}


async def test_an_answer_covers_nothing_and_takes_the_next_number() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(10, 0.01)
        turn = await ask(opened, "room", since=0)
        assert (turn.mode, turn.covers, turn.by) == ("answer", None, "embedded")
        assert turn.turn == 1 and turn.segments and 0 < turn.words <= 120
        assert await opened.store.turns("lab", "ada", limit=10) == [turn]
        await wait(60)
        first = opened.turns()[0]  # what was delivered is not told again
        assert first.turn == 2 and first.covers is not None and first.covers.from_ == 1


async def test_a_question_is_answered_with_quotes_and_their_sources() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(300)
        said = await opened.say(PASS, "otto")
        await opened.flood(300)
        turn = await ask(opened, "question", text="Why was the reactor shut down?", words=40)
        assert turn.words <= 40 and said.seq in cited(turn)
        answer = next(segment for segment in turn.segments if said.seq in segment.sources)
        assert (answer.kind, answer.speakers, answer.text) == ("answer", ("otto",), f"Otto: {PASS}")


async def test_a_question_finds_what_was_said_before_all_that_is_kept_at_hand() -> None:
    async with house() as opened:
        await opened.attach()
        said = await opened.say(PASS, "otto")
        await opened.flood(200)
        await opened.restart()
        await opened.attach()
        for seq in list(opened.driver._rooms["lab"].transcript._entries):
            if seq < 150:
                del opened.driver._rooms["lab"].transcript._entries[seq]
        assert said.seq in cited(await ask(opened, "question", text="the reactor and its valve"))


async def test_nothing_found_is_an_empty_turn() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(5)
        for fields in ({"what": "question", "text": "zeppelin"}, {"what": "speaker", "speaker": "nobody"}):
            turn = await ask(opened, **fields)
            assert (turn.segments, turn.words, turn.covers) == ((), 0, None)
        assert (await ask(opened, "room", since=5)).segments == ()


async def test_a_speaker_is_heard_alone() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(200)
        turn = await ask(opened, "speaker", speaker="b")
        assert {speaker for segment in turn.segments for speaker in segment.speakers} == {"b"}


async def test_a_catch_up_begins_where_the_reader_said_to_have_read() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(60)
        opened.driver.read("ada", Read(room="lab", seq=40))
        turn = await ask(opened, "catch_up")
        assert cited(turn) and min(cited(turn)) > 40
        assert {segment.kind for segment in turn.segments} == {"catch_up"}
        await wait(6)
        shown = next(one for one in reversed(opened.turns()) if one.covers)
        opened.driver.read("ada", Read(room="lab", turn=shown.turn))
        assert (await ask(opened, "catch_up")).segments == ()
        opened.driver.detach("lab", "ada")
        await wait(1)
        record = await opened.store.reader("lab", "ada")
        assert record is not None and record.read_to == 60


async def test_since_may_be_a_time() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(50)
        middle = opened.clock()
        await wait(1)
        await opened.flood(50)
        assert min(cited(await ask(opened, "room", since=to_iso(middle)))) > 50
        assert min(cited(await ask(opened, "room", since=to_iso(middle - 1_000)))) <= 50
        assert (await ask(opened, "room", since="2999-01-01T00:00:00.000Z")).segments == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"what": "room", "since": "yesterday"}, "since"),
        ({"what": "room", "since": "2026-01-01T00:00:00"}, "since"),
        ({"what": "question"}, "text"),
        ({"what": "question", "text": "  "}, "text"),
        ({"what": "speaker"}, "speaker"),
    ],
)
async def test_what_is_missing_is_named(fields: dict[str, Any], field: str) -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(3)
        with pytest.raises(WireError) as caught:
            await ask(opened, **fields)
        assert (caught.value.code, caught.value.field) == ("bad_field", field)
        assert await opened.store.turns("lab", "ada", limit=10) == []


async def test_an_answer_is_not_charged_but_uses_up_what_was_saved() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(40, 0.01)
        mediator = opened.driver._rooms["lab"].readers["ada"].mediator
        assert mediator is not None and mediator._bucket.credit > 30
        await ask(opened, "room", since=0, words=10)
        assert mediator._bucket.credit == 0.0
        mediator._bucket.spend(25.0)
        await ask(opened, "room", since=0, words=400)
        assert mediator._bucket.credit == -25.0


async def test_what_an_answer_shows_is_not_said_again_in_a_digest() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(30)
        answer = await ask(opened, "room", since=0)
        await opened.flood(200)
        later = [turn for turn in opened.turns() if turn.turn > answer.turn]
        assert len(later) > 2
        told = " ".join(segment.text for turn in later for segment in turn.segments)
        for segment in answer.segments:
            assert segment.text.partition(": ")[2] not in told


async def test_what_is_redacted_is_in_no_answer() -> None:
    async with house() as opened:
        await opened.attach()
        said = await opened.say(PASS, "otto")
        await opened.flood(40)
        await opened.store.redact("lab", said.seq)
        opened.driver.redacted("lab", said.seq)
        for fields in ({"what": "question", "text": "reactor valve"}, {"what": "speaker", "speaker": "otto"}):
            assert (await ask(opened, **fields)).segments == ()
        assert said.seq not in cited(await ask(opened, "room", since=0, words=400))


async def test_a_reader_of_the_raw_stream_is_answered_too() -> None:
    async with house() as opened:
        await opened.attach(patch=ViewPatch(mode="raw"))
        await opened.flood(40)
        assert (await ask(opened, "room", since=0)).segments


async def test_who_is_not_there_is_told_to_ask_again() -> None:
    async with house() as opened:
        with pytest.raises(WireError) as caught:
            await ask(opened, "room")
        assert caught.value.code == "unavailable"


def test_one_readers_question_changes_nothing_for_another() -> None:
    async def lived(asking: bool) -> list[Any]:
        async with house() as opened:
            await opened.attach()
            await opened.attach(BOB)
            for _ in range(4):
                await opened.flood(30)
                if asking:
                    await ask(opened, "question", text="who moved where")
                    await ask(opened, "catch_up", since=0)
            return [(one.turn, one.at, one.words, one.segments) for one in opened.turns("bob")]

    lives: list[list[Any]] = []
    for asking in (True, False):
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            lives.append(runner.run(lived(asking)))
    assert lives[0] == lives[1] and lives[0]


async def test_who_comes_back_after_long_is_told_of_all_they_missed() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.flood(5)
        await wait(6)
        after = opened.after()
        opened.driver.detach("lab", "ada")
        await wait(40)
        early = await opened.say(PASS, "otto")
        for number in range(400):
            await opened.say(line(10_000 + number), "abc"[number % 3])
            await wait(5.0)
        await opened.attach(after=after)
        await wait(0.1)
        turn = opened.turns()[-1]
        assert turn.mode == "catch_up" and turn.covers is not None and turn.covers.messages == 401
        assert 60 < turn.words <= CATCH_UP_WORDS
        assert min(cited(turn)) < early.seq + 100 and max(cited(turn)) > early.seq + 300


async def test_an_objection_to_what_is_told_comes_along() -> None:
    async with house() as opened:
        await opened.attach()
        said = await opened.say("We trade the quorum for latency in every region of the world.", "vera")
        objection = await opened.say("No, that breaks the ledger.", "otto", reply_to=said.seq)
        await opened.flood(100)
        turn = await ask(opened, "question", text="quorum latency region")
        if said.seq in cited(turn):
            assert objection.seq in cited(turn)
