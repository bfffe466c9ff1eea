"""Readers with pages at two nodes, real mediation at both, in virtual time."""

from __future__ import annotations

from typing import Any

from cadence.rooms.leases import State
from cadence.rooms.log.memory_node import NODE_SECONDS
from tests.rooms.house import Client, settle
from tests.rooms.town import At, town

LOOK_S = 6.0  # longer than the usual cadence
WORDS = "the harbour lights went out one after another while the tide came in"


async def mediated(at: At, name: str, **hello: Any) -> Client:
    return await at.member(name, "human", **hello)


async def chatter(ana: Client, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        assert (await ana.say(f"Number {number}: {WORDS}.", id=f"{number}"))["type"] == "said"


def of(frames: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame["type"] == type]


def covered(turns: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(turn["covers"]["from"], turn["covers"]["to"]) for turn in turns if turn["covers"] is not None]


def held(at: At, client: Client) -> bool:
    return at.placement._leases.state(("lab", client.id)) is State.HELD


async def test_a_reader_of_two_nodes_has_one_mediator_and_every_page_gets_each_turn() -> None:
    async with town(alex=True) as (_, one, two):
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


async def test_human_speech_reaches_every_page_once_and_ai_speech_none() -> None:
    async with town(alex=True) as (_, one, two):
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


async def test_who_asks_at_a_page_that_follows_is_answered_there_and_mediated_there_from_then_on() -> None:
    async with town(alex=True) as (_, one, two):
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


async def test_a_view_set_at_one_node_holds_at_the_other_and_survives_the_move() -> None:
    async with town(alex=True) as (_, one, two):
        rea = await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        reply = await rea.ask("view", room="lab", cadence_s=10)
        assert reply["view"]["cadence_s"] == 10
        await settle(0.5)
        assert of(await again.drain(), "view")[-1]["view"]["cadence_s"] == 10
        assert (await again.ask("view", room="lab"))["view"]["cadence_s"] == 10


async def test_raw_at_one_node_is_raw_at_both() -> None:
    async with town(alex=True) as (_, one, two):
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


async def test_a_page_that_follows_is_mediated_when_the_node_that_did_is_left() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await chatter(ana, 2)
        await again.ask("leave", room="lab")
        await settle(1.0)
        assert held(one, rea)
        await settle(LOOK_S)
        assert covered(of(await rea.drain(), "turn")) == [(1, 2)]


async def test_a_dead_node_s_readers_go_on_at_another_with_one_catch_up_turn() -> None:
    async with town(alex=True) as (_, one, two):
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


async def test_a_page_that_follows_a_dead_node_is_taken_over() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        again = await mediated(two, "Rea", resume=rea.session)
        await settle(0.5)
        await chatter(ana, 2)
        assert held(two, again)
        await two.die()
        await settle(NODE_SECONDS + LOOK_S + LOOK_S)
        assert held(one, rea)
        assert covered(of(await rea.drain(), "turn")) == [(1, 2)]


async def test_what_is_read_at_a_page_that_follows_counts() -> None:
    async with town(alex=True) as (_, one, two):
        ana, rea = await one.member("Ana"), await mediated(one, "Rea")
        await mediated(two, "Rea", resume=rea.session)
        await chatter(ana, 2)
        await settle(LOOK_S)
        await rea.send("read", room="lab", turn=1, dwell_s=2.0)
        await settle(0.5)
        assert two.driver._rooms["lab"].readers[rea.id].record.read_to == 2
