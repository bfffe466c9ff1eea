import json
from typing import Any

import pytest

from cadence.rooms.http import NOT_OFFERED, create_api
from cadence.rooms.wire import Member, Say
from tests.asgi import Answer, fetch
from tests.rooms.house import HOST_TOKEN, House

VERA = Member("vera", "Vera", "agent", "member")


class Site:
    """The HTTP side of a house in which something was said."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._api = create_api(house.hub, house.identity, "1.2.3")

    async def get(self, target: str, token: str | None = None, method: str = "GET") -> Answer:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await fetch(self._api, method, target, **headers)

    async def error(self, target: str, token: str | None = None, method: str = "GET") -> tuple[int, dict[str, Any]]:
        answer = await self.get(target, token, method)
        body = answer.json()
        assert list(body) == ["error"]
        assert {"code", "message"} <= set(body["error"]) <= {"code", "message", "field"}
        return answer.status, body["error"]


async def site(open: bool = True, messages: int = 3) -> Site:
    house = await House(open=open).start()
    for number in range(1, messages + 1):
        await house.hub.say(VERA, Say(room="lab", id=f"m{number}", text=f"text {number}"))
    return Site(house)


async def test_health_is_open_to_all() -> None:
    there = await site(open=False)
    assert (await there.get("/livez")).json() == {"status": "ok"}
    assert (await there.get("/readyz")).status == 200


async def test_a_server_that_drains_or_cannot_read_is_not_ready() -> None:
    there = await site()
    await there.house.log.close()
    assert (await there.error("/readyz"))[0] == 503
    there = await site()
    await there.house.hub.drain(1.0)
    status, error = await there.error("/readyz")
    assert (status, error["code"]) == (503, "unavailable")
    assert (await there.get("/livez")).status == 200


async def test_rooms_are_listed_to_those_who_may_enter() -> None:
    there = await site()
    await there.house.member("Ann")
    lab = {"room": "lab", "title": "The lab", "members": 1, "head": 3, "epoch": "epoch-0", "public": True}
    attic = {"room": "attic", "title": "The attic", "members": 0, "head": 0, "epoch": "epoch-1", "public": False}
    assert (await there.get("/api/rooms")).json() == [lab]
    assert (await there.get("/api/rooms", HOST_TOKEN)).json() == [lab, attic]


async def test_messages_come_in_pages() -> None:
    there = await site()
    page = (await there.get("/api/rooms/lab/messages?after=0&limit=2")).json()
    assert [item["seq"] for item in page["items"]] == [1, 2]
    assert (page["type"], page["more"], page["stream"]) == ("page", True, "raw")
    page = (await there.get("/api/rooms/lab/messages?seqs=3,1,9")).json()
    assert [item["seq"] for item in page["items"]] == [1, 3]
    assert len((await there.get("/api/rooms/lab/messages")).json()["items"]) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("before=-1", "before"),
        ("after=1e9", "after"),
        ("after=99999999999999999999", "after"),
        ("seqs=a", "seqs"),
        ("seqs=-1", "seqs"),
        ("seqs=" + ",".join(["1"] * 201), "seqs"),
        ("before=3&after=1", "after"),
    ],
)
async def test_a_bad_query_names_its_field(query: str, field: str) -> None:
    status, error = await (await site()).error(f"/api/rooms/lab/messages?{query}")
    assert (status, error["code"], error["field"]) == (400, "bad_field", field)


@pytest.mark.parametrize("room", ["attic", "nowhere"])
async def test_a_room_one_may_not_know_of_is_not_found(room: str) -> None:
    status, error = await (await site()).error(f"/api/rooms/{room}/messages")
    assert (status, error["code"]) == (404, "no_such_room")


async def test_elsewhere_nothing_is_read_without_a_token() -> None:
    there = await site(open=False)
    for target in ("/api/rooms", "/api/rooms/lab/messages"):
        for token in (None, "wrong"):
            assert (await there.error(target, token))[0] == 401
        assert (await there.get(target, HOST_TOKEN)).status == 200
    assert (await there.get("/api/rooms")).headers["www-authenticate"] == "Bearer"


async def test_a_wrong_token_is_refused_even_where_none_is_needed() -> None:
    assert (await (await site()).error("/api/rooms", "wrong"))[0] == 401


async def test_a_session_reads_what_its_user_may() -> None:
    there = await site(open=False)
    host = await there.house.client(kind="human", token=HOST_TOKEN)
    assert len((await there.get("/api/rooms", host.session)).json()) == 2


async def test_hosts_make_tickets() -> None:
    there = await site(open=False)
    made = (await there.get("/api/tickets", HOST_TOKEN, "POST")).json()
    assert made["expires_in_s"] == 24 * 3600
    assert (await there.house.client(kind="human", token=made["ticket"])).id == "host"


async def test_others_make_none() -> None:
    there = await site()
    ann = await there.house.client("Ann")
    assert (await there.error("/api/tickets", None, "POST"))[0] == 401
    assert (await there.error("/api/tickets", ann.session, "POST"))[0] == 403


class Told:
    """What paces readers, as far as `why` is concerned."""

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        return {"by": by.id, "room": room, "user": user, "turn": turn}


async def test_why_goes_to_whoever_paces_the_readers() -> None:
    there = await site(open=False)
    assert (await there.error("/api/rooms/lab/turns/bob/7/why", HOST_TOKEN))[0] == 503
    there.house.hub.mediation = Told()  # type: ignore[assignment]
    answer = await there.get("/api/rooms/lab/turns/bob/7/why", HOST_TOKEN)
    assert answer.json() == {"by": "host", "room": "lab", "user": "bob", "turn": 7}
    assert (await there.error("/api/rooms/lab/turns/bob/7/why"))[0] == 401
    assert (await there.error("/api/rooms/none/turns/bob/7/why", HOST_TOKEN))[0] == 404
    assert (await there.error("/api/rooms/lab/turns/bob/0/why", HOST_TOKEN))[0] == 400
    assert (await (await site()).error("/api/rooms/lab/turns/bob/7/why"))[0] == 401


@pytest.mark.parametrize(("method", "path"), NOT_OFFERED)
async def test_what_is_not_offered_yet_says_so(method: str, path: str) -> None:
    target = path.format(room="lab", id="bob", reader="bob", turn=1)
    status, error = await (await site()).error(target, HOST_TOKEN, method)
    assert (status, error["code"]) == (503, "unavailable")


async def test_unknown_paths_and_methods_have_the_same_shape() -> None:
    there = await site()
    assert (await there.error("/api/nothing"))[1]["code"] == "not_found"
    assert (await there.error("/livez", method="DELETE"))[0] == 405


async def test_a_log_that_cannot_be_read_is_unavailable() -> None:
    there = await site()
    await there.house.log.close()
    status, error = await there.error("/api/rooms/lab/messages")
    assert (status, error["code"]) == (503, "unavailable")


async def test_a_failure_tells_nothing_of_the_inside() -> None:
    there = await site()
    there.house.hub.find = None  # type: ignore[assignment, method-assign]
    status, error = await there.error("/api/rooms/lab/messages")
    assert (status, error["code"]) == (503, "unavailable")
    assert "NoneType" not in error["message"]


async def test_the_host_exports_a_room_line_by_line() -> None:
    there = await site(messages=120)
    await there.house.hub.say(VERA, Say(room="lab", id="last", text="a secret"))
    room = there.house.hub.find("lab", VERA)
    await there.house.hub.redact(VERA, room, room.head, None, "r")
    answer = await there.get("/api/rooms/lab/export", HOST_TOKEN)
    lines = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.headers["content-disposition"] == 'attachment; filename="lab.jsonl"'
    assert [line["seq"] for line in lines] == list(range(1, 122))
    assert lines[-1]["redacted"] is True and b"secret" not in answer.body
    assert (await there.get("/api/rooms/attic/export", HOST_TOKEN)).body == b""


async def test_others_export_nothing() -> None:
    there = await site()
    ann = await there.house.client("Ann")
    assert (await there.error("/api/rooms/lab/export"))[0] == 401
    assert (await there.error("/api/rooms/lab/export", ann.session))[0] == 403
    assert (await there.error("/api/rooms/nowhere/export", HOST_TOKEN))[0] == 404
    await there.house.log.close()
    assert (await there.error("/api/rooms/lab/export", HOST_TOKEN))[0] == 503


async def test_a_room_is_searched_for_words() -> None:
    there = await site(messages=0)
    for number, text in enumerate(["the probe", "the hill", "a probe of the hill"]):
        await there.house.hub.say(VERA, Say(room="lab", id=f"s{number}", text=text))
    page = (await there.get("/api/rooms/lab/search?q=probe")).json()
    assert (page["type"], page["stream"], page["more"]) == ("page", "raw", False)
    assert [item["text"] for item in page["items"]] == ["the probe", "a probe of the hill"]
    page = (await there.get("/api/rooms/lab/search?q=probe&limit=1")).json()
    assert ([item["text"] for item in page["items"]], page["more"]) == (["a probe of the hill"], True)
    assert (await there.get("/api/rooms/lab/search?q=%22probe+of%22&from=vera")).json()["items"]
    assert (await there.get("/api/rooms/lab/search?q=probe&from=bob")).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=",
        "q=%22",
        "q=***",
        "q=%00",
        "q=" + "x" * 201,
        "q=" + "a+" * 17,
        "q=" + "x" * 5000,
        "q=a&limit=0",
        "q=a&limit=x",
    ],
)
async def test_a_search_for_nothing_is_a_bad_field(query: str) -> None:
    status, error = await (await site()).error(f"/api/rooms/lab/search?{query}")
    assert (status, error["code"]) == (400, "bad_field") and error["field"] in ("q", "limit")


@pytest.mark.parametrize(
    "query",
    [
        "a%22+OR+b",
        "%22a%22+NEAR%2F2+b",
        "text%3Aa",
        "a*b",
        "%27%3B+DROP+TABLE+places",
        "%FF%FE",
        "a%00b",
        "^a",
        "-a",
        "(a",
    ],
)
async def test_a_search_in_another_language_is_only_words(query: str) -> None:
    assert (await (await site()).get(f"/api/rooms/lab/search?q={query}")).status in (200, 400)


async def test_only_rooms_one_may_know_of_are_searched() -> None:
    assert (await (await site()).error("/api/rooms/attic/search?q=x"))[0] == 404
    assert (await (await site(open=False)).error("/api/rooms/lab/search?q=x"))[0] == 401


async def test_who_searches_without_a_pause_is_told_to_wait_and_others_are_not() -> None:
    there = await site()
    path = "/api/rooms/lab/search?q=text"
    statuses = [(await there.get(path)).status for _ in range(25)]
    assert statuses[:20] == [200] * 20 and statuses[-1] == 429
    assert (await there.error(path))[1]["code"] == "rate_limited"
    assert (await there.get(path)).headers["retry-after"] == "1"
    assert (await there.get(path, HOST_TOKEN)).status == 200
