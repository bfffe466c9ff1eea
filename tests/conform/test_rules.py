"""Every check of the kit holds against our server, and fails against a server with the fault it is about.

In virtual time over in-memory sockets: the faults are put in between, on the way to the client.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from cadence.answering import models_of
from cadence.conform.kit import Rule, Server, judge
from cadence.conform.report import Result
from cadence.conform.run import RULES
from cadence.conform.stranger import Closed
from cadence.rooms.guests import Guests
from cadence.rooms.http import create_api
from cadence.rooms.wire import ViewPatch
from tests import mortal
from tests.actors import ROOM
from tests.asgi import fetch
from tests.pipe import Pipe
from tests.rooms.house import clock

Frame = dict[str, Any]
Mangle = Callable[[Frame], list[Frame]]
NAMES = [each.check.__name__ for each in RULES]


def named(name: str) -> Rule:
    return RULES[NAMES.index(name)]


class Faulty:
    """A connection on which every frame, and the close code, passes through a fault."""

    def __init__(self, pipe: Pipe, mangle: Mangle, codes: dict[int, int]) -> None:
        self._pipe, self._mangle, self._codes = pipe, mangle, codes
        self._waiting: list[str] = []

    async def send(self, text: str) -> None:
        await self._pipe.send(text)

    async def receive(self) -> str:
        try:
            while not self._waiting:
                frames = self._mangle(json.loads(await self._pipe.receive()))
                self._waiting = [json.dumps(frame) for frame in frames]
        except Closed as closed:
            code = closed.code
            raise Closed(code if code is None else self._codes.get(code, code)) from None
        return self._waiting.pop(0)

    async def close(self) -> None:
        await self._pipe.close()


async def run(
    rule: Rule,
    mangle: Mangle = lambda frame: [frame],
    codes: dict[int, int] | None = None,
    status: Callable[[int, str], int] = lambda status, request: status,
    tampered: Callable[[bytes], bytes] = lambda body: body,
    token: str | None = mortal.HOST_TOKEN,
) -> Result:
    """Judge our server, with a fault or without, by one rule."""
    ours = mortal.Server(clock, ViewPatch())
    await ours.start()

    async def dial() -> Faulty:
        return Faulty(ours.connect(), mangle, codes or {})

    guests = Guests(ours.identity, clock, ("127.0.0.1",))
    api = create_api(
        ours.hub, ours.identity, "1", office=ours.office(), guests=guests, models=models_of(ours.hub, ours.driver, dict)
    )

    async def http(method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        given = {name.lower(): value for name, value in headers.items()}
        answer = await fetch(api, method, path, body or b"", **given)
        return status(answer.status, f"{method} {path}"), tampered(answer.body)

    report = await judge(Server(dial, http, ROOM, token, "t"), "ours", [rule])
    await ours.stop()
    return report.results[0]


@pytest.mark.parametrize("name", NAMES)
async def test_our_server_conforms(name: str) -> None:
    result = await run(named(name))
    assert result.state == "pass", result


async def test_without_a_token_only_what_needs_a_host_is_skipped() -> None:
    skipped = {each.check.__name__ for each in RULES if (await run(each, token=None)).state == "skipped"}
    assert skipped == {"mutes", "kicks", "bans", "locks", "tickets", "makes_rooms", "private_rooms", "views_over_http"}


# Faults: what each does to a frame on its way to the client.


def changes(type: str, /, **fields: Any) -> Mangle:
    def mangle(frame: Frame) -> list[Frame]:
        return [{**frame, **fields} if frame["type"] == type else frame]

    return mangle


def loses(type: str, every: int = 1) -> Mangle:
    seen = 0

    def mangle(frame: Frame) -> list[Frame]:
        nonlocal seen
        seen += frame["type"] == type
        return [] if frame["type"] == type and seen % every == 0 else [frame]

    return mangle


def doubles(type: str) -> Mangle:
    return lambda frame: [frame, frame] if frame["type"] == type else [frame]


def recodes(wrong: str, *right: str) -> Mangle:
    def mangle(frame: Frame) -> list[Frame]:
        return [{**frame, "code": wrong} if frame.get("code") in right else frame]

    return mangle


def turns(change: Callable[[Frame], object]) -> Mangle:
    def mangle(frame: Frame) -> list[Frame]:
        if frame["type"] == "turn":
            change(frame)
        return [frame]

    return mangle


def segments(**fields: Any) -> Mangle:
    return turns(lambda turn: [segment.update(fields) for segment in turn["segments"]])


def covers(**steps: int) -> Mangle:
    def change(turn: Frame) -> None:
        for name, step in steps.items():
            turn["covers"][name] += step

    return turns(change)


def tells_agents(frame: Frame) -> list[Frame]:
    idle = {"type": "alex", "room": ROOM, "state": "idle", "behind": {"messages": 0, "words": 0, "seconds": 0}}
    return [frame, idle] if frame["type"] == "message" else [frame]


def keeps_text(frame: Frame) -> list[Frame]:
    if frame["type"] == "page":
        frame["items"] = [{**item, "text": item["text"] or "A secret."} for item in frame["items"]]
    return [frame]


def accepts(frame: Frame) -> list[Frame]:
    """Answers every refused request as if it had been granted."""
    return [{"type": "ok", "ref": frame.get("ref"), "room": ROOM} if frame["type"] == "error" else frame]


def shouting_id(frame: Frame) -> list[Frame]:
    if frame["type"] == "welcome":
        frame["you"] = {**frame["you"], "id": frame["you"]["id"].upper()}
    return [frame]


def mentions_all(frame: Frame) -> list[Frame]:
    return [{**frame, "mentions": ["somebody"]} if frame["type"] == "message" else frame]


def renumbers() -> Mangle:
    """Every `said` has a seq of its own, as if each were another message."""
    seqs = itertools.count(1)
    return lambda frame: [{**frame, "seq": next(seqs)} if frame["type"] == "said" else frame]


def swaps(frame: Frame) -> list[Frame]:
    """`history` the wrong way round."""
    if frame["type"] == "page":
        frame["items"] = frame["items"][::-1]
    return [frame]


def partial_view(frame: Frame) -> list[Frame]:
    if frame["type"] == "view":
        frame["view"] = {"cadence_s": frame["view"]["cadence_s"]}
    return [frame]


def names_alex(frame: Frame) -> list[Frame]:
    if frame["type"] == "joined":
        frame["members"] = [*frame["members"], {"id": "alex", "name": "Alex", "kind": "agent", "role": "member"}]
    return [frame]


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(old, new)


def counts(name: str, within: str | None = None) -> Callable[[bytes], bytes]:
    """A field of every answer, or of a part of each item of a page, is another each time."""
    numbers = itertools.count(1)

    def tampered(body: bytes) -> bytes:
        found = json.loads(body)
        for each in [found] if within is None else [item[within] for item in found.get("items", ())]:
            each[name] = f"{next(numbers)}"
        return json.dumps(found).encode()

    return tampered


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an id in capitals": ("welcomed", {"mangle": shouting_id}),
    "another close code before hello": ("another_first", {"codes": {4001: 1000}}),
    "another close code for silence": ("silent", {"codes": {4001: 1008}}),
    "another close code for a bad token": ("bad_token", {"codes": {4003: 1000}}),
    "a second hello accepted": ("twice", {"mangle": accepts}),
    "a taken name by another code": ("taken", {"mangle": recodes("bad_field", "conflict")}),
    "the mediator's name by another code": ("reserved", {"mangle": recodes("forbidden", "conflict")}),
    "a bad name by another code": ("bad_names", {"mangle": recodes("bad_frame", "bad_field")}),
    "never resumed": ("resumed", {"mangle": changes("welcome", resumed=False)}),
    "always resumed": ("unknown_session", {"mangle": changes("welcome", resumed=True)}),
    "a mediator among the members": ("joins", {"mangle": names_alex}),
    "leaving without an answer": ("again", {"mangle": changes("left", type="ok")}),
    "a room for every name": ("elsewhere", {"mangle": accepts}),
    "no `said`": ("said_first", {"mangle": loses("said")}),
    "a text that was tidied": ("said_first", {"mangle": changes("message", text="tidy")}),
    "a time without milliseconds": ("said_first", {"mangle": changes("message", at="2026-01-01T00:00:00Z")}),
    "everything twice": ("repeated", {"mangle": doubles("message")}),
    "a conflict taken for a repeat": ("conflict", {"mangle": accepts}),
    "a reply to nothing accepted": ("refused_speech", {"mangle": accepts}),
    "mentions of whom nobody named": ("mentions", {"mangle": mentions_all}),
    "errors without their field": ("bad_frames", {"mangle": changes("error", field="")}),
    "too large by another code": ("too_large", {"mangle": recodes("bad_frame", "too_large")}),
    "a limit that does not say how long": ("too_fast", {"mangle": changes("error", retry_after_s=0)}),
    "bad frames for ever": ("twenty", {"codes": {4000: 1000}}),
    "pages the wrong way round": ("pages", {"mangle": swaps}),
    "a message lost now and then": ("agents", {"mangle": loses("message", 3)}),
    "the mediator's frames to agents": ("agents", {"mangle": tells_agents}),
    "views for agents": ("forbidden", {"mangle": accepts}),
    "a lossy raw stream": ("raw", {"mangle": loses("message", 7)}),
    "no turns": ("mediated", {"mangle": loses("turn")}),
    "a turn lost": ("ranges", {"mangle": loses("turn", 2)}),
    "a hole between ranges": ("ranges", {"mangle": covers(**{"from": 1})}),
    "miscounted messages": ("ranges", {"mangle": covers(messages=1)}),
    "invented words": ("segments", {"mangle": segments(text="Nobody ever said this.")}),
    "the wrong speaker": ("segments", {"mangle": segments(speakers=["somebody"])}),
    "sources from the future": ("segments", {"mangle": covers(to=-1)}),
    "a view in part": ("views", {"mangle": partial_view}),
    "a cadence of half a second accepted": ("bad_views", {"mangle": accepts}),
    "typing kept to itself": ("typing", {"mangle": loses("typing")}),
    "nobody told who comes": ("presence", {"mangle": loses("presence")}),
    "recovery that is none": ("recovers", {"mangle": changes("joined", recovered=False)}),
    "a gap after a return": ("recovers", {"mangle": loses("message", 9)}),
    "every epoch recovered": ("other_epoch", {"mangle": changes("joined", recovered=True)}),
    "said twice after a cut": ("says_once", {"mangle": renumbers()}),
    "a redaction kept to itself": ("redacts", {"mangle": loses("redacted")}),
    "a redaction that leaves the text": ("redacts", {"mangle": keeps_text}),
    "a redaction missed while away": ("redacts_while_away", {"mangle": loses("redacted", 1)}),
    "guests who moderate": ("guests", {"mangle": accepts}),
    "a mute that is heard": ("mutes", {"mangle": accepts}),
    "another close code for a kick": ("kicks", {"codes": {4010: 1000}}),
    "another close code for a ban": ("bans", {"codes": {4011: 1006}}),
    "a lock that does not hold": ("locks", {"mangle": accepts}),
    "a ticket that is nobody's": ("tickets", {"mangle": recodes("forbidden", "unauthorized")}),
    "a room made with another status": ("makes_rooms", {"status": lambda s, path: 200 if s == 201 else s}),
    "a private room for everybody": ("private_rooms", {"mangle": accepts}),
    "a server that is not ready": ("health", {"status": lambda status, path: 503}),
    "a search that breaks": ("search", {"status": lambda s, path: 500 if "%22" in path else s}),
    "errors that are all alike": ("errors", {"status": lambda status, path: 400}),
    "messages with an error's status": ("messages", {"status": lambda status, path: 404}),
    "a message that is created with 200": ("speaks", {"status": lambda s, path: 200 if s == 201 else s}),
    "a repeat that is another message": ("speaks", {"tampered": counts("seq")}),
    "other content that is taken": ("speaks", {"status": lambda s, path: 201 if s == 409 else s}),
    "a stranger who may speak": ("needs_a_name", {"status": lambda s, path: 201 if s == 401 else s}),
    "a bad body that breaks the server": ("bad_bodies", {"status": lambda s, path: 500 if s == 400 else s}),
    "a bad body by another code": ("bad_bodies", {"tampered": swapped(b"bad_field", b"conflict")}),
    "one name, two guests": ("guest_by_name", {"tampered": counts("id", within="from")}),
    "a name that is nobody's own": ("guest_by_name", {"status": lambda s, path: 201 if s == 409 else s}),
    "turns for agents": ("turns_over_http", {"status": lambda s, path: 200 if s == 403 else s}),
    "turns that are messages": ("turns_over_http", {"tampered": swapped(b'"turns"', b'"raw"')}),
    "views for everybody": ("views_over_http", {"status": lambda s, path: 200 if s == 403 else s}),
    "a view that stays": ("views_over_http", {"tampered": swapped(b'"cadence_s":11.0', b'"cadence_s":5.0')}),
    "no Alex among the models": ("lists_models", {"tampered": swapped(b'"alex"', b'"eliza"')}),
    "a completion of another shape": ("completes", {"tampered": swapped(b'"choices"', b'"answers"')}),
    "words of Alex's own": ("completes", {"tampered": swapped(b"appointments", b"disappointments")}),
    "events that do not end": ("streams", {"tampered": swapped(b"data: [DONE]", b": done")}),
    "a stream that says something else": ("streams", {"tampered": swapped(b"appointments", b"disappointments")}),
    "a bad completion that breaks the server": ("bad_completions", {"status": lambda s, path: 500 if s == 400 else s}),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_server_with_a_fault_is_found_out(fault: str) -> None:
    name, how = FAULTS[fault]
    result = await run(named(name), **how)
    assert result.state == "fail" and result.expected and result.came, result


def test_every_check_has_been_seen_to_fail() -> None:
    assert sorted(set(NAMES) - {name for name, _ in FAULTS.values()} - {"rooms"}) == []
    assert len(NAMES) == len(set(NAMES))


async def test_a_list_of_rooms_without_the_room_is_found_out() -> None:
    rule = named("rooms")

    async def dial() -> Pipe:
        return ours.connect()

    async def http(method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        return 200, b"[]"

    ours = mortal.Server(clock, ViewPatch())
    await ours.start()
    report = await judge(Server(dial, http, ROOM, None, "t"), "ours", [rule])
    assert not report.conforms and report.results[0].expected == "the room, once"
    await ours.stop()
