"""Two nodes as those meet them who sit at one and hear the other, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.alex.turns import made_turn
from cadence.rooms.log.memory_node import NODE_SECONDS
from cadence.rooms.shared import BEAT_SECONDS, Leased
from cadence.rooms.wire import Segment, Typing
from tests.asgi import Closed
from tests.rooms.house import HOST_TOKEN, Client, settle
from tests.rooms.log.places import draft, segment, turn
from tests.rooms.town import At, town

SOON_S = 0.2  # all that is told has arrived, and nothing that is only found by looking
LATER_S = 8.0


async def frames(client: Client, type: str, seconds: float = SOON_S) -> list[dict[str, Any]]:
    await settle(seconds)
    return [frame for frame in await client.drain() if frame["type"] == type]


async def test_what_is_said_at_one_node_is_heard_at_all_in_the_same_order() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        listeners = [await node.member(f"Ear {n}") for n, node in enumerate((one, one, two, two))]
        for number in range(10):
            await (ana if number % 3 else bo).say(f"text {number}")
        heard = [[(f["seq"], f["text"]) for f in await frames(client, "message")] for client in listeners]
        assert heard[0] == [(n + 1, f"text {n}") for n in range(10)]
        assert heard == [heard[0]] * 4


async def test_who_speaks_gets_said_before_the_message_whoever_brings_it_first() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        for number in range(30):
            for client in (ana, bo):
                await client.send("say", room="lab", id=f"{number}", text="word", ref=f"{number}")
        for client in (ana, bo):
            await settle(SOON_S)
            seen = [frame for frame in await client.drain() if frame["type"] in ("said", "message")]
            own = [(f["type"], f["seq"]) for f in seen if f["type"] == "said" or f["from"]["id"] == client.id]
            assert [kind for kind, _ in own] == ["said", "message"] * 30
            assert [seq for _, seq in own[::2]] == [seq for _, seq in own[1::2]]
            assert [f["seq"] for f in seen if f["type"] == "message"] == list(range(1, 61))


async def test_everybody_at_any_node_is_a_member_and_may_be_mentioned() -> None:
    async with town() as (_, one, two):
        ana = await one.member("Ana")
        bo = await two.member("Bo")
        joined = await (await one.client("Cy")).join()
        await settle(2.0)
        assert {member["name"] for frame in await frames(ana, "presence") for member in frame.get("joined", ())} >= {
            "Bo"
        }
        await ana.say("hello @Bo")
        assert (await bo.until("message"))["mentions"] == [bo.id]
        assert joined["member_count"] >= 2
        await bo.ask("leave", room="lab")
        assert [frame["left"] for frame in await frames(ana, "presence", 2.0)] == [[bo.id]]


async def test_a_node_that_falls_silent_takes_its_members_with_it() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        await frames(ana, "presence", 2.0)
        two.way.connected = False
        left = [user for frame in await frames(ana, "presence", NODE_SECONDS + BEAT_SECONDS) for user in frame["left"]]
        assert left == [bo.id]
        two.way.connected = True
        back = await frames(ana, "presence", LATER_S)
        assert [member["id"] for frame in back for member in frame.get("joined", ())] == [bo.id]


async def test_who_is_muted_kicked_or_banned_at_one_node_is_so_at_all() -> None:
    async with town() as (_, one, two):
        host, eve = await one.member("Grace", "human", token=HOST_TOKEN), await two.member("Eve")
        await settle(SOON_S)
        assert (await host.ask("mute", room="lab", participant=eve.id))["type"] == "ok"
        await settle(SOON_S)
        assert (await eve.say("may I?"))["code"] == "forbidden"
        cy = await two.member("Cy")
        await settle(SOON_S)
        assert (await host.ask("ban", room="lab", participant=cy.id))["type"] == "ok"
        with pytest.raises(Closed) as caught:
            while True:
                await cy.receive()
        assert caught.value.code == 4011


async def test_what_is_redacted_at_one_node_is_gone_at_all_and_told_once() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        await ana.say("secret")
        reply = await ana.ask("redact", room="lab", seq=1)
        assert (reply["type"], reply["by"]) == ("redacted", ana.id)
        assert [frame["seq"] for frame in await frames(bo, "redacted")] == [1]
        assert await frames(ana, "redacted") == []


async def test_what_is_erased_at_one_node_is_gone_at_all_and_told_once() -> None:
    async with town(alex=True) as (_, one, two):
        ana, bo, cy = await one.member("Ana"), await two.member("Bo"), await one.member("Cy")
        for number in range(4):
            await ana.say(f"secret {number}", id=str(number))
        await frames(bo, "message")
        await frames(cy, "message")
        assert await one.hub.erase("lab", range(1, 4), "host") == 3
        assert await one.hub.erase("lab", [2, 3], "host") == 0
        assert [(frame["seq"], frame["by"]) for frame in await frames(cy, "redacted")] == [
            (1, "host"),
            (2, "host"),
            (3, "host"),
        ]
        assert [frame["seq"] for frame in await frames(bo, "redacted")] == [1, 2, 3]
        for at in (one, two):
            assert not at.hub.opened("lab").erasing  # type: ignore[union-attr]
            transcript = at.driver._rooms["lab"].transcript
            assert not any(
                entry is not None and "secret" in entry.message.text for entry in map(transcript.entry, (1, 2, 3))
            )


async def test_however_old_what_was_erased_meanwhile_is_told_when_the_way_is_back() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        await ana.say("secret", id="first")
        for number in range(1_010):  # more than is replayed
            await one.log.append(draft("x", str(number), room="lab"))
        await settle(LATER_S)
        await bo.drain()
        two.way.connected = False
        await one.hub.erase("lab", [1], "host")
        await one.hub.erase("lab", [2], "host")
        two.way.connected = True
        await settle(LATER_S)
        assert [frame["seq"] for frame in await bo.drain() if frame["type"] == "redacted"] == [1, 2]


async def test_typing_is_seen_at_other_nodes() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        await ana.send("typing", room="lab")
        assert [frame["participant"] for frame in await frames(bo, "typing")] == [ana.id]
        assert await frames(ana, "typing") == []


async def test_a_frame_for_a_user_reaches_their_connections_at_other_nodes() -> None:
    async with town() as (_, one, two):
        ana = await one.member("Ana")
        again = await two.client(resume=ana.session)
        assert again.id == ana.id, "a session may be resumed at another node"
        await again.join()
        await settle(SOON_S)
        one.hub.tell("lab", ana.id, Typing(room="lab", participant="somebody"))
        for client in (ana, again):
            assert [frame["participant"] for frame in await frames(client, "typing")] == ["somebody"]


async def test_a_turn_told_after_what_it_cites_was_redacted_comes_without_it() -> None:
    async with town() as (_, one, two):
        ana = await one.member("Ana")
        rea = await two.member("Rea", "human")
        for text in ("a secret", "a word"):
            await ana.say(text)
        await ana.send("redact", room="lab", seq=1)
        await settle(SOON_S)
        one.node.tell("lab", rea.id, turn(1, segment("a secret", 1), segment("a word", 2), to=2, room="lab"))
        [told] = await frames(rea, "turn")
        assert [one["text"] for one in told["segments"]] == ["", "a word"]


async def test_a_name_is_unique_among_all_nodes() -> None:
    async with town() as (_, one, two):
        await one.member("Ana")
        channel = await two.open()
        await channel.send({"type": "hello", "kind": "agent", "name": "ana"})
        assert (await channel.receive())["code"] == "conflict"
        await channel.send({"type": "hello", "kind": "agent", "name": "Bea"})
        assert (await channel.receive())["type"] == "welcome"


async def test_what_was_missed_while_cut_off_is_told_in_order_when_the_way_is_back() -> None:
    async with town() as (_, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        await ana.say("one")
        await frames(bo, "message")
        two.way.connected = False
        assert (await bo.say("lost"))["code"] == "unavailable"
        for number in range(5):
            await ana.say(f"meanwhile {number}")
        await ana.ask("redact", room="lab", seq=1)
        two.way.connected = True
        await settle(LATER_S)
        seen = await bo.drain()
        assert [frame["seq"] for frame in seen if frame["type"] == "message"] == [2, 3, 4, 5, 6]
        assert [frame["seq"] for frame in seen if frame["type"] == "redacted"] == [1]
        assert (await bo.say("lost"))["type"] == "said"


async def test_a_new_epoch_sends_everybody_away_to_load_the_room_anew() -> None:
    async with town() as (shared, one, two):
        ana, bo = await one.member("Ana"), await two.member("Bo")
        epoch = (await ana.say("stays"))["epoch"]
        memory = shared.remember()
        await ana.say("goes")
        await settle(SOON_S)
        shared.forget(memory)
        for node, client in ((one, ana), (two, bo)):
            with pytest.raises(Closed) as caught:
                while True:
                    await client.receive()
            assert caught.value.code == 1012
            back = await node.client(resume=client.session)
            joined = await back.join(after={"epoch": epoch, "seq": 2})
            assert joined["recovered"] is False and joined["epoch"] != epoch and joined["head"] == 1
        assert (await back.say("goes", id="again"))["seq"] == 2


async def test_whoever_mediates_hears_of_leases_and_of_who_lives() -> None:
    class Mediating:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def leased(self, room: str, event: Leased) -> None:
            self.heard.append((room, event))

        def did(self, room: str, event: Any) -> None:
            raise AssertionError("nothing was done")

        def told(self, room: str, user: str, frame: Any) -> None:
            raise AssertionError("nothing was told")

        def missed(self, room: str) -> None:
            raise AssertionError("nothing was missed")

        def living(self, nodes: frozenset[str]) -> None:
            self.heard.append(nodes)

        async def renewed(self, room: str, epoch: str, head: int) -> None:
            raise AssertionError("nothing was lost")

    async with town() as (_, one, two):
        one.node.mediating = mediating = Mediating()
        await two.way.lease("lab", "rea")
        await settle(SOON_S)
        assert ("lab", Leased("rea", "two", 1)) in mediating.heard
        await two.way.close()
        await settle(NODE_SECONDS)
        assert mediating.heard[-1] == frozenset({"one"})


async def test_who_is_at_a_node_that_was_thought_dead_by_mistake_is_there_again() -> None:
    """As when the clock of what keeps the log was set: the node itself has missed no beat."""
    async with town() as (shared, one, two):
        ana = await one.member("Ana")
        await settle(0.5)
        del shared.kept.beats["one"]
        await two.way.beat()
        two.node._bury(frozenset(["two"]))
        shared.kept.feeds["lab"].here.clear()
        lab = two.hub.opened("lab")
        assert lab is not None and not lab.is_member(ana.id)
        await settle(BEAT_SECONDS + 0.5)
        assert lab.is_member(ana.id)


async def test_a_clock_that_is_behind_goes_on_from_another_s_as_soon_as_that_node_begins() -> None:
    async with town() as (shared, one, _):
        reached: list[float] = []
        one.node.reach = lambda at: reached.append(at) or 0.0  # type: ignore[func-returns-value]
        shared.kept.lead = 3_600.0
        three = await At.begin(shared, "three")
        await settle(0.1)
        assert reached and reached[-1] == pytest.approx(shared.clock() + 3_600.0, abs=BEAT_SECONDS)
        await three.end()


async def test_a_turn_that_waited_for_the_store_does_not_tell_what_was_redacted_meanwhile() -> None:
    async with town() as (_, one, two):
        ana = await two.member("Ana")
        rea = await two.member("Rea", "human")
        await ana.say("a secret of many words")
        await settle(SOON_S)
        one.way.connected = False
        shown = Segment("quote", (ana.id,), "a secret of many words", (1,), 1.0)
        one.hub.tell("lab", rea.id, made_turn("lab", 1, "2026-01-01T00:00:00.000Z", "paraphrase", None, [shown]))
        await ana.ask("redact", room="lab", seq=1)
        one.way.connected = True
        [turn] = await frames(rea, "turn", LATER_S)
        assert (turn["segments"][0]["text"], turn["segments"][0]["redacted"]) == ("", True)
