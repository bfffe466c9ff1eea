"""Speaking over HTTP, reading turns, and hosts who see and set views."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cadence.alex.driver import Driver
from cadence.rooms.guests import Guests
from cadence.rooms.http import create_api
from cadence.rooms.wire import FRAME_BYTES_MAX, ViewPatch
from tests.asgi import Answer, fetch
from tests.rooms.house import HOST_TOKEN, House, clock, settle

LAB = "/api/rooms/lab/messages"


class Site:
    def __init__(self, house: House, named: bool = True) -> None:
        self.house = house
        guests = Guests(house.identity, clock, ("127.0.0.1", "localhost")) if named else None
        self._api = create_api(house.hub, house.identity, "1", guests=guests)

    async def ask(
        self, method: str, target: str, fields: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        body = fields if isinstance(fields, bytes) else b"" if fields is None else json.dumps(fields).encode()
        return await fetch(self._api, method, target, body, **headers)

    async def say(self, name: str, id: str = "1", text: str = "hello", **fields: Any) -> Answer:
        return await self.ask("POST", LAB, {"id": id, "text": text, **fields}, **{"x-cadence-name": name})


async def site(mediated: bool = False) -> Site:
    house = await House().start()
    if mediated:
        driver = Driver(house.log, clock, house.hub.tell)
        for room in house.hub.rooms():
            await driver.open_room(room.info.room, room.epoch, room.head, ViewPatch())
        house.hub.mediation = driver
    return Site(house)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


async def test_what_is_said_over_http_is_heard_in_the_room() -> None:
    there = await site()
    ann = await there.house.member("Ann")
    said = await there.say("Echo", text="@Ann hello")
    assert (said.status, said.json()) == (201, {
        "type": "said", "room": "lab", "id": "1", "seq": 1, "epoch": "epoch-0", "at": said.json()["at"],
    })  # fmt: skip
    heard = await ann.until("message")
    assert (heard["text"], heard["from"]["name"], heard["from"]["kind"], heard["mentions"]) == (
        "@Ann hello", "Echo", "agent", [ann.id],
    )  # fmt: skip


async def test_saying_it_again_is_harmless_and_something_else_a_conflict() -> None:
    there = await site()
    assert [(await there.say("Echo")).json()["seq"] for _ in range(3)] == [1, 1, 1]
    assert code(await there.say("Echo", text="other")) == (409, "conflict")
    assert (await there.say("Other")).json()["seq"] == 2, "ids are a user's own"


async def test_a_session_speaks_as_who_it_is_with_or_without_a_connection() -> None:
    there = await site()
    rae = await there.house.member("Rae", kind="human")
    await there.ask("POST", LAB, {"id": "1", "text": "over HTTP"}, rae.session)
    heard = await rae.until("message")
    assert heard["from"] == {"id": rae.id, "name": "Rae", "kind": "human"}
    await rae.channel.cut()
    assert (await there.ask("POST", LAB, {"id": "2", "text": "gone"}, rae.session)).status == 201


async def test_a_token_counts_whatever_name_is_beside_it() -> None:
    there = await site()
    await there.ask("POST", LAB, {"id": "1", "text": "x"}, HOST_TOKEN, **{"x-cadence-name": "Echo"})
    page = (await there.ask("GET", LAB)).json()
    assert page["items"][0]["from"]["id"] == "host"


@pytest.mark.parametrize(
    ("fields", "expected", "field"),
    [
        (b"", (400, "bad_frame"), None),
        (b"[]", (400, "bad_frame"), None),
        ({"id": "1"}, (400, "bad_field"), "text"),
        ({"text": "x"}, (400, "bad_field"), "id"),
        ({"id": "", "text": "x"}, (400, "bad_field"), "id"),
        ({"id": "x" * 65, "text": "x"}, (400, "bad_field"), "id"),
        ({"id": "1", "text": 7}, (400, "bad_field"), "text"),
        ({"id": "1", "text": ""}, (400, "bad_field"), "text"),
        ({"id": "1", "text": "x", "parts": [{"kind": "code", "body": "x"}] * 17}, (400, "bad_field"), "parts"),
        ({"id": "1", "text": "x", "parts": [{"kind": "spell", "body": "x"}]}, (400, "bad_field"), "parts[0].kind"),
        ({"id": "1", "text": "x", "reply_to": 99}, (404, "not_found"), "reply_to"),
        ({"id": "1", "text": "x", "pod": "cellar"}, (404, "not_found"), "pod"),
        (b"x" * (FRAME_BYTES_MAX + 1), (413, "too_large"), None),
        ({"id": "1", "text": "x" * FRAME_BYTES_MAX}, (413, "too_large"), None),
    ],
)
async def test_a_bad_body_names_its_field(fields: Any, expected: tuple[int, str], field: str | None) -> None:
    answer = await (await site()).ask("POST", LAB, fields, HOST_TOKEN)
    assert (code(answer), answer.json()["error"].get("field")) == (expected, field)


async def test_what_a_body_says_of_its_room_or_type_does_not_count() -> None:
    there = await site()
    fields = {"id": "1", "text": "x", "room": "attic", "type": "redact"}
    assert (await there.ask("POST", LAB, fields, HOST_TOKEN)).json()["room"] == "lab"


@pytest.mark.parametrize(("room", "name"), [("attic", "Echo"), ("nowhere", "Echo")])
async def test_a_room_one_may_not_enter_is_not_there(room: str, name: str) -> None:
    there = await site()
    target = f"/api/rooms/{room}/messages"
    answer = await there.ask("POST", target, {"id": "1", "text": "x"}, **{"x-cadence-name": name})
    assert code(answer) == (404, "no_such_room")


async def test_who_gives_neither_token_nor_name_is_nobody() -> None:
    there = await site()
    for target, method in (
        (LAB, "POST"),
        ("/api/rooms/lab/turns", "GET"),
        ("/api/rooms/lab/participants/x/view", "GET"),
    ):
        answer = await there.ask(method, target, {"id": "1", "text": "x"})
        assert code(answer) == (401, "unauthorized")
        assert code(await there.ask(method, target, {"id": "1", "text": "x"}, "wrong")) == (401, "unauthorized")
    assert (await there.ask("GET", LAB)).json()["items"] == []


async def test_what_is_too_fast_waits_as_on_the_socket() -> None:
    there = await site()
    rae = await there.house.client("Rae", kind="human")
    await rae.channel.cut()
    answers = [await there.ask("POST", LAB, {"id": f"{number}", "text": "x"}, rae.session) for number in range(11)]
    assert [answer.status for answer in answers] == [201] * 10 + [429]
    assert (code(answers[-1]), answers[-1].headers["retry-after"]) == ((429, "rate_limited"), "1")
    await settle(0.3)
    assert (await there.ask("POST", LAB, {"id": "again", "text": "x"}, rae.session)).status == 201


async def test_requests_of_any_kind_have_a_rate() -> None:
    there = await site()
    answers = [await there.ask("POST", LAB, b"", HOST_TOKEN) for _ in range(801)]
    assert {answer.status for answer in answers[:800]} == {400}
    assert code(answers[800]) == (429, "rate_limited")


async def test_who_is_muted_is_muted_here_too() -> None:
    there = await site()
    host = await there.house.member("Hana", kind="human", token=HOST_TOKEN)
    bob = await there.house.member("Bob")
    await host.ask("mute", room="lab", participant=bob.id)
    assert code(await there.ask("POST", LAB, {"id": "1", "text": "x"}, bob.session)) == (403, "forbidden")
    await host.ask("ban", room="lab", participant=bob.id)
    assert code(await there.ask("POST", LAB, {"id": "1", "text": "x"}, bob.session)) == (403, "forbidden")


async def test_a_log_that_cannot_be_written_is_unavailable() -> None:
    there = await site()
    await there.house.log.close()
    answer = await there.ask("POST", LAB, {"id": "1", "text": "x"}, HOST_TOKEN)
    assert (code(answer), answer.headers["retry-after"]) == ((503, "unavailable"), "1")


# Turns and views.


async def test_turns_are_their_readers_and_a_hosts() -> None:
    there = await site(mediated=True)
    rae = await there.house.member("Rae", kind="human")
    ann = await there.house.member("Ann")
    turns = "/api/rooms/lab/turns"
    page = (await there.ask("GET", f"{turns}?limit=3", None, rae.session)).json()
    assert page == {"type": "page", "room": "lab", "stream": "turns", "items": [], "more": False}
    assert code(await there.ask("GET", turns, None, ann.session)) == (403, "forbidden")
    assert code(await there.ask("GET", f"{turns}?participant=host", None, rae.session)) == (403, "forbidden")
    assert (await there.ask("GET", f"{turns}?participant={rae.id}", None, HOST_TOKEN)).status == 200
    for query, field in (
        ("seqs=x", "seqs"),
        ("seqs=9007199254740992", "seqs"),
        ("limit=201", "limit"),
        ("before=-1", "before"),
    ):
        answer = await there.ask("GET", f"{turns}?{query}", None, rae.session)
        assert (code(answer), answer.json()["error"]["field"]) == ((400, "bad_field"), field)


async def test_a_host_sees_and_sets_a_view_and_the_reader_is_told() -> None:
    there = await site(mediated=True)
    rae = await there.house.member("Rae", kind="human")
    path = f"/api/rooms/lab/participants/{rae.id}/view"
    before = (await there.ask("GET", path, None, HOST_TOKEN)).json()
    assert (before["type"], before["participant"], before["view"]["cadence_s"]) == ("view", rae.id, 5.0)
    await rae.drain()
    fields = {"cadence_s": 9, "lock": ["cadence_s"], "participant": "host", "ref": "mine"}
    after = (await there.ask("PATCH", path, fields, HOST_TOKEN)).json()
    assert (after["view"]["cadence_s"], after["locked"], after["set_by"], "ref" in after) == (
        9.0, ["cadence_s"], "host", False,
    )  # fmt: skip
    told = await rae.until("view")
    assert (told["participant"], told["view"]["cadence_s"]) == (rae.id, 9.0)
    actions = await there.house.log.host_actions("lab", limit=10)
    assert [(action.what, action.whom) for _, action in actions] == [("view", rae.id)]


async def test_views_are_for_hosts_and_within_their_bounds() -> None:
    there = await site(mediated=True)
    rae = await there.house.member("Rae", kind="human")
    path = f"/api/rooms/lab/participants/{rae.id}/view"
    for method in ("GET", "PATCH"):
        assert code(await there.ask(method, path, {}, rae.session)) == (403, "forbidden")
        assert code(await there.ask(method, path.replace(rae.id, "nobody"), {}, HOST_TOKEN)) == (404, "not_found")
        assert code(await there.ask(method, path.replace("lab", "cellar"), {}, HOST_TOKEN)) == (404, "no_such_room")
    for fields, expected, field in (
        ({"cadence_s": 0}, "bad_field", "cadence_s"),
        ({"mode": "loud"}, "bad_field", "mode"),
        ({"lock": ["cellar"]}, "bad_field", "lock"),
        (b'{"sigma": 1e999}', "bad_frame", None),
    ):
        answer = await there.ask("PATCH", path, fields, HOST_TOKEN)
        assert (code(answer), answer.json()["error"].get("field")) == ((400, expected), field)


async def test_without_mediation_there_are_no_views() -> None:
    there = await site()
    path = "/api/rooms/lab/participants/rae/view"
    assert code(await there.ask("GET", path, None, HOST_TOKEN)) == (503, "unavailable")


async def test_many_who_speak_at_once_are_all_heard() -> None:
    there = await site()
    answers = await asyncio.gather(*[there.say("Echo", id=f"{number}") for number in range(20)])
    assert sorted(answer.json()["seq"] for answer in answers) == list(range(1, 21))
    page = (await there.ask("GET", LAB)).json()
    assert len({item["from"]["id"] for item in page["items"]}) == 1
