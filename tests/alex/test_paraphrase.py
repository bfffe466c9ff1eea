from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from cadence.alex.paraphrase import CALLS_AT_ONCE_MAX, Narrator, judged, salvaged
from cadence.alex.scripted_narrator import retell_plainly
from cadence.counts import MediationCounts
from cadence.lod.pyramid import SLOT_SECONDS
from cadence.models.chat import Call, ModelError
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.rooms.wire import Ask, Segment, Turn, ViewPatch
from tests.alex.grounds import ground, source
from tests.alex.house import ADA, BOB, HOST, House, house, wait
from tests.alex.talk import line
from tests.clock import VirtualLoop

T = TypeVar("T")
Script = Callable[[Call], str | Scripted]


def narrated(opened: House, script: Script = retell_plainly, **more: float) -> ScriptedModel:
    model = ScriptedModel(script, name="tiny", **more)  # type: ignore[arg-type]
    opened.driver.narrate(Narrator(model, "You are Alex.", {"a": "she/her"}))
    return model


def retold(turns: list[Turn]) -> list[Segment]:
    return [segment for turn in turns for segment in turn.segments if segment.kind == "paraphrase"]


def plain(turns: list[Turn]) -> list[object]:
    return [(turn.turn, turn.at, turn.by, turn.words, turn.segments) for turn in turns]


def in_a_world_of_its_own(run: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine for which time begins at 0, so that two runs can be compared."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(run)
    finally:
        loop.close()


async def talk(opened: House, seconds: int = 30) -> list[Turn]:
    await opened.flood(2 * seconds, 0.5)
    await wait(15)
    return opened.turns()


async def test_prose_is_shown_with_its_speaker_and_sources_and_the_model_is_named() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach()
        turns = await talk(opened)
        segments = retold(turns)
        assert segments and {turn.by for turn in turns} == {"tiny", "embedded"}
        for segment in segments:
            authors = {(await opened.store.messages_at("lab", [seq]))[0].from_.id for seq in segment.sources}
            assert authors == set(segment.speakers) and segment.text.startswith(f"{segment.speakers[0].title()} says ")
        assert model.calls[0].messages[0].text.startswith("You are Alex.")
        assert opened.driver.counts.told_by_model == sum(turn.by == "tiny" for turn in turns)


async def test_nothing_is_told_twice_in_whatever_words() -> None:
    async with house() as opened:
        narrated(opened)
        await opened.attach()
        turns = await talk(opened, 60)
        cited = [seq for turn in turns for segment in turn.segments for seq in segment.sources]
        assert len(cited) == len(set(cited))


async def test_a_turn_of_prose_keeps_to_the_budget() -> None:
    async with house() as opened:
        narrated(opened)
        await opened.attach()
        turns = await talk(opened, 60)
        rate = 238 / 60 * 0.7
        assert sum(turn.words for turn in turns) <= 40 + rate * 80 + 40
        assert all(turn.words == sum(len(s.text.split()) for s in turn.segments) for turn in turns if turn.by == "tiny")


async def test_a_node_is_asked_for_once_whoever_reads_and_never_while_all_fits() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach()
        await opened.say()
        await wait(2 * SLOT_SECONDS)
        assert model.calls == []
        await opened.attach(BOB)
        await opened.attach(HOST)
        await talk(opened)
        prompts = [call.messages[1].text.partition("To be told:")[2] for call in model.calls]
        assert prompts and len(prompts) == len(set(prompts))


async def test_readers_of_another_pace_need_another_rung() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach()
        await opened.attach(BOB, patch=ViewPatch(pace_wpm=600.0))
        await talk(opened)
        limits = {call.messages[1].text.rpartition("at most ")[2].split()[0] for call in model.calls}
        assert limits == {"12", "24"}


async def test_in_modes_paced_and_raw_nobody_asks() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach(patch=ViewPatch(mode="paced"))
        await opened.attach(BOB, patch=ViewPatch(mode="raw"))
        await talk(opened)
        assert model.calls == []


def dies(call: Call) -> Scripted:
    return Scripted('{"segm', error=ModelError("unreachable", "it broke off"))


def raises(call: Call) -> str:
    raise RuntimeError("a broken adapter")


def lies(call: Call) -> str:
    return retell_plainly(call).replace(" says ", " admits 99 times that ")


FAILURES: list[Script] = [
    lambda call: Scripted(delay_s=math.inf),
    lambda call: Scripted(retell_plainly(call), delay_s=2.6),
    lambda call: "Sure! Everybody agreed.",
    lambda call: retell_plainly(call)[:-1],
    dies,
    raises,
    lies,
]


@pytest.mark.parametrize("script", FAILURES, ids=["hangs", "late", "rubbish", "broken JSON", "dies", "raises", "lies"])
def test_a_model_that_fails_changes_no_turn_by_one_byte(script: Script) -> None:
    async def run(given: Script | None) -> tuple[list[object], MediationCounts]:
        async with house() as opened:
            if given is not None:
                narrated(opened, given)
            await opened.attach()
            return plain(await talk(opened)), opened.driver.counts

    (expected, nothing), (turns, found) = in_a_world_of_its_own(run(None)), in_a_world_of_its_own(run(script))
    assert turns == expected and nothing.prose.asked == nothing.fell_back == 0
    counts = found.prose
    assert counts.held == 0 and counts.late + counts.failed + counts.refused == counts.asked > 0
    assert found.told_by_model == 0 < found.fell_back <= found.turns
    assert bool(counts.faults) == bool(counts.refused)


async def test_each_rule_that_an_answer_breaks_is_counted_once() -> None:
    async with house() as opened:
        narrated(opened, lies)
        await opened.attach()
        await talk(opened)
        counts = opened.driver.counts.prose
        assert counts.faults["numbers"] == counts.calls == 2 * counts.refused


async def test_a_second_attempt_is_told_the_reason_and_may_hold() -> None:
    def mends(call: Call) -> str:
        first = len(call.messages) == 2
        return lies(call) if first else retell_plainly(call)

    async with house() as opened:
        model = narrated(opened, mends)
        await opened.attach()
        assert retold(await talk(opened))
        counts = opened.driver.counts.prose
        assert counts.held == counts.retried == counts.asked and counts.calls == 2 * counts.asked
        assert "99" in model.calls[1].messages[3].text


def test_no_other_reader_sees_by_one_byte_what_a_model_does() -> None:
    async def run(given: Script | None) -> list[object]:
        async with house() as opened:
            if given is not None:
                narrated(opened, given)
            await opened.attach()
            await opened.attach(BOB, patch=ViewPatch(mode="paced"))
            await talk(opened)
            return plain(opened.turns("bob"))

    expected = in_a_world_of_its_own(run(None))
    assert expected and in_a_world_of_its_own(run(retell_plainly)) == expected


async def test_what_is_taken_back_while_a_model_writes_is_in_no_prose() -> None:
    async with house() as opened:
        narrated(opened, lambda call: Scripted(retell_plainly(call), delay_s=2.0))
        await opened.attach()
        await opened.flood(12, 0.4)
        await wait(SLOT_SECONDS - 12 * 0.4 + 0.5)  # the slot is over, the model writes
        gone = opened.head - 11
        await opened.store.redact("lab", gone)
        opened.driver.redacted("lab", gone)
        await wait(20)
        written = opened.driver._rooms["lab"].transcript.written
        assert all(gone not in trace.seqs for trace in written.traces(1, opened.head))


async def test_no_more_calls_than_allowed_are_under_way() -> None:
    async with house() as opened:
        model = narrated(opened, lambda call: Scripted(delay_s=math.inf))
        await opened.attach(patch=ViewPatch(cadence_s=30.0, pace_wpm=60.0))
        for number in range(60 * (CALLS_AT_ONCE_MAX + 4)):
            await opened.say(line(number))
        await wait(1)
        counts = opened.driver.counts.prose
        assert len(model.calls) == CALLS_AT_ONCE_MAX and counts.crowded > 0


async def test_a_narrator_that_leaves_while_a_slot_ends_leaves_nothing_behind() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach()
        await opened.flood(12, 0.1)
        opened.driver.narrate(None)
        await wait(2 * SLOT_SECONDS)
        assert model.calls == [] and retold(opened.turns()) == []


async def test_without_a_narrator_from_now_on_all_is_quoted() -> None:
    async with house() as opened:
        model = narrated(opened)
        await opened.attach()
        await talk(opened)
        asked = len(model.calls)
        opened.driver.narrate(None)
        await talk(opened)
        assert len(model.calls) == asked


async def test_an_answer_is_told_by_the_model_or_quoted() -> None:
    delivered: list[Turn] = []
    async with house() as opened:
        await opened.attach()
        await opened.flood(20, 0.1)
        narrated(opened)
        await opened.driver.ask(ADA, Ask(room="lab", what="room", since=0), delivered.append)
        narrated(opened, lambda call: Scripted(delay_s=math.inf))
        await opened.driver.ask(ADA, Ask(room="lab", what="room", since=0), delivered.append)
    told, quoted = delivered
    assert told.by == "tiny" and {segment.kind for segment in told.segments} == {"answer"}
    assert all(" says " in segment.text for segment in told.segments) and told.words <= 120
    assert quoted.by == "embedded" and all(": The " in segment.text for segment in quoted.segments)


async def test_what_is_taken_back_while_a_model_answers_is_in_no_answer() -> None:
    delivered: list[Turn] = []
    async with house() as opened:
        await opened.attach()
        await opened.flood(6, 0.1)
        narrated(opened, lambda call: Scripted(retell_plainly(call), delay_s=2.0))
        request = Ask(room="lab", what="room", since=0)
        asking = asyncio.get_running_loop().create_task(opened.driver.ask(ADA, request, delivered.append))
        await wait(1)
        await opened.store.redact("lab", 3)
        opened.driver.redacted("lab", 3)
        await asking
    (turn,) = delivered
    assert turn.by == "embedded" and turn.segments
    assert all(3 not in segment.sources for segment in turn.segments)


def test_of_a_second_answer_with_faults_what_holds_by_itself_is_kept() -> None:
    given = ground(source(), source("The log is flushed every minute.", "pell", 2), words_max=12)
    good = {"speaker": "pell", "sources": [2], "text": "Pell says the log is flushed every minute."}
    bad = {"speaker": "vera", "sources": [1], "text": "Vera says the cache loses 50 writes."}
    claims, verdict = judged(json.dumps({"segments": [bad, good, good]}), given)
    assert not verdict.held
    assert [claim.text for claim in salvaged(claims, verdict, given)] == [good["text"]]
    claims, verdict = judged(json.dumps({"segments": [bad]}), given)
    assert salvaged(claims, verdict, given) == ()
    assert judged("no JSON", given)[0] == ()
