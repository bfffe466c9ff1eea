"""Some thousand bent requests of a host from a fixed seed. With schemathesis: `python -m bench.fuzz --http 200`."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from tests.fuzz.frames import HOSTILE, twist
from tests.rooms.house import HOST_TOKEN
from tests.rooms.office import Desk

SEED = 20_261_127
REQUESTS = 2_000


def lawful(chance: Random) -> tuple[str, list[str], dict[str, Any]]:
    """A request that a host may make: method, steps of the path, body or query."""
    room, who = (
        chance.choice(("lab", "attic", "nook", "nowhere")),
        chance.choice(("ada", "bea", "vera", "host", "nobody")),
    )
    name = chance.choice(("Ada", "Bea", "Vera", "Kim"))
    token = {"name": name, "role": chance.choice(("host", "member", "guest")), "kind": "human", "expires_in_s": 60}
    settings = {
        "title": "The nook",
        "public": False,
        "pods": ["a"],
        "scope": "x/y",
        "view": {"sigma": 2},
        "keep_days": 1,
    }
    return chance.choice(
        [
            ("POST", ["rooms"], {"room": room, **settings}),
            ("PATCH", ["rooms", room], settings),
            ("GET", ["rooms", room, "access"], {}),
            ("POST", ["rooms", room, "invitations"], token),
            ("POST", ["rooms", room, "invitations"], {"user": who}),
            ("DELETE", ["rooms", room, "invitations", who], {}),
            ("POST", ["tokens"], {**token, "user": who}),
            ("GET", ["tokens"], {}),
            ("DELETE", ["tokens", "0123abcd"], {}),
            ("POST", ["forget"], {"user": who, "dry_run": chance.random() < 0.5}),
            ("GET", ["rooms"], {}),
            ("GET", ["rooms", room, "messages"], {"before": 5, "limit": 3}),
            ("GET", ["rooms", room, "messages"], {"seqs": "1,2,3"}),
            ("GET", ["rooms", room, "search"], {"q": 'say "hello wor*" OR', "from": who, "limit": 3}),
            ("GET", ["rooms", room, "export"], {}),
            ("POST", ["tickets"], {}),
        ]
    )  # fmt: skip


def bent(chance: Random) -> tuple[str, str, bytes]:
    """A request with some of its values, keys, steps or bytes changed."""
    method, steps, fields = lawful(chance)
    for _ in range(chance.randint(0, 3)):
        twist(chance, fields)
    if chance.random() < 0.2:
        steps[chance.randrange(len(steps))] = str(chance.choice(HOSTILE))[:100]
    path = "/api/" + "/".join("".join(f"%{byte:02X}" for byte in step.encode("utf-8", "replace")) for step in steps)
    if method != "GET":
        body = json.dumps(fields).encode()
        return method, path, body[: chance.randrange(len(body) + 1)] if chance.random() < 0.1 else body
    pairs = ((key, value) for key, value in fields.items())
    query = "&".join(f"{_escaped(key)}={_escaped(value)}" for key, value in pairs)
    return method, f"{path}?{query}", b""


def _escaped(value: object) -> str:
    return "".join(f"%{byte:02X}" for byte in str(value)[:300].encode("utf-8", "replace"))


@pytest.mark.parametrize("part", range(2))
async def test_every_answer_is_lawful_and_none_says_that_the_server_failed(part: int) -> None:
    desk, chance, became = await Desk.start(), Random(SEED + part), Counter[int]()
    desk.house.identity.persona_token("vera", "Vera")
    for _ in range(REQUESTS // 2):
        method, target, body = bent(chance)
        answer = await desk.call(method, target, body, HOST_TOKEN if chance.random() < 0.9 else "wrong")
        became[answer.status] += 1
        assert answer.status < 500, (method, target, body, answer.body)
        if answer.status >= 400:
            error = answer.json()["error"]
            assert {"code", "message"} <= set(error) <= {"code", "message", "field"} and len(error["message"]) < 1000
            assert error["message"].isprintable(), error
    assert became[200] > 100 and became[201] > 3 and became[400] > 100 and became[404] > 50, became
    assert len(await desk.ask("GET", "/api/rooms")) >= 2


async def test_a_fault_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = await Desk.start()
    monkeypatch.setattr("cadence.rooms.history.messages", None)
    assert (await desk.call("GET", "/api/rooms/lab/messages")).status == 503
