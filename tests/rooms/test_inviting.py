from __future__ import annotations

import pytest

from cadence.rooms.wire import Member, Say, WireError
from cadence.rooms.wire.hosting import NewToken
from tests.asgi import Closed
from tests.rooms.house import House
from tests.rooms.mediation import FakeMediation
from tests.rooms.office import Desk

INVITE = "/api/rooms/attic/invitations"


async def test_somebody_new_gets_a_token_that_opens_the_private_room() -> None:
    desk = await Desk.start(House(open=False))
    told = await desk.ask("POST", INVITE, {"name": "Bea", "expires_in_s": 3600})
    assert (told["user"], told["name"]) == ("bea", "Bea") and told["expires_at"].endswith("Z")
    bea = await desk.house.client(kind="human", token=told["token"])
    assert bea.welcome["you"] == {"id": "bea", "name": "Bea", "kind": "human", "role": "guest"}
    assert (await bea.join("attic"))["type"] == "joined" and (await bea.join("lab"))["type"] == "joined"
    assert [room["room"] for room in await desk.ask("GET", "/api/rooms", token=told["token"])] == ["lab", "attic"]
    await bea.channel.cut()
    again = await desk.house.client(kind="human", resume=bea.session)  # a day later, say: not as a guest's
    assert again.welcome["resumed"] and (await again.join("attic"))["type"] == "joined"


async def test_a_guest_who_is_here_is_let_in_and_out_again() -> None:
    desk = await Desk.start()
    zed = await desk.house.client("Zed")
    assert (await zed.join("attic"))["code"] == "no_such_room"
    told = await desk.ask("POST", INVITE, {"user": zed.id})
    assert "token" not in told and (await zed.join("attic"))["type"] == "joined"
    await desk.ask("DELETE", f"{INVITE}/{zed.id}")
    with pytest.raises(Closed) as closed:
        while True:
            await zed.receive()
    assert closed.value.code == 4010
    again = await desk.house.client(resume=zed.session, kind="agent")
    assert (await again.join("attic"))["code"] == "no_such_room" and (await again.join("lab"))["type"] == "joined"


async def test_invitations_hold_over_a_restart_and_are_in_the_audit_log() -> None:
    desk = await Desk.start()
    await desk.ask("POST", INVITE, {"name": "Bea"})
    await desk.ask("POST", INVITE, {"name": "Kim"})
    await desk.ask("DELETE", f"{INVITE}/kim")
    house = await House(log=desk.house.log).start()
    for name, type in (("Bea", "joined"), ("Kim", "error")):
        made = await house.identity.tokens.make("host", _token(name))
        client = await house.client(kind="human", token=made.secret)
        assert (await client.join("attic"))["type"] == type
    actions = [(action.what, action.whom) for _, action in await house.log.host_actions("attic", limit=9)]
    assert actions == [("invite", "bea"), ("invite", "kim"), ("dismiss", "kim")]


async def test_who_may_read_is_listed_with_the_reason() -> None:
    desk = await Desk.start()
    await desk.ask("POST", INVITE, {"name": "Bea"})
    told = await desk.ask("POST", "/api/tokens", {"name": "Ona", "role": "host"})
    host = await desk.house.client(kind="human", token=told["token"])
    await host.join("attic")
    zed = await desk.house.client("Zed")
    await desk.ask("POST", INVITE, {"user": zed.id})
    await zed.channel.cut()
    access = await desk.ask("GET", "/api/rooms/attic/access")
    assert (access["public"], access["made_here"]) == (False, False)
    found = {one["user"]: (one["role"], one["why"], one["here"], one["can_come"]) for one in access["readers"]}
    assert found == {
        "bea": ("guest", "invited", False, True),
        zed.id: ("guest", "invited", False, True),
        "ona": ("host", "host", True, True),
        "vera": ("member", "persona", False, True),
    }


async def test_only_who_is_known_or_named_can_be_invited() -> None:
    desk = await Desk.start()
    desk.house.identity.persona_token("vera", "Vera")
    assert await desk.refusal("POST", INVITE, {"user": "nobody"}) == (404, "not_found")
    assert await desk.refusal("POST", INVITE, {"user": "vera"}) == (404, "not_found")
    assert await desk.refusal("POST", INVITE, {}) == (400, "bad_field")
    assert await desk.refusal("POST", INVITE, {"name": "Vera"}) == (409, "conflict")
    assert await desk.refusal("POST", "/api/rooms/nowhere/invitations", {"name": "Bea"}) == (404, "no_such_room")
    assert await desk.refusal("DELETE", f"{INVITE}/bea") == (404, "not_found")


async def test_a_room_that_becomes_private_is_left_by_who_may_not_read_it() -> None:
    desk = await Desk.start()
    await desk.ask("POST", "/api/rooms", {"room": "nook", "title": "The nook"})
    zed, kim = await desk.house.member("Zed", room="nook"), await desk.house.member("Kim", room="nook")
    await desk.ask("POST", "/api/rooms/nook/invitations", {"user": kim.id})
    await desk.ask("PATCH", "/api/rooms/nook", {"public": False})
    with pytest.raises(Closed) as closed:
        while True:
            await zed.receive()
    assert closed.value.code == 4010
    assert (await kim.say("Still here.", room="nook"))["type"] == "said"


async def test_the_mediator_is_told_whose_reading_changed() -> None:
    mediation = FakeMediation()
    desk = await Desk.start(House(mediation))
    await desk.ask("POST", INVITE, {"name": "Bea"})
    await desk.ask("DELETE", f"{INVITE}/bea")
    assert mediation.calls.count(("allowed", "bea")) == 2
    assert desk.house.hub.may_read("lab", _member("bea")) and not desk.house.hub.may_read("attic", _member("bea"))


async def test_who_was_shut_out_may_not_overhear_either() -> None:
    desk = await Desk.start()
    host, zed = await desk.house.client(kind="human", token="the host's token"), await desk.house.member("Zed")
    await host.join()
    assert desk.house.hub.may_read("lab", _member(zed.id))
    await host.ask("ban", room="lab", participant=zed.id)
    assert not desk.house.hub.may_read("lab", _member(zed.id)) and not desk.house.hub.may_read("no", _member("x"))
    with pytest.raises(WireError):
        await desk.house.hub.say(_member(zed.id), Say(room="lab", id="1", text="x"))


def _token(name: str) -> NewToken:
    return NewToken(name=name, role="guest")


def _member(user: str) -> Member:
    return Member(user, user.title(), "agent")
