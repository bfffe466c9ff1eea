from __future__ import annotations

import json

import pytest

from cadence.rooms.hosting import TYPES
from cadence.rooms.http import create_api
from tests.asgi import Closed, fetch
from tests.rooms.house import HOST_TOKEN, House
from tests.rooms.office import Desk

PATHS = [
    ("POST", "/api/rooms", {"room": "nook", "title": "x"}),
    ("PATCH", "/api/rooms/lab", {"title": "x"}),
    ("GET", "/api/rooms/lab/access", None),
    ("POST", "/api/rooms/lab/invitations", {"name": "Bea"}),
    ("DELETE", "/api/rooms/lab/invitations/bea", None),
    ("POST", "/api/tokens", {"name": "Bea"}),
    ("GET", "/api/tokens", None),
    ("DELETE", "/api/tokens/0123abcd", None),
    ("POST", "/api/forget", {"user": "bea"}),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS, ids=[f"{method} {path}" for method, path, _ in PATHS])
async def test_everything_here_is_for_hosts(method: str, path: str, body: object) -> None:
    desk = await Desk.start()
    member = (await desk.ask("POST", "/api/tokens", {"name": "Ona"}))["token"]
    zed = await desk.house.client("Zed")
    for token, refusal in (
        (None, (401, "unauthorized")),
        ("nonsense", (401, "unauthorized")),
        (member, (403, "forbidden")),
        (zed.session, (403, "forbidden")),
    ):
        assert await desk.refusal(method, path, body, token) == refusal


async def test_a_room_is_made_changed_read_and_spoken_in() -> None:
    desk = await Desk.start()
    made = await desk.ask("POST", "/api/rooms", {"room": "nook", "title": "The nook", "pods": ["stove"]})
    settings = {"title": "The nook", "public": True, "pods": ["stove"], "scope": "", "view": {}, "keep_days": None}
    assert made == {"room": "nook", **settings}
    zed = await desk.house.member("Zed", room="nook")
    assert (await zed.say("Here.", room="nook", pod="stove"))["seq"] == 1
    changed = await desk.ask("PATCH", "/api/rooms/nook", {"title": "The corner", "keep_days": 7})
    assert (changed["title"], changed["keep_days"], changed["pods"]) == ("The corner", 7.0, ["stove"])
    access = await desk.ask("GET", "/api/rooms/nook/access")
    assert (access["title"], access["keep_days"], access["made_here"]) == ("The corner", 7.0, True)
    assert await desk.refusal("PATCH", "/api/rooms/lab", {"title": "Mine"}) == (409, "conflict")
    assert await desk.refusal("PATCH", "/api/rooms/nowhere", {"title": "Mine"}) == (404, "no_such_room")
    assert await desk.refusal("POST", "/api/rooms", {"room": "nook", "title": "x"}) == (409, "conflict")


async def test_a_token_is_told_once_and_listed_without_its_secret() -> None:
    desk = await Desk.start(House(open=False))
    made = await desk.ask("POST", "/api/tokens", {"name": "Ona", "role": "member", "kind": "agent", "expires_in_s": 60})
    (listed,) = await desk.ask("GET", "/api/tokens")
    assert listed == {key: value for key, value in made.items() if key != "token"}
    assert (listed["user"], listed["made_by"], listed["kind"]) == ("ona", "host", "agent")
    ona = await desk.house.client(token=made["token"])
    assert ona.welcome["you"] == {"id": "ona", "name": "Ona", "kind": "agent", "role": "member"}


async def test_a_revoked_token_ends_its_connections_its_sessions_and_its_tickets() -> None:
    desk = await Desk.start(House(open=False))
    made = await desk.ask("POST", "/api/tokens", {"name": "Ona"})
    other = await desk.ask("POST", "/api/tokens", {"name": "Ona"})
    ticket = (await desk.ask("POST", "/api/tickets", token=made["token"]))["ticket"]
    ona = await desk.house.client(kind="human", token=made["token"])
    await desk.ask("DELETE", f"/api/tokens/{other['id']}")
    assert (await ona.join())["type"] == "joined"  # by the token that is left
    await desk.ask("DELETE", f"/api/tokens/{made['id']}")
    with pytest.raises(Closed) as closed:
        while True:
            await ona.receive()
    assert closed.value.code == 4003
    for credential in ({"token": made["token"]}, {"token": ticket}, {"resume": ona.session}):
        channel = await desk.house.open()
        await channel.send({"type": "hello", "kind": "human", **credential})
        assert (await channel.receive())["code"] == "unauthorized"
    assert await desk.refusal("GET", "/api/rooms", token=made["token"]) == (401, "unauthorized")
    assert await desk.refusal("GET", "/api/rooms", token=ona.session) == (401, "unauthorized")
    assert await desk.refusal("DELETE", f"/api/tokens/{made['id']}") == (404, "not_found")


async def test_a_ticket_is_whoever_asked_for_it_once() -> None:
    desk = await Desk.start(House(open=False))
    ona = await desk.ask("POST", "/api/tokens", {"name": "Ona"})
    ticket = (await desk.ask("POST", "/api/tickets", token=ona["token"]))["ticket"]
    client = await desk.house.client(kind="human", token=ticket)
    assert (client.welcome["you"]["id"], client.welcome["you"]["role"]) == ("ona", "member")
    channel = await desk.house.open()
    await channel.send({"type": "hello", "kind": "human", "token": ticket})
    assert (await channel.receive())["code"] == "unauthorized"
    mine = (await desk.ask("POST", "/api/tickets"))["ticket"]
    assert (await desk.house.client(kind="human", token=mine)).welcome["you"]["id"] == "host"


async def test_hosts_by_token_are_hosts() -> None:
    desk = await Desk.start()
    ona = await desk.ask("POST", "/api/tokens", {"name": "Ona", "role": "host"})
    await desk.ask("POST", "/api/rooms", {"room": "nook", "title": "x"}, token=ona["token"])
    actions = await desk.house.log.host_actions("nook", limit=9)
    assert [action.by for _, action in actions] == ["ona"]


async def test_a_body_that_is_too_large_or_wrong_is_told_so() -> None:
    desk = await Desk.start()
    huge = b'{"name": "' + b"x" * 70_000 + b'"}'
    assert await desk.refusal("POST", "/api/tokens", huge) == (413, "too_large")
    assert await desk.refusal("POST", "/api/tokens", b"\x00") == (400, "bad_frame")
    answer = await desk.call("POST", "/api/tokens", {"name": "Bea", "rolle": "host"})
    assert answer.status == 400 and answer.json()["error"]["field"] == "rolle"


async def test_somebody_is_forgotten_and_what_cannot_be_reached_is_told() -> None:
    desk = await Desk.start()
    zed = await desk.house.member("Zed")
    await zed.say("I was here.")
    dry = await desk.ask("POST", "/api/forget", {"user": zed.id, "dry_run": True})
    assert (dry["dry_run"], dry["alias"], dry["messages"], dry["erased"], dry["copies"]) == (
        True, None, 1, 1, ["log.db.version-1"],
    )  # fmt: skip
    done = await desk.ask("POST", "/api/forget", {"user": zed.id})
    assert done["alias"].startswith("forgotten-") and done["messages"] == 1
    assert await desk.refusal("POST", "/api/forget", {"user": zed.id}) == (404, "not_found")


async def test_openapi_knows_every_body() -> None:
    desk = await Desk.start()
    schema = (await desk.call("GET", "/openapi.json", token=None)).json()
    known = schema["components"]["schemas"]
    assert {kind.__name__ for kind in TYPES} <= set(known)
    named = {one.rpartition("/")[2] for one in _refs(schema)}
    assert named <= set(known)
    assert "requestBody" in schema["paths"]["/api/rooms"]["post"]


async def test_without_an_office_it_is_not_offered() -> None:
    house = await House().start()
    api = create_api(house.hub, house.identity, "1")
    answer = await fetch(api, "POST", "/api/rooms", b"{}", authorization=f"Bearer {HOST_TOKEN}")
    assert (answer.status, answer.json()["error"]["code"]) == (503, "unavailable")


def _refs(schema: object) -> list[str]:
    found = json.dumps(schema).split('"$ref": "')[1:]
    return [one.partition('"')[0] for one in found]
