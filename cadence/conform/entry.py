"""Coming in: hello, names, sessions, joining (rule 10, and the order of failure)."""

from __future__ import annotations

import re
from functools import partial

from cadence.conform.kit import Rule, Server, closed_with, fence, refused, rule
from cadence.conform.report import Failure, expect
from cadence.conform.stranger import Refused, Stranger

RULES: list[Rule] = []
_rule = partial(rule, RULES)
_ID = re.compile(r"[a-z0-9_-]{1,64}")
HELLO_SECONDS = 5.0
VIEW_FIELDS = {"mode", "cadence_s", "pace_wpm", "sigma", "focus", "interests", "whisper", "auto"}


@_rule("hello", "a guest is welcomed with an identity, a session and the limits")
async def welcomed(server: Server) -> None:
    for kind in ("human", "agent"):
        stranger = await server.guest(f"Ann {kind}", kind)
        welcome = stranger.received("welcome")[0]
        you = welcome["you"]
        expect(_ID.fullmatch(you["id"]), "`you.id` of [a-z0-9_-]{1,64}", you)
        expect((you["name"], you["kind"]) == (stranger.name, kind), "the name and kind that were asked for", you)
        expect(you["role"] in ("host", "member", "guest"), "a role", you)
        expect(welcome["session"] and welcome["resumed"] is False, "a new session", welcome)
        expect(set(welcome["limits"]) >= {"frame_bytes", "messages_per_s", "rooms"}, "limits", welcome["limits"])
        expect(isinstance(welcome["heartbeat_s"], int | float), "`heartbeat_s` in seconds", welcome)
        expect(isinstance(welcome["features"], list), "`features`", welcome)
        expect(set(welcome["server"]) >= {"name", "version"}, "`server` {name, version}", welcome["server"])


@_rule("hello", "another frame before hello closes with 4001")
async def another_first(server: Server) -> None:
    socket = await server.dial()
    await socket.send('{"type": "ping"}')
    await _ends(server, socket, 4001)


@_rule("hello", "no hello in 5 s closes with 4001")
async def silent(server: Server) -> None:
    await _ends(server, await server.dial(), 4001)


async def _ends(server: Server, socket: object, code: int) -> None:
    witness = server.client("Witness")
    await witness.listen(socket)  # type: ignore[arg-type]
    await closed_with(witness, code)


@_rule("hello", "a bad token is `unauthorized` and closes with 4003")
async def bad_token(server: Server) -> None:
    stranger = server.client("Eve", token=f"not-a-token-{server.run}")
    await _refused_hello(server, stranger, "unauthorized")
    await closed_with(stranger, 4003)


@_rule("hello", "a second hello is a `conflict`, and the connection lives")
async def twice(server: Server) -> None:
    stranger = await server.guest("Ann")
    await refused(stranger, {"type": "hello", "kind": "agent"}, "conflict")
    await fence(stranger)


@_rule("10", "a name that is taken, in any case, is a `conflict`")
async def taken(server: Server) -> None:
    first = await server.guest("Ann")
    second = server.client(None)
    second.name = str(first.name).swapcase()
    await _refused_hello(server, second, "conflict")


@_rule("10", "the mediator's name is a `conflict`")
async def reserved(server: Server) -> None:
    stranger = server.client(None)
    stranger.name = "Alex"
    await _refused_hello(server, stranger, "conflict")


@_rule("10", "names of 41 characters or with control characters are a `bad_field`")
async def bad_names(server: Server) -> None:
    for name in ("x" * 41, "", "a\u0007b"):
        stranger = server.client(None)
        stranger.name = name
        error = await _refused_hello(server, stranger, "bad_field")
        expect(error.get("field") == "name", "`field` name", error)


@_rule("5", "a session resumes an identity, and adds a connection while another lives")
async def resumed(server: Server) -> None:
    first = await server.guest("Ann")
    second = server.client(None)
    second.session = first.session
    welcome = await second.open(await server.dial())
    expect(welcome["resumed"] is True and second.id == first.id, f"the identity {first.id}, resumed", welcome)
    await fence(first)


@_rule("5", "an unknown session gives a new identity, not resumed")
async def unknown_session(server: Server) -> None:
    stranger = server.client("Ann")
    stranger.session = f"unknown-{server.run}"
    welcome = await stranger.open(await server.dial())
    expect(welcome["resumed"] is False, "`resumed` false", welcome)


@_rule("join", "`joined` says what the room is, and no member is a mediator")
async def joins(server: Server) -> None:
    agent, human = await server.guest("Ann"), await server.guest("Bob", "human")
    for stranger, kind in ((agent, "agent"), (human, "human")):
        joined = await stranger.join(server.room)
        for name, of in (("title", str), ("epoch", str), ("head", int), ("recovered", bool), ("member_count", int)):
            expect(isinstance(joined.get(name), of), f"`joined.{name}`, a {of.__name__}", joined)
        ids = [member["id"] for member in joined["members"]]
        expect("alex" not in ids and len(ids) == len(set(ids)) <= 500, "members, each once, without a mediator", ids)
        expect(stranger.id in ids or len(ids) == 500, "oneself among the members", ids)
        if kind == "agent":
            expect(joined["view"] is None, "`view` null for an agent", joined["view"])
        else:
            expect(set(joined["view"]) >= VIEW_FIELDS, "a complete view for a human", joined["view"])


@_rule("join", "joining again is `joined` again; leaving is `left`, twice too")
async def again(server: Server) -> None:
    stranger = await server.member("Ann")
    expect((await stranger.join(server.room, afresh=True))["type"] == "joined", "`joined`", "another frame")
    for _ in range(2):
        answer = await stranger.leave(server.room)
        expect(answer["type"] == "left", "`left`", answer)


@_rule("join", "a room that is not there is `no_such_room`; acting where one is not is `not_joined`")
async def elsewhere(server: Server) -> None:
    stranger = await server.guest("Ann")
    await refused(stranger, {"type": "join", "room": f"nowhere-{server.run}"}, "no_such_room")
    say = {"type": "say", "room": server.room, "id": "1", "text": "I am not here."}
    for frame in (say, {"type": "history", "room": server.room, "stream": "raw"}):
        await refused(stranger, frame, "not_joined")


async def _refused_hello(server: Server, stranger: Stranger, code: str) -> dict[str, object]:
    try:
        welcome = await stranger.open(await server.dial(), resume=False)
    except Refused as error:
        expect(error.code == code, f"error `{code}` for hello as {stranger.name!r}", error.frame)
        return error.frame
    raise Failure(f"error `{code}` for hello as {stranger.name!r}", welcome)
