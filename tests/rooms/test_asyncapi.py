from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from cadence.rooms import schema, wire
from cadence.rooms.asyncapi import REPLIES, VERSION, document
from tests.rooms.house import HOST_TOKEN, House
from tests.rooms.mediation import FakeMediation


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(schema.json_schema(), "generated")


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            else:
                yield from refs(inner)
    elif isinstance(value, list):
        for item in value:
            yield from refs(item)


def resolve(made: dict[str, Any], ref: str) -> Any:
    found: Any = made
    for step in ref.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    assert made["asyncapi"] == VERSION
    found = set(refs(made))
    assert len(found) > 50 and all(resolve(made, ref) for ref in found)


def test_every_frame_is_a_message_of_the_socket_with_its_type(made: dict[str, Any]) -> None:
    frames = {frame.__name__: frame.__struct_config__.tag for frame in get_args(wire.ClientFrame | wire.ServerFrame)}
    messages = made["channels"]["socket"]["messages"]
    assert {name: resolve(made, ref["$ref"])["name"] for name, ref in messages.items()} == frames


def test_every_request_is_an_operation_with_its_reply(made: dict[str, Any]) -> None:
    assert set(REPLIES) == set(get_args(wire.ClientFrame))
    asked = {name: one for name, one in made["operations"].items() if one["action"] == "receive"}
    assert set(asked) == set(wire.REQUEST_TYPES)
    says = [ref["$ref"].rpartition("/")[2] for ref in asked["say"]["reply"]["messages"]]
    assert says == ["Said", "Error"]


def test_what_is_sent_unasked_and_what_is_only_answered_are_told_apart(made: dict[str, Any]) -> None:
    told = {ref["$ref"].rpartition("/")[2] for ref in made["operations"]["tell"]["messages"]}
    replies = {reply.__name__ for reply in REPLIES.values() if reply is not None}
    assert told | replies == {frame.__name__ for frame in get_args(wire.ServerFrame)}
    assert {"Message", "Turn", "Presence", "Reconnect", "ViewReply"} <= told and "Said" not in told


async def test_the_server_answers_each_request_as_the_document_says() -> None:
    house = await House(FakeMediation()).start()
    host = await house.client(kind="human", token=HOST_TOKEN)
    assert host.welcome["type"] == "welcome"
    bob, eve, kim = [await house.member(name) for name in ("Bob", "Eve", "Kim")]
    fields: dict[type[Any], dict[str, Any]] = {
        wire.Join: {},
        wire.Say: {"id": "1", "text": "hello"},
        wire.ViewRequest: {"cadence_s": 9},
        wire.Ask: {"what": "room"},
        wire.History: {"stream": "raw"},
        wire.Redact: {"seq": 1},
        wire.Read: {"seq": 1},
        wire.TypingRequest: {},
        wire.Mute: {"participant": bob.id},
        wire.Kick: {"participant": eve.id},
        wire.Ban: {"participant": kim.id},
        wire.Ping: {},
        wire.Leave: {},
    }
    assert {wire.Hello, *fields} == set(REPLIES)
    for request, asked in fields.items():
        await host.send(request.__struct_config__.tag, ref="this", room="lab", **asked)
        last = f"after {request.__name__}"
        await host.send("ping", ref=last)
        while (frame := await host.receive()).get("ref") not in ("this", last):
            pass
        reply = REPLIES[request] if frame["ref"] == "this" else None
        assert reply is REPLIES[request] and frame["type"] == (reply or wire.Pong).__struct_config__.tag, frame


def test_its_schemas_judge_a_frame_as_the_server_does(made: dict[str, Any]) -> None:
    say = {"$ref": "#/components/schemas/Say", "components": made["components"]}
    judge = Draft202012Validator(say)
    assert judge.is_valid({"type": "say", "room": "lab", "id": "1", "text": "hi", "unknown": 1})
    assert not judge.is_valid({"type": "say", "room": "lab", "id": "", "text": "hi"})
    assert not judge.is_valid({"type": "say", "room": "lab", "id": "1"})


def test_it_is_one_of_the_generated_files_so_that_drift_is_noticed(tmp_path: Path) -> None:
    assert schema.ASYNCAPI in schema.files()
    assert schema.main([], tmp_path) == 0
    (tmp_path / schema.ASYNCAPI).write_text("{}")
    assert schema.drift(tmp_path) == [schema.ASYNCAPI]
