from __future__ import annotations

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from cadence.rooms.forgetting import BATCH_MESSAGES, forget, let_go
from cadence.rooms.invitations import Invitation
from cadence.rooms.log import Traces
from cadence.rooms.log.memory_node import NODE_SECONDS
from cadence.rooms.shared import BEAT_SECONDS
from cadence.rooms.wire import Member, WireError
from cadence.rooms.wire.hosting import NewToken
from tests.asgi import Closed
from tests.rooms.house import HOST_TOKEN, House, settle
from tests.rooms.log.places import draft, segment, turn
from tests.rooms.mediation import FakeMediation
from tests.rooms.town import town

HOST = Member("host", "Host", "human", "host")


async def closed(client: object) -> int:
    with pytest.raises(Closed) as caught:
        while True:
            await client.receive()  # type: ignore[attr-defined]
    return caught.value.code


async def test_a_dry_run_counts_and_changes_nothing() -> None:
    house = await House().start()
    zed = await house.member("Zed")
    await zed.say("one")
    before = await house.log.messages("lab", limit=9)
    found = await forget(house.hub, house.identity, HOST, zed.id, dry_run=True)
    assert (found.alias, found.erased, found.traces.messages, found.traces.sessions) == (None, 1, 1, 1)
    assert await house.log.messages("lab", limit=9) == before and (await zed.say("two"))["seq"] == 2


async def test_who_is_forgotten_is_gone_from_the_room_the_log_and_the_door() -> None:
    house = await House().start()
    zed, ann = await house.member("Zed"), await house.member("Ann")
    await zed.say("My secret.")
    await ann.say("Hello @Zed.")
    await ann.drain()
    done = await forget(house.hub, house.identity, HOST, zed.id, dry_run=False)
    assert await closed(zed) == 4003
    assert [one for one in await ann.drain() if one["type"] == "redacted"] == [
        {"type": "redacted", "room": "lab", "seq": 1, "by": done.alias}
    ]
    page = await ann.ask("history", room="lab", stream="raw")
    first, second = page["items"]
    assert (first["from"], first["text"]) == ({"id": done.alias, "name": "Forgotten", "kind": "agent"}, "")
    assert (second["mentions"], second["text"]) == ([done.alias], "Hello @Zed.")
    assert await house.log.traces(zed.id) == Traces()
    again = await house.client(kind="agent", resume=zed.session, name="Zed")
    assert not again.welcome["resumed"] and again.id != zed.id
    actions = [(action.what, action.by, action.whom) for _, action in await house.log.host_actions("", limit=9)]
    assert actions == [("forget", "host", done.alias)]


async def test_who_comes_back_meanwhile_is_somebody_new() -> None:
    house = await House().start()
    zed = await house.member("Zed")
    await zed.say("My secret.")
    zed.channel.stall()  # so that the connection takes its time to end
    work = asyncio.create_task(forget(house.hub, house.identity, HOST, zed.id, dry_run=False))
    await settle(0.5)
    again = await house.client(kind="agent", resume=zed.session)
    assert not again.welcome["resumed"] and again.id != zed.id
    zed.channel.resume()
    assert (await work).erased == 1 and await house.log.traces(zed.id) == Traces()


async def test_tokens_and_invitations_go_and_the_name_is_free() -> None:
    house = await House().start()
    made = await house.identity.tokens.make("host", NewToken(name="Ona"))
    await house.hub.invitations.add(Invitation("attic", "ona", "Ona", "host", 0.0))
    done = await forget(house.hub, house.identity, HOST, "ona", dry_run=False)
    assert (done.tokens, done.invitations) == (1, 1)
    assert house.identity.tokens.find(made.token.key) is None and "ona" not in await house.hub.invitations.of("attic")
    assert (await house.client("Ona")).welcome["you"]["name"] == "Ona"


async def test_more_messages_than_a_batch_in_several_rooms_some_of_them_closed() -> None:
    house = await House().start()
    host = await house.client(kind="human", token=HOST_TOKEN)
    assert (await host.join("attic"))["type"] == "joined"
    zed = await house.member("Zed")
    await house.log.open_room("gone")  # a room whose file is not there any more
    for number in range(BATCH_MESSAGES + 5):
        await house.log.append(draft("x", f"a{number}", user=zed.id, room="gone"))
        await house.log.append(draft("x", f"b{number}", user=zed.id, room="attic"))
    done = await forget(house.hub, house.identity, HOST, zed.id, dry_run=False)
    assert done.erased == 2 * (BATCH_MESSAGES + 5) and await house.log.said_by(zed.id, 1) == []
    assert {message.text for message in await house.log.messages("gone", limit=999)} == {""}


async def test_what_was_shown_to_others_names_them_no_longer() -> None:
    house = await House().start()
    zed = await house.member("Zed")
    await zed.say("My secret.")
    shown = segment("My secret.", 1)
    await house.log.append_turn("rea", turn(1, replace(shown, speakers=(zed.id,)), to=1, room="lab"))
    done = await forget(house.hub, house.identity, HOST, zed.id, dry_run=False)
    (kept,) = await house.log.turns("lab", "rea", limit=9)
    assert (kept.segments[0].speakers, kept.segments[0].text) == ((done.alias,), "")


async def test_the_mediator_forgets_its_reader_before_the_log_does() -> None:
    mediation = FakeMediation()
    house = await House(mediation).start()
    zed = await house.member("Zed", "human")
    await zed.say("one")
    await forget(house.hub, house.identity, HOST, zed.id, dry_run=False)
    names = [call[0] for call in mediation.calls]
    assert names.index("forget_reader") < names.index("redacted")


async def test_the_house_itself_and_strangers_are_not_forgotten() -> None:
    house = await House().start()
    house.identity.persona_token("vera", "Vera")
    house.identity.reserve(["pell", "Pell"])  # a persona whose room does not play
    refusals = {"host": "forbidden", "alex": "forbidden", "vera": "forbidden", "pell": "forbidden"}
    for user, code in {**refusals, "nobody": "not_found"}.items():
        with pytest.raises(WireError) as caught:
            await forget(house.hub, house.identity, HOST, user, dry_run=False)
        assert caught.value.code == code


async def test_what_was_interrupted_can_be_asked_again() -> None:
    house = await House().start()
    zed = await house.member("Zed")
    await zed.say("one")
    house.log.available = False
    with pytest.raises(Exception, match="try again"):
        await forget(house.hub, house.identity, HOST, zed.id, dry_run=False)
    house.log.available = True
    both = await asyncio.gather(
        *(forget(house.hub, house.identity, HOST, zed.id, dry_run=False) for _ in range(2)), return_exceptions=True
    )
    assert await house.log.traces(zed.id) == Traces() and [type(one).__name__ for one in both] == [
        "Forgotten",
        "WireError",
    ]


async def test_where_servers_share_rooms_all_of_them_forget() -> None:
    async with town(alex=True) as (shared, one, two):
        zed = await one.member("Zed", "human")
        also = await two.client(kind="human", resume=zed.session)
        await also.join()
        ann = await two.member("Ann")
        await zed.say("My secret.")
        await ann.say("Hello @Zed.")
        await settle(2.0)
        await ann.drain()
        done = await forget(one.hub, one.identity, HOST, zed.id, dry_run=False)
        assert (await closed(zed), await closed(also)) == (4003, 4003)
        await settle(0.5)
        assert [frame["seq"] for frame in await ann.drain() if frame["type"] == "redacted"] == [1]
        (first, second) = (await ann.ask("history", room="lab", stream="raw"))["items"]
        assert (first["from"]["id"], first["text"], second["mentions"]) == (done.alias, "", [done.alias])
        assert await two.log.traces(zed.id) == Traces() and zed.id not in two.placement._members
        again = await two.client(kind="human", resume=zed.session, name="Zed")
        assert not again.welcome["resumed"] and again.id != zed.id
        await settle(5.0)
        kept = shared.kept
        feeds = [entry.event for feed in kept.feeds.values() for entry in feed.entries]
        assert zed.id not in repr((feeds, kept.names, kept.open_at, [feed.leases for feed in kept.feeds.values()]))


async def test_a_server_that_does_not_answer_keeps_somebody_from_being_forgotten_for_now() -> None:
    async with town() as (_, one, two):
        zed = await one.member("Zed")
        await zed.say("My secret.")
        two.node.let_go = None
        with pytest.raises(WireError, match="ask again"):
            await forget(one.hub, one.identity, HOST, zed.id, dry_run=False)
        assert [message.text for message in await one.log.messages("lab", limit=9)] == ["My secret."]
        two.node.let_go = partial(let_go, two.hub, two.identity)
        assert (await forget(one.hub, one.identity, HOST, zed.id, dry_run=False)).erased == 1
        assert await one.log.traces(zed.id) == Traces()


async def test_a_server_that_is_dead_need_not_answer() -> None:
    async with town() as (_, one, two):
        zed = await one.member("Zed")
        await zed.say("My secret.")
        two.way.connected = False
        await settle(NODE_SECONDS + BEAT_SECONDS)
        assert (await forget(one.hub, one.identity, HOST, zed.id, dry_run=False)).erased == 1
