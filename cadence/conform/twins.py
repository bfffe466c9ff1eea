"""HTTP twins of what goes over the socket: to speak, one's turns, views for hosts."""

from __future__ import annotations

from functools import partial
from typing import Any

from cadence.conform.kit import ANSWER_SECONDS_MAX, Rule, Server, error_code, offered, rule
from cadence.conform.report import Skipped, expect

RULES: list[Rule] = []
_rule = partial(rule, RULES)

# What no server may take as a message, and how it must say so.
BAD_BODIES: tuple[tuple[Any, int, str], ...] = (
    (b"", 400, "bad_frame"),
    (b"{", 400, "bad_frame"),
    (b"[]", 400, "bad_frame"),
    (b"null", 400, "bad_frame"),
    (b"\xff\xfe", 400, "bad_frame"),
    (b"[" * 30_000, 400, "bad_frame"),
    ({}, 400, "bad_field"),
    ({"id": "1"}, 400, "bad_field"),
    ({"text": "x"}, 400, "bad_field"),
    ({"id": "", "text": "x"}, 400, "bad_field"),
    ({"id": "x" * 65, "text": "x"}, 400, "bad_field"),
    ({"id": 1, "text": "x"}, 400, "bad_field"),
    ({"id": "1", "text": None}, 400, "bad_field"),
    ({"id": "1", "text": ["x"]}, 400, "bad_field"),
    ({"id": "1", "text": ""}, 400, "bad_field"),
    ({"id": "1", "text": "x", "parts": {}}, 400, "bad_field"),
    ({"id": "1", "text": "x", "parts": [{"kind": "code", "body": "x"}] * 17}, 400, "bad_field"),
    ({"id": "1", "text": "x", "parts": [{"kind": "spell", "body": "x"}]}, 400, "bad_field"),
    ({"id": "1", "text": "x", "reply_to": -1}, 400, "bad_field"),
    ({"id": "1", "text": "x", "reply_to": 2**52}, 404, "not_found"),
    ({"id": "1", "text": "x", "pod": "no such pod"}, 404, "not_found"),
    ({"id": "1", "text": "x", "spoken": "yes"}, 400, "bad_field"),
    ({"id": "1", "text": "x" * 70_000}, 413, "too_large"),
)


@_rule("HTTP", "`POST …/messages` answers 201 with `said`; again: the same; other content: 409")
async def speaks(server: Server) -> None:
    ann, bob = await server.member("Ann"), await server.guest("Bob")
    path, fields = _messages(server), {"id": "over-http", "text": "I say this over HTTP."}
    status, said = await server.post(path, fields, bob.session)
    offered(status, said)
    expect(status == 201 and said["type"] == "said" and said["id"] == "over-http", "201 with `said`", said)
    heard = await ann.until(lambda f: f["type"] == "message" and f["id"] == "over-http", within=ANSWER_SECONDS_MAX)
    expect(heard["from"]["id"] == bob.id and heard["text"] == fields["text"], "the message, as it was said", heard)
    again = await server.post(path, fields, bob.session)
    expect(again == (201, said), "the same `said` for the same message", again)
    status, body = await server.post(path, {**fields, "text": "Something else."}, bob.session)
    expect(status == 409 and error_code(body) == "conflict", "409 `conflict`", f"{status} {body}")


@_rule("HTTP", "who gives no token, and no name where that is enough, cannot speak")
async def needs_a_name(server: Server) -> None:
    path, fields = _messages(server), {"id": "1", "text": "Who am I?"}
    for token in (None, f"not-a-token-{server.run}"):
        status, body = await server.post(path, fields, token)
        offered(status, body)
        expect(status == 401 and error_code(body) == "unauthorized", "401 `unauthorized`", f"{status} {body}")


@_rule("HTTP", "a body that is no message is refused with its code, never with a failure of the server")
async def bad_bodies(server: Server) -> None:
    ann = await server.member("Ann")
    for fields, status, code in BAD_BODIES:
        came, body = await server.post(_messages(server), fields, ann.session)
        offered(came, body)
        what = repr(fields)[:60]
        expect(came == status and error_code(body) == code, f"{status} `{code}` for {what}", f"{came} {body}")
    came, body = await server.post(f"/api/rooms/nowhere-{server.run}/messages", {"id": "1", "text": "x"}, ann.session)
    expect(came == 404 and error_code(body) == "no_such_room", "404 `no_such_room`", f"{came} {body}")


@_rule("HTTP", "`X-Cadence-Name` names one guest for all requests; a name of somebody else is 409")
async def guest_by_name(server: Server) -> None:
    ann = await server.guest("Ann")
    name, path = f"Echo {server.run}", _messages(server)
    seqs = []
    for number in range(2):
        status, said = await server.post(path, {"id": f"{number}", "text": "x"}, **{"X-Cadence-Name": name})
        if status == 401:
            raise Skipped("names alone let nobody in here")
        offered(status, said)
        expect(status == 201, "201", f"{status} {said}")
        seqs.append(said["seq"])
    _, page = await server.get(f"{path}?seqs={seqs[0]},{seqs[1]}", ann.session)
    authors = {item["from"]["id"] for item in page["items"]}
    expect(len(authors) == 1, "one author of both", page["items"])
    status, body = await server.post(path, {"id": "3", "text": "x"}, **{"X-Cadence-Name": str(ann.name)})
    expect(
        status == 409 and error_code(body) == "conflict", "409 `conflict` for a name that is held", f"{status} {body}"
    )


@_rule("HTTP", "`…/turns` is a `page` of one's own turns; agents get 403")
async def turns_over_http(server: Server) -> None:
    rae, ann = await server.member("Rae", "human"), await server.member("Ann")
    path = f"/api/rooms/{server.room}/turns"
    status, page = await server.get(f"{path}?limit=5", rae.session)
    offered(status, page)
    expect(status == 200 and page["type"] == "page" and page["stream"] == "turns", "200 with a `page`", page)
    for token, query in ((ann.session, ""), (rae.session, f"?participant={ann.id}")):
        status, body = await server.get(f"{path}{query}", token)
        expect(status == 403 and error_code(body) == "forbidden", "403 `forbidden`", f"{status} {body}")
    for query in ("limit=0", "limit=201", "before=x", "seqs=a", "before=1&after=1"):
        status, body = await server.get(f"{path}?{query}", rae.session)
        expect(status == 400 and error_code(body) == "bad_field", f"400 `bad_field` for {query}", f"{status} {body}")


@_rule("HTTP", "a host sees and sets a reader's view, who is told; nobody else does")
async def views_over_http(server: Server) -> None:
    if server.token is None:
        raise Skipped("needs a host's token")
    rae = await server.member("Rae", "human")
    path = f"/api/rooms/{server.room}/participants/{rae.id}/view"
    for method in ("GET", "PATCH"):
        status, body = await server.post(path, {"cadence_s": 11}, rae.session, method)
        offered(status, body)
        expect(status == 403 and error_code(body) == "forbidden", f"403 `forbidden` for {method}", f"{status} {body}")
    status, view = await server.post(path, {"cadence_s": 11}, server.token, "PATCH")
    expect(status == 200 and view["view"]["cadence_s"] == 11, "200 with the whole view", f"{status} {view}")
    told = await rae.until(lambda f: f["type"] == "view" and f["view"]["cadence_s"] == 11, within=ANSWER_SECONDS_MAX)
    expect(told["set_by"] == view["set_by"], "the reader to be told who set it", told)
    _, seen = await server.get(path, server.token)
    expect(seen["view"] == view["view"], "the view as it was set", seen)
    for fields in ({"cadence_s": 0}, {"mode": "loud"}, {"sigma": "x"}, {"interests": ["x"] * 9}):
        status, body = await server.post(path, fields, server.token, "PATCH")
        expect(status == 400 and error_code(body) == "bad_field", f"400 `bad_field` for {fields}", f"{status} {body}")


def _messages(server: Server) -> str:
    return f"/api/rooms/{server.room}/messages"
