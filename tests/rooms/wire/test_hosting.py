from __future__ import annotations

import json
from typing import Any

import pytest

from cadence.rooms.wire import ViewPatch, WireError
from cadence.rooms.wire.hosting import Forget, Invite, NewRoom, NewToken, RoomPatch, RoomSettings, decode_body


def refusal(kind: type[Any], body: object) -> tuple[str, str | None]:
    with pytest.raises(WireError) as caught:
        decode_body(body if isinstance(body, bytes) else json.dumps(body).encode(), kind)
    return caught.value.code, caught.value.field


def test_a_whole_body_becomes_its_struct() -> None:
    asked = {"room": "nook", "title": "The nook", "public": False, "view": {"cadence_s": 9}, "keep_days": 0.5}
    made = decode_body(json.dumps(asked).encode(), NewRoom)
    assert made.settings() == RoomSettings("The nook", False, (), "", ViewPatch(cadence_s=9.0), 0.5)


def test_a_patch_tells_nothing_from_null() -> None:
    assert decode_body(b"", RoomPatch).fields() == {}
    assert decode_body(b'{"keep_days": null, "pods": []}', RoomPatch).fields() == {"pods": (), "keep_days": None}


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        (NewRoom, {"title": "x"}, "room"),
        (NewRoom, {"room": "The Nook", "title": "x"}, "room"),
        (NewRoom, {"room": "nook\n", "title": "x"}, "room"),
        (NewRoom, {"room": "nook", "title": ""}, "title"),
        (NewRoom, {"room": "nook", "title": "x", "publik": False}, "publik"),
        (NewRoom, {"room": "nook", "title": "x", "view": {"cadence_s": 99}}, "view.cadence_s"),
        (NewRoom, {"room": "nook", "title": "x", "keep_days": 0}, "keep_days"),
        (NewRoom, {"room": "nook", "title": "x", "pods": ["a"] * 65}, "pods"),
        (NewToken, {"name": "Bea", "role": "owner"}, "role"),
        (NewToken, {"name": "Bea", "expires_in_s": -1}, "expires_in_s"),
        (Invite, {"user": "../x"}, "user"),
        (Forget, {"user": ""}, "user"),
        (Forget, {"user": "x", "dry_run": "no"}, "dry_run"),
    ],
)
def test_what_is_wrong_is_named(kind: type[Any], body: object, field: str) -> None:
    assert refusal(kind, body) == ("bad_field", field)


@pytest.mark.parametrize("body", [b"[", b"\xff", b'{"user": "x"} {}', b"[" * 10_000, b'{"user": "x', b"nul"])
def test_what_is_no_json_is_a_bad_frame(body: bytes) -> None:
    assert refusal(Forget, body) == ("bad_frame", None)


def test_a_wrong_value_is_not_echoed() -> None:
    with pytest.raises(WireError) as caught:
        decode_body(json.dumps({"name": {"secret": "x" * 5000}}).encode(), NewToken)
    assert "xxxx" not in caught.value.message and len(caught.value.message) <= 300
