"""HTTP beside the websocket."""

from __future__ import annotations

from functools import partial

from cadence.conform.kit import Rule, Server, error_code, rule
from cadence.conform.report import Skipped, expect

RULES: list[Rule] = []
_rule = partial(rule, RULES)


@_rule("HTTP", "`/livez` and `/readyz` answer 200")
async def health(server: Server) -> None:
    for path in ("/livez", "/readyz"):
        status, body = await server.get(path)
        expect(status == 200, f"200 for {path}", f"{status} {body}")


@_rule("HTTP", "`/api/rooms` lists the room with its head and epoch")
async def rooms(server: Server) -> None:
    _, found = await server.get("/api/rooms", await _session(server))
    here = [each for each in found if each.get("room") == server.room] if isinstance(found, list) else []
    expect(len(here) == 1 and set(here[0]) >= {"room", "title", "members", "head", "epoch"}, "the room, once", found)


@_rule("HTTP", "`/api/rooms/{room}/messages` is a `page` of whole frames")
async def messages(server: Server) -> None:
    ann = await server.member("Ann")
    said = await ann.say(server.room, "Read me over HTTP.")
    status, page = await server.get(f"/api/rooms/{server.room}/messages?limit=1&after={said['seq'] - 1}", ann.session)
    expect(status == 200 and page["type"] == "page", "200 with a `page`", page)
    expect([item["text"] for item in page["items"]] == ["Read me over HTTP."], "the message", page)


@_rule("HTTP", "errors have their status and one shape, {error: {code, message}}")
async def errors(server: Server) -> None:
    session = await _session(server)
    where = f"/api/rooms/{server.room}/messages"
    for path, token, status, code in (
        (f"/api/rooms/nowhere-{server.run}/messages", session, 404, "no_such_room"),
        (f"{where}?limit=0", session, 400, "bad_field"),
        (f"{where}?before=x", session, 400, "bad_field"),
        (where, f"not-a-token-{server.run}", 401, "unauthorized"),
    ):
        came, body = await server.get(path, token)
        expect(came == status and error_code(body) == code, f"{status} `{code}` for {path}", f"{came} {body}")


@_rule("HTTP", "`/search` finds words, and a query for nothing is 400, never 500")
async def search(server: Server) -> None:
    ann = await server.member("Ann")
    word = f"xylophone{server.run}"
    said = await ann.say(server.room, f"The {word} again.")
    path = f"/api/rooms/{server.room}/search"
    status, page = await server.get(f"{path}?q={word}", ann.session)
    if status == 503:
        raise Skipped("the server does not offer search now")
    expect(status == 200 and [item["seq"] for item in page["items"]] == [said["seq"]], "the message", page)
    for query in ("", "q=", "q=%22", "q=%00", "q=***"):
        status, body = await server.get(f"{path}?{query}", ann.session)
        expect(status == 400 and error_code(body) == "bad_field", f"400 `bad_field` for {query!r}", f"{status} {body}")
    for query in ("a%22+OR+b", "NEAR(a+b)", "text%3Aa", "%27%3B+DROP+TABLE", "a*b", "^a", "-a"):
        status, body = await server.get(f"{path}?q={query}", ann.session)
        expect(status in (200, 400), f"200 or 400 for {query!r}", f"{status} {body}")
    await ann.redact(server.room, said["seq"])
    _, page = await server.get(f"{path}?q={word}", ann.session)
    expect(page["items"] == [], "nothing once it was taken back", page)


async def _session(server: Server) -> str | None:
    return (await server.guest("Ann")).session
