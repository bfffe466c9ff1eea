"""The wire holds PROTOCOL.md: every frame of its tables, with exactly these fields. `?` marks an optional one."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect

from cadence.rooms import wire

VIEW = "mode? cadence_s? pace_wpm? sigma? focus? interests? whisper? auto?"

CLIENT = {
    "hello": "kind name? token? client? resume?",
    "join": "room after? view?",
    "leave": "room",
    "say": "room id text parts? reply_to? pod? spoken?",
    "view": f"room {VIEW} participant? lock?",
    "read": "room turn? seq? dwell_s?",
    "ask": "room what since? speaker? text? words?",
    "history": "room stream before? after? seqs? limit? participant?",
    "typing": "room",
    "redact": "room seq",
    "mute": "room participant for_s?",
    "kick": "room participant for_s?",
    "ban": "room participant for_s?",
    "ping": "",
}

SERVER = {
    "welcome": "ref? you session resumed heartbeat_s limits features server",
    "joined": "ref? room title epoch head recovered members member_count view",
    "message": "room epoch seq id from at text parts? reply_to? pod? spoken? mentions? redacted?",
    "said": "ref? room id seq epoch at",
    "turn": "room turn at mode covers words segments by ref?",
    "view": "ref? room participant view locked set_by",
    "alex": "room state behind mood?",
    "presence": "room joined? left? members? member_count?",
    "typing": "room participant",
    "page": "ref? room stream items more",
    "redacted": "ref? room seq by",
    "reconnect": "after_s",
    "error": "ref? code message room? field? retry_after_s?",
    "left": "ref? room?",
    "ok": "ref? room?",
    "pong": "ref?",
}

VALUES = {
    wire.Part: "kind body lang? name?",
    wire.Author: "id name kind",
    wire.You: "id name kind role",
    wire.Limits: "frame_bytes messages_per_s rooms",
    wire.Server: "name version",
    wire.After: "epoch seq turn?",
    wire.Focus: "room? pod? x? y? follow?",
    wire.ViewPatch: VIEW,
    wire.Covers: "epoch from to messages words",
    wire.Segment: "kind speakers text sources weight room? agree? again? objects_to? part? redacted?",
    wire.SegmentPart: "seq index kind lines sha256 folded lang? name?",
    wire.Behind: "messages words seconds",
    wire.Mood: "energy warmth insight",
}


def fields(struct: type[msgspec.Struct]) -> set[str]:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name + ("" if field.required else "?") for field in info.fields}


def by_type(union: object) -> dict[str, type[msgspec.Struct]]:
    return {struct.__struct_config__.tag: struct for struct in get_args(union)}


def test_clients_may_send_exactly_the_frames_of_the_protocol() -> None:
    assert list(by_type(wire.ClientFrame)) == list(CLIENT)


def test_the_server_sends_exactly_the_frames_of_the_protocol() -> None:
    assert list(by_type(wire.ServerFrame)) == list(SERVER)


@pytest.mark.parametrize("name", CLIENT)
def test_a_request_has_exactly_the_fields_of_the_protocol_and_may_carry_a_ref(name: str) -> None:
    assert fields(by_type(wire.ClientFrame)[name]) == {*CLIENT[name].split(), "ref?"}


@pytest.mark.parametrize("name", SERVER)
def test_a_server_frame_has_exactly_the_fields_of_the_protocol(name: str) -> None:
    assert fields(by_type(wire.ServerFrame)[name]) == set(SERVER[name].split())


@pytest.mark.parametrize("struct", VALUES, ids=lambda struct: struct.__name__)
def test_a_value_inside_a_frame_has_exactly_the_fields_of_the_protocol(struct: type[msgspec.Struct]) -> None:
    assert fields(struct) == set(VALUES[struct].split())


def test_the_literals_are_those_of_the_protocol() -> None:
    says: dict[Any, str] = {
        wire.Kind: "human agent",
        wire.Mode: "paraphrase paced raw",
        wire.Whisper: "off light heavy",
        wire.TurnMode: "paraphrase paced catch_up answer",
        wire.SegmentKind: "verbatim quote paraphrase answer catch_up ambient whisper",
        wire.AlexState: "idle passthrough paraphrasing rate_limiting catching_up",
        wire.ErrorCode: "bad_frame unknown_type bad_field not_joined no_such_room forbidden unauthorized "
        "rate_limited too_large not_found conflict unavailable",
    }
    assert {literal: set(get_args(literal)) for literal in says} == {k: set(v.split()) for k, v in says.items()}


def test_the_defaults_of_a_view_are_those_of_the_protocol() -> None:
    assert json.loads(wire.encode(wire.View())) == {
        "mode": "paraphrase",
        "cadence_s": 5.0,
        "pace_wpm": 238.0,
        "sigma": 1.0,
        "focus": {},
        "interests": [],
        "whisper": "light",
        "auto": True,
    }


def test_the_limits_and_close_codes_are_those_of_the_protocol() -> None:
    assert (wire.SUBPROTOCOL, wire.HEARTBEAT_S) == ("cadence.v1", 20.0)
    assert (wire.FRAME_BYTES_MAX, wire.SOCKET_BYTES_MAX, wire.PAGE_BYTES_MAX) == (65_536, 4_194_304, 262_144)
    assert (wire.PAGE_ITEMS_MAX, wire.PARTS_MAX) == (200, 16)
    assert (wire.CLOSE_PROTOCOL_ERROR, wire.CLOSE_NO_HELLO, wire.CLOSE_UNAUTHORIZED) == (4000, 4001, 4003)
    assert (wire.CLOSE_TOO_SLOW, wire.CLOSE_KICKED, wire.CLOSE_BANNED, wire.CLOSE_RESTART) == (4008, 4010, 4011, 1012)


def test_the_public_names_are_those_that_are_listed() -> None:
    public = {name for name, value in vars(wire).items() if not name.startswith("_") and not hasattr(value, "__path__")}
    submodules = {"client", "codec", "completions", "explain", "hosting", "server", "values"}
    assert public - submodules - {"annotations"} == set(wire.__all__)
