"""Who may come in: tickets, and rooms that hosts make over HTTP. Needs a host's token."""

from __future__ import annotations

from functools import partial
from typing import Any

from cadence.conform.kit import Rule, Server, closed_with, refused, rule
from cadence.conform.report import Failure, Skipped, expect
from cadence.conform.stranger import Refused

RULES: list[Rule] = []
_rule = partial(rule, RULES)


@_rule("10", "a ticket makes one `hello` the host's, once; a guest gets none")
async def tickets(server: Server) -> None:
    ann = await server.guest("Ann")
    status, body = await server.post("/api/tickets", None, ann.session)
    expect(status in (401, 403), "401 or 403 for a guest", f"{status} {body}")
    status, body = await server.post("/api/tickets", None, _token(server))
    expect(status in (200, 201) and body.get("ticket"), "200 with a ticket for a host", f"{status} {body}")
    host = await server.guest("Host", "human", token=body["ticket"])
    expect(host.you["role"] == "host", "the host, by the ticket", host.you)
    again = server.client("Again", "human", body["ticket"])
    await _not_let_in(server, again, "a ticket that was used")


@_rule("HTTP", "`POST /api/rooms` makes a room for everybody; only hosts may")
async def makes_rooms(server: Server) -> None:
    room = f"conform-{server.run}-a"
    ann = await server.guest("Ann")
    status, body = await server.post("/api/rooms", {"room": room, "title": "A room"}, ann.session)
    expect(status in (401, 403, 503), "401 or 403 for a guest", f"{status} {body}")
    await _make(server, {"room": room, "title": "A room of the test kit"})
    joined = await ann.join(room)
    expect(joined["title"] == "A room of the test kit" and joined["head"] == 0, "the new, empty room", joined)
    said = await ann.say(room, "The first here.")
    expect(said["seq"] == 1, "seq 1", said)
    status, body = await server.post("/api/rooms", {"room": room, "title": "Another"}, _token(server))
    expect(status == 409, "409 for an id that is taken", f"{status} {body}")
    status, body = await server.post("/api/rooms", {"room": "No Such Id!", "title": "x"}, _token(server))
    expect(status == 400 and body["error"].get("field") == "room", "400 with `field` room for a bad id", body)


@_rule("HTTP", "a room that is not public is as if it were not there, but for hosts")
async def private_rooms(server: Server) -> None:
    room = f"conform-{server.run}-b"
    made = await _make(server, {"room": room, "title": "A private room", "public": False})
    if made.get("public") is not False:
        raise Skipped("the server does not say whether a room is public")
    ann = await server.guest("Ann", "human")
    await refused(ann, {"type": "join", "room": room}, "no_such_room")
    _, found = await server.get("/api/rooms", ann.session)
    expect(room not in [one["room"] for one in found], "a list without the private room", found)
    for path in ("messages", "search?q=a"):
        status, body = await server.get(f"/api/rooms/{room}/{path}", ann.session)
        expect(status == 404, f"404 for its {path}", f"{status} {body}")
    host = await server.guest("Host", "human", token=_token(server))
    await host.join(room)


def _token(server: Server) -> str:
    if server.token is None:
        raise Skipped("needs a host's token")
    return server.token


async def _make(server: Server, room: dict[str, Any]) -> dict[str, Any]:
    status, body = await server.post("/api/rooms", room, _token(server))
    if status == 503:
        raise Skipped("the server does not offer making rooms")
    expect(status == 201, "201", f"{status} {body}")
    return body if isinstance(body, dict) else {}


async def _not_let_in(server: Server, again: Any, who: str) -> None:
    try:
        await again.open(await server.dial())
    except Refused as error:
        expect(error.code == "unauthorized", f"`unauthorized` for {who}", error.frame)
        await closed_with(again, 4003)
        return
    raise Failure(f"`unauthorized` for {who}", again.you)
