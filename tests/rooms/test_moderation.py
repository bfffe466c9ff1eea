"""Mute, kick and ban as those meet them whom they concern, over the hub and the gateway in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.rooms.log import HostAction
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.wire.hosting import NewToken
from tests.asgi import Channel, Closed
from tests.rooms.house import EPOCH_S, HOST_TOKEN, Client, House, clock, settle
from tests.rooms.mediation import FakeMediation


async def closed(channel: Channel) -> int:
    with pytest.raises(Closed) as caught:
        while True:
            await channel.receive()
    await channel.served()
    return caught.value.code


async def scene(log: MemoryLog | None = None) -> tuple[House, Client, Client]:
    """A room with its host and with Eve, a guest."""
    house = await House(log=log).start()
    return house, await house.member("Grace", "human", token=HOST_TOKEN), await house.member("Eve", "human")


async def actions(house: House) -> list[HostAction]:
    return [action for _, action in await house.log.host_actions("lab", limit=10)]


async def test_who_is_muted_hears_but_cannot_say() -> None:
    house, host, eve = await scene()
    await eve.say("first")
    assert await host.ask("mute", room="lab", participant=eve.id) == {"type": "ok", "ref": "ref mute", "room": "lab"}
    refused = await eve.say("second")
    assert (refused["code"], refused["room"]) == ("forbidden", "lab")
    assert (await host.say("still here"))["seq"] == 2
    assert (await eve.until("message"))["text"] == "still here"


async def test_a_mute_ends_after_its_time_or_when_a_host_sets_it_to_nothing() -> None:
    house, host, eve = await scene()
    await host.ask("mute", room="lab", participant=eve.id, for_s=60)
    assert "for 60 s more" in (await eve.say("first"))["message"]
    await settle(60)
    assert (await eve.say("first"))["type"] == "said"
    await host.ask("mute", room="lab", participant=eve.id)
    await host.ask("mute", room="lab", participant=eve.id, for_s=0)
    assert (await eve.say("second"))["type"] == "said"


async def test_a_kick_closes_every_connection_in_the_room_and_no_other() -> None:
    house, host, eve = await scene()
    second = await house.client(kind="human", resume=eve.session)
    await second.join()
    elsewhere = await house.client(kind="human", resume=eve.session)
    await host.ask("kick", room="lab", participant=eve.id)
    assert [await closed(each.channel) for each in (eve, second)] == [4010, 4010]
    assert (await elsewhere.ask("ping"))["type"] == "pong"
    assert (await elsewhere.join())["type"] == "joined"


async def test_a_kick_for_a_time_keeps_out_for_that_time() -> None:
    house, host, eve = await scene()
    await host.ask("kick", room="lab", participant=eve.id, for_s=30)
    assert await closed(eve.channel) == 4010
    channel = await house.open()
    await channel.send({"type": "hello", "kind": "human", "resume": eve.session})
    assert (await channel.receive())["code"] == "forbidden"
    assert await closed(channel) == 4011
    await settle(30)
    again = await house.client(kind="human", resume=eve.session)
    assert (again.id, (await again.join())["type"]) == (eve.id, "joined")


async def test_a_banned_guest_is_closed_and_cannot_resume_however_late() -> None:
    house, host, eve = await scene()
    await host.ask("ban", room="lab", participant=eve.id)
    assert await closed(eve.channel) == 4011
    for wait in (0.1, 1000.0):  # within the time to resume, and long after it
        await settle(wait)
        channel = await house.open()
        await channel.send({"type": "hello", "kind": "human", "resume": eve.session, "ref": "h"})
        refused = await channel.receive()
        assert (refused["code"], refused["ref"], refused["field"]) == ("forbidden", "h", "resume")
        assert await closed(channel) == 4011
    await host.ask("ban", room="lab", participant=eve.id, for_s=0)
    assert (await house.client(kind="human", resume=eve.session)).welcome["type"] == "welcome"


async def test_a_banned_member_comes_in_but_not_into_that_room() -> None:
    house, host, _ = await scene()
    token = house.identity.persona_token("vera", "Vera")
    vera = await house.member("Vera", token=token)
    await host.ask("ban", room="lab", participant="vera")
    assert await closed(vera.channel) == 4011
    again = await house.client(token=token)
    assert (await again.join())["code"] == "forbidden"
    assert (await again.join("attic"))["type"] == "joined"


async def test_a_host_by_token_who_was_away_cannot_be_kept_out_either() -> None:
    house, host, _ = await scene()
    ona = await house.identity.tokens.make("host", NewToken(name="Ona", role="host"))
    first = await house.member("Ona", "human", token=ona.secret)
    await first.say("hello")
    await first.channel.cut()
    await host.ask("ban", room="lab", participant="ona")
    await host.ask("mute", room="lab", participant="ona")
    again = await house.client(kind="human", token=ona.secret)
    assert (await again.join())["type"] == "joined" and (await again.say("Here I am."))["type"] == "said"


async def test_sanctions_outlive_a_restart() -> None:
    log = MemoryLog(clock)
    house, host, eve = await scene(log)
    bob = await house.member("Bob", "human")
    await bob.say("hello")
    await host.ask("ban", room="lab", participant=eve.id, for_s=1000)
    await host.ask("mute", room="lab", participant=bob.id)
    await house.hub.drain(1.0)
    later = await House(log=log).start()
    channel = await later.open()
    await channel.send({"type": "hello", "kind": "human", "resume": eve.session})
    assert (await channel.receive())["code"] == "forbidden"
    bob = await later.client(kind="human", resume=bob.session)
    await bob.join()
    assert (await bob.say("again"))["code"] == "forbidden"


@pytest.mark.parametrize("what", ["mute", "kick", "ban"])
async def test_only_hosts_decide_about_others_and_nobody_about_a_host(what: str) -> None:
    house, host, eve = await scene()
    bob = await house.member("Bob", "human")
    assert (await bob.ask(what, room="lab", participant=eve.id))["code"] == "forbidden"
    for participant, code in (("host", "forbidden"), ("nobody-1", "not_found"), ("x" * 1000, "not_found")):
        refused = await host.ask(what, room="lab", participant=participant)
        assert (refused["code"], refused["field"]) == (code, "participant")
    assert await actions(house) == []
    assert (await eve.say("hello"))["type"] == "said"


async def test_who_left_can_be_muted_and_banned_but_not_kicked() -> None:
    house, host, eve = await scene()
    await eve.say("something nasty")
    await eve.channel.cut()
    codes = {what: await host.ask(what, room="lab", participant=eve.id) for what in ("mute", "ban", "kick")}
    assert {what: frame.get("code", "ok") for what, frame in codes.items()} == {
        "mute": "ok",
        "ban": "ok",
        "kick": "not_found",
    }


@pytest.mark.parametrize("fields", [{"for_s": -1}, {"for_s": "long"}, {"for_s": 1e12}, {"participant": 7}])
async def test_bad_fields_are_named(fields: dict[str, Any]) -> None:
    house, host, eve = await scene()
    refused = await host.ask("ban", **{"room": "lab", "participant": eve.id, **fields})
    assert (refused["code"], refused["field"]) == ("bad_field", next(iter(fields)))


async def test_every_host_action_is_in_the_audit_log() -> None:
    house, host, eve = await scene()
    seq = (await eve.say("something nasty"))["seq"]
    await host.ask("redact", room="lab", seq=seq)
    own = (await host.say("mine"))["seq"]
    await host.ask("redact", room="lab", seq=own)
    await host.ask("mute", room="lab", participant=eve.id, for_s=60)
    await host.ask("kick", room="lab", participant=eve.id)
    found = await actions(house)
    assert [(action.what, action.by, action.whom, action.note) for action in found] == [
        ("redact", "host", eve.id, f"seq {seq}"),
        ("mute", "host", eve.id, ""),
        ("kick", "host", eve.id, ""),
    ]
    assert all(action.at >= EPOCH_S for action in found)
    assert found[1].until == found[1].at + 60 and found[2].until == found[2].at


async def test_setting_anothers_view_is_in_the_audit_log_and_asking_for_it_is_not() -> None:
    house = await House(FakeMediation()).start()
    host = await house.member("Grace", "human", token=HOST_TOKEN)
    eve = await house.member("Eve", "human")
    await host.ask("view", room="lab", participant=eve.id)
    await host.ask("view", room="lab", cadence_s=9)
    await eve.ask("view", room="lab", cadence_s=9)
    assert await actions(house) == []
    await host.ask("view", room="lab", participant=eve.id, cadence_s=9, lock=["cadence_s"])
    (action,) = await actions(house)
    assert (action.what, action.whom, action.note) == ("view", eve.id, "set cadence_s, lock")


async def test_what_the_log_does_not_take_has_no_effect() -> None:
    house, host, eve = await scene()
    house.log.available = False
    assert (await host.ask("mute", room="lab", participant=eve.id))["code"] == "unavailable"
    house.log.available = True
    assert (await eve.say("hello"))["type"] == "said"


# Typing.


async def test_typing_is_told_to_the_others_and_not_to_ones_own() -> None:
    house, host, eve = await scene()
    second = await house.client(kind="human", resume=eve.session)
    await second.join()
    for each in (host, eve, second):
        await each.drain()
    await eve.send("typing", room="lab")
    assert await host.drain() == [{"type": "typing", "room": "lab", "participant": eve.id}]
    assert await eve.drain() == [] == await second.drain()


async def test_typing_is_told_once_in_three_seconds() -> None:
    house, host, eve = await scene()
    await settle(2)  # presence has been told
    await host.drain()
    told = []
    for _ in range(7):
        await eve.send("typing", room="lab")
        told.append(len(await host.drain()))
        await settle(0.999)
    assert told == [1, 0, 0, 1, 0, 0, 1]


async def test_a_crowd_that_types_is_told_of_in_part_only() -> None:
    house, host, _ = await scene()
    crowd = [await house.member(f"Guest {number}") for number in range(60)]
    await settle(5)
    await host.drain()
    for each in crowd:
        await each.send("typing", room="lab")
    assert len(await host.drain()) == 40  # two seconds' worth


async def test_the_typing_of_the_muted_is_told_to_nobody() -> None:
    house, host, eve = await scene()
    await host.ask("mute", room="lab", participant=eve.id)
    await host.drain()
    await eve.send("typing", room="lab")
    assert await host.drain() == []
