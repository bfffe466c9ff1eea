"""Readers with pages at two nodes, real mediation at both, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from cadence.rooms.leases import State
from cadence.rooms.log.memory_node import NODE_SECONDS
from cadence.rooms.mediation import StoreUnavailable
from tests.asgi import Closed
from tests.rooms.house import Client, settle
from tests.rooms.town import At, town

LOOK_S = 6.0  # longer than the usual cadence
WORDS = "the harbour lights went out one after another while the tide came in"


@pytest.fixture(params=[False, True], ids=["in the server", "in workers"])
def remote(request: pytest.FixtureRequest) -> bool:
    """Whether Alex works in processes of his own."""
    return bool(request.param)


async def mediated(at: At, name: str, **hello: Any) -> Client:
    return await at.member(name, "human", **hello)


async def chatter(ana: Client, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        assert (await ana.say(f"Number {number}: {WORDS}.", id=f"{number}"))["type"] == "said"


def of(frames: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame["type"] == type]


def covered(turns: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(turn["covers"]["from"], turn["covers"]["to"]) for turn in turns if turn["covers"] is not None]


def head_at(at: At) -> int:
    lab = at.hub.opened("lab")
    assert lab is not None
    return lab.head


async def deafen(at: At) -> None:
    """Let a node hear nothing of the lab any more."""
    following = at.node._tasks["follow lab"]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def held(at: At, client: Client) -> bool:
    return at.placement._leases.state(("lab", client.id)) is State.HELD


async def test_a_reader_of_two_nodes_has_one_mediator_and_every_page_gets_each_turn(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana = await one.member("Ana")
        rea = await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        assert (held(one, rea), held(two, rea)) == (False, True), "the last to come takes over"
        await chatter(ana, 3)
        await settle(LOOK_S)
        first, second = of(await rea.drain(), "turn"), of(await again.drain(), "turn")
        assert covered(first) == covered(second) == [(1, 3)]
        assert [turn["turn"] for turn in first] == [1]


async def test_human_speech_reaches_every_page_once_and_ai_speech_none(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, bob = await one.member("Ana"), await mediated(two, "Bob")
        rea = await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await bob.say("Good morning")
        await chatter(ana, 2)
        await settle(0.5)
        for page in (rea, again):
            seen = of(await page.drain(), "message")
            assert [(frame["from"]["id"], frame["seq"]) for frame in seen] == [(bob.id, 1)]


async def test_who_asks_at_a_page_that_follows_is_answered_there_and_mediated_there_from_then_on(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await chatter(ana, 2)
        await settle(LOOK_S)
        answer = await rea.ask("ask", room="lab", what="speaker", speaker=ana.id)
        assert (answer["type"], answer["mode"], answer["turn"]) == ("turn", "answer", 2)
        await settle(0.5)
        assert (held(one, rea), held(two, rea)) == (True, False)
        assert [turn["turn"] for turn in of(await again.drain(), "turn")] == [1, 2]
        await chatter(ana, 2, start=2)
        await settle(LOOK_S * 6)  # the answer took of the credit
        assert covered(of(await again.drain(), "turn")) == [(3, 4)]


async def test_a_view_set_at_one_node_holds_at_the_other_and_survives_the_move(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        rea = await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        reply = await rea.ask("view", room="lab", cadence_s=10)
        assert reply["view"]["cadence_s"] == 10
        await settle(0.5)
        assert of(await again.drain(), "view")[-1]["view"]["cadence_s"] == 10
        assert (await again.ask("view", room="lab"))["view"]["cadence_s"] == 10


async def test_raw_at_one_node_is_raw_at_both(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await again.ask("view", room="lab", mode="raw")
        await settle(0.5)
        await rea.drain()
        await chatter(ana, 3)
        await settle(0.5)
        assert [frame["seq"] for frame in of(await rea.drain(), "message")] == [1, 2, 3]
        assert [frame["seq"] for frame in of(await again.drain(), "message")] == [1, 2, 3]


async def test_a_page_that_follows_is_mediated_when_the_node_that_did_is_left(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await chatter(ana, 2)
        await again.ask("leave", room="lab")
        await settle(1.0)
        assert held(one, rea)
        await settle(LOOK_S)
        assert covered(of(await rea.drain(), "turn")) == [(1, 2)]


async def test_a_dead_node_s_readers_go_on_at_another_with_one_catch_up_turn(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(two, "Rea")
        await chatter(ana, 2)
        await settle(LOOK_S)
        [turn] = of(await rea.drain(), "turn")
        await two.die()
        await chatter(ana, 4, start=2)
        await settle(NODE_SECONDS + 35.0)
        back = await one.client(kind="human", resume=rea.session)
        assert back.id == rea.id
        joined = await back.join(after={"epoch": turn["covers"]["epoch"], "seq": 0, "turn": turn["turn"]})
        assert joined["recovered"] is True
        await settle(LOOK_S)
        turns = of(await back.drain(), "turn")
        assert [turn["mode"] for turn in turns] == ["catch_up"] and covered(turns) == [(3, 6)]
        await settle(LOOK_S)
        assert of(await back.drain(), "turn") == []


async def test_a_page_that_follows_a_dead_node_is_taken_over(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await chatter(ana, 2)
        assert held(two, again)
        await two.die()
        await settle(NODE_SECONDS + LOOK_S + LOOK_S)
        assert held(one, rea)
        assert covered(of(await rea.drain(), "turn")) == [(1, 2)]


async def test_what_is_read_at_a_page_that_follows_counts(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await mediated(two, "Rea", resume=rea.session)
        await chatter(ana, 2)
        await settle(LOOK_S)
        await rea.send("read", room="lab", turn=1, dwell_s=2.0)
        await settle(0.5)
        assert two.reader(rea.id).record.read_to == 2


async def test_in_a_crowd_pages_at_two_nodes_get_human_speech_once_and_at_once(remote: bool) -> None:
    """Who follows lets it through as it comes, so who mediates must not put it off (protocol rule 2's bound)."""
    async with town(alex=True, remote=remote) as (_, one, two):
        bob, rea = await mediated(two, "Bob"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        for number in range(30):  # 390 words within a minute: more than a reader at the usual pace is sent at once
            assert (await bob.say(f"{WORDS}", id=f"{number}"))["type"] == "said"
            await settle(0.5)
        await settle(LOOK_S)
        for page in (rea, again):
            frames = await page.drain()
            assert [frame["seq"] for frame in of(frames, "message")] == list(range(1, 31))
            assert of(frames, "turn") == []


async def test_a_node_that_lags_hears_what_a_reader_s_turns_cover_before_it_mediates_them(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await deafen(two)
        await chatter(ana, 4)
        await settle(LOOK_S)
        [turn] = of(await rea.drain(), "turn")
        assert head_at(two) == 0
        page = await two.client(kind="human", resume=rea.session)
        joined = await page.join(after={"epoch": turn["covers"]["epoch"], "seq": 0, "turn": 1})
        assert joined["recovered"] is True and head_at(two) == 4
        await chatter(ana, 1, start=4)
        two.node._spawn("follow lab", lambda: two.node._follow("lab"))
        await settle(LOOK_S * 2)
        frames = await page.drain()
        assert of(frames, "message") == [] and covered(of(frames, "turn")) == [(5, 5)]


async def test_who_comes_from_a_node_that_is_ahead_need_not_load_the_room_anew(remote: bool) -> None:
    async with town(remote=remote) as (_, one, two):
        ana, ear = await one.member("Ana"), await one.member("Ear")
        await deafen(two)
        await chatter(ana, 3)
        seen = of(await ear.drain(), "message")
        assert head_at(two) == 0
        back = await two.client(resume=ear.session)
        joined = await back.join(after={"epoch": seen[-1]["epoch"], "seq": 3})
        assert (joined["recovered"], joined["head"]) == (True, 3)


async def test_a_slower_pace_set_at_the_last_node_is_no_debt_of_the_time_before(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (shared, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await rea.ask("view", room="lab", pace_wpm=1000)
        for number in range(60):
            await ana.say(" ".join(f"word{number}x{place}" for place in range(12)), id=f"{number}")
            await settle(0.5)
        there = one.reader(rea.id).mediator
        assert there is not None and there.balance(shared.clock())[1] > 3
        await rea.ask("view", room="lab", pace_wpm=60)
        before = there.balance(shared.clock())[0]
        again = await mediated(two, "Rea", resume=rea.session)
        here = two.reader(again.id).mediator
        assert here is not None and here.balance(shared.clock())[0] == pytest.approx(min(before, 40.0), abs=1.0)


async def test_a_page_that_joins_where_it_is_not_known_yet_that_the_reader_has_moved_is_mediated_there(
    remote: bool,
) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await deafen(one)
        await mediated(two, "Rea", resume=rea.session)
        assert held(one, rea) and held(two, rea)
        page = await one.client(kind="human", resume=rea.session)
        assert (await page.join())["type"] == "joined"
        one.node._spawn("follow lab", lambda: one.node._follow("lab"))
        await settle(0.5)
        assert (held(one, rea), held(two, rea)) == (True, False)
        await chatter(ana, 2)
        await settle(LOOK_S)
        for client in (rea, page):
            assert covered(of(await client.drain(), "turn")) == [(1, 2)]


async def test_who_has_lost_a_reader_in_what_is_no_longer_in_the_feed_learns_of_it_all_the_same(remote: bool) -> None:
    """A redaction empties the feed: else the pages here would lack the turns that another node told meanwhile."""
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await two.member("Ana"), await mediated(one, "Rea")
        await deafen(one)
        await mediated(two, "Rea", resume=rea.session)
        await chatter(ana, 2)
        await settle(LOOK_S)
        await ana.send("redact", room="lab", seq=2)
        await settle(0.5)
        assert held(one, rea) and held(two, rea) and of(await rea.drain(), "turn") == []
        one.node._spawn("follow lab", lambda: one.node._follow("lab"))
        await settle(2.0)
        assert not held(one, rea)
        with pytest.raises(Closed):  # it resumes, and is sent them
            await rea.until("turn")


async def test_who_leaves_raw_at_one_node_while_the_other_hears_nothing_lacks_nothing_there() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await again.ask("view", room="lab", mode="raw")
        await settle(0.5)
        await deafen(two)
        await chatter(ana, 1)
        await rea.ask("ask", room="lab", what="speaker", speaker=ana.id)  # from here on it is mediated at the other
        await chatter(ana, 1, start=1)
        await rea.ask("view", room="lab", mode="paraphrase")
        await chatter(ana, 1, start=2)
        two.node._spawn("follow lab", lambda: two.node._follow("lab"))
        await settle(LOOK_S * 7)  # the answer took of the credit, and then a repeat is only counted
        frames = await again.drain()
        assert [frame["seq"] for frame in of(frames, "message")] == [1, 2]
        assert covered(of(frames, "turn")) == [(3, 3)]


async def test_what_a_node_hears_that_was_thought_dead_comes_to_those_who_follow_only_once() -> None:
    """In a crowd it joins the digest, as whoever mediates knows of no other page."""
    async with town(alex=True) as (_, one, two):
        bob, rea = await mediated(one, "Bob"), await mediated(two, "Rea")
        await mediated(one, "Rea", resume=rea.session)
        await settle(0.5)
        two.way.connected = False
        await settle(NODE_SECONDS + LOOK_S)
        for number in range(30):  # 390 words within a minute
            assert (await bob.say(WORDS, id=f"{number}"))["type"] == "said"
            await settle(0.5)
        two.way.connected = True
        seen: list[dict[str, Any]] = []
        with pytest.raises(Closed):
            while True:
                seen.append(await asyncio.wait_for(rea.receive(), LOOK_S))
        told = [frame["seq"] for frame in of(seen, "message")]
        back = await two.client(kind="human", resume=rea.session)
        await back.join(after={"epoch": "epoch-1", "seq": max(told, default=0), "turn": 0})
        await settle(LOOK_S * 40)
        frames = await back.drain()
        told += [frame["seq"] for frame in of(frames, "message")]
        shown = {seq for turn in of(frames, "turn") for segment in turn["segments"] for seq in segment["sources"]}
        assert shown and shown.isdisjoint(told) and told == sorted(set(told))


async def test_a_page_that_comes_first_to_another_node_begins_no_new_run() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await settle(0.5)
        await chatter(ana, 3)
        again = await mediated(two, "Rea", resume=rea.session)
        await chatter(ana, 1, start=3)
        await settle(LOOK_S * 3)
        for page in (rea, again):
            turns = of(await page.drain(), "turn")
            assert [turn["covers"]["from"] for turn in turns][0] == 1 and turns[-1]["covers"]["to"] == 4


async def test_a_mode_that_a_page_brings_along_is_that_of_pages_elsewhere_too() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await settle(0.5)
        page = await two.client(kind="human", resume=rea.session)
        await page.join(view={"mode": "raw"})
        await chatter(ana, 3)
        await settle(0.5)
        frames = await rea.drain()
        assert of(frames, "view")[-1]["view"]["mode"] == "raw"
        assert [frame["seq"] for frame in of(frames, "message")] == [1, 2, 3]


async def test_pages_that_come_at_once_are_counted_once() -> None:
    async with town(alex=True) as (_, one, two):
        rea = await mediated(two, "Rea")
        pages = [await one.client(kind="human", resume=rea.session) for _ in range(3)]
        for page in pages:
            await page.send("join", room="lab")
        await settle(0.5)
        there = one.driver._rooms["lab"].readers[rea.id]
        assert there.connections == 3
        for page in pages:
            await page.ask("leave", room="lab")
        await settle(0.5)
        assert there.connections == 0 and held(two, rea)


async def test_pages_that_could_not_be_brought_level_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        attach = one.driver.attach

        async def broken(*args: Any) -> Any:
            monkeypatch.setattr(one.driver, "attach", attach)
            raise StoreUnavailable("the connection broke")

        monkeypatch.setattr(one.driver, "attach", broken)
        await rea.send("view", room="lab", cadence_s=10)
        with pytest.raises(Closed):
            await asyncio.wait_for(rea.until("turn"), LOOK_S)
        await settle(5.0)
        back = await one.client(kind="human", resume=rea.session)
        await back.join(after={"epoch": "epoch-1", "seq": 0, "turn": 0})
        await chatter(ana, 2)
        await settle(LOOK_S)
        for page in (back, again):
            assert covered(of(await page.drain(), "turn")) == [(1, 2)]


async def rest(page: Client, at: At) -> list[dict[str, Any]]:
    """All frames that a page gets, coming back to `at` if it is asked to."""
    frames: list[dict[str, Any]] = []
    try:
        while page.channel.pending():
            frames.append(await page.receive())
    except Closed:
        back = await at.client(kind="human", resume=page.session)
        seq = max((frame["seq"] for frame in of(frames, "message")), default=0)
        turn = max((frame["turn"] for frame in of(frames, "turn")), default=0)
        await back.join(after={"epoch": "epoch-1", "seq": seq, "turn": turn})
        await settle(LOOK_S * 2)
        frames += await back.drain()
    return frames


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.01, 0.02, 0.04])
async def test_human_words_on_their_way_when_another_node_takes_over_reach_each_page_once(
    remote: bool, after_s: float
) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        bob, rea = await mediated(one, "Bob"), await mediated(one, "Rea")
        await settle(0.5)
        await bob.say("Good morning")
        await settle(after_s)
        again = await two.client(kind="human", resume=rea.session)
        await again.join(after={"epoch": "epoch-1", "seq": 0, "turn": 0})
        await settle(LOOK_S)
        for page, at in ((rea, one), (again, two)):
            assert [frame["seq"] for frame in of(await rest(page, at), "message")] == [1]


async def test_a_page_that_nobody_can_mediate_here_just_now_comes_back_and_lacks_nothing() -> None:
    with capture_logs() as logged:
        async with town(alex=True, remote=True) as (_, one, two):
            ana, rea = await one.member("Ana"), await mediated(one, "Rea")
            again = await mediated(two, "Rea", resume=rea.session)
            await settle(0.5)
            await chatter(ana, 3)
            assert one.neighbours is not None
            for worker in list(one.neighbours.living.values()):
                worker.kill()
            await again.ask("leave", room="lab")
            await settle(2.0)
            assert covered(of(await rest(rea, one), "turn")) == [(1, 3)]
            assert held(one, rea)
    assert not [entry for entry in logged if entry["log_level"] == "error" and "died" not in entry["event"]]


async def test_a_worker_s_death_takes_no_reader_from_another_node() -> None:
    with capture_logs():
        async with town(alex=True, remote=True) as (_, one, two):
            ana, rea = await one.member("Ana"), await mediated(one, "Rea")
            again = await mediated(two, "Rea", resume=rea.session)
            await settle(0.5)
            assert two.neighbours is not None
            await chatter(ana, 2)
            for worker in list(two.neighbours.living.values()):
                worker.kill()
            await settle(0.2)
            with pytest.raises(Closed):
                await again.until("turn")
            await settle(LOOK_S * 2)
            assert held(one, rea) and covered(of(await rea.drain(), "turn")) == [(1, 2)]


async def test_what_is_said_while_a_page_is_taken_over_comes_to_it_in_order(remote: bool) -> None:
    async with town(alex=True, remote=remote) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await again.ask("view", room="lab", mode="raw")
        await settle(0.5)
        await again.send("leave", room="lab")
        for number in range(60):
            await ana.say(f"Number {number}", id=f"{number}")
            await settle(0.005)
        await settle(1.0)
        assert held(one, rea)
        assert [frame["seq"] for frame in of(await rea.drain(), "message")] == list(range(1, 61))
