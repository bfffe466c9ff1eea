from __future__ import annotations

import json
from typing import Any

import pytest

from cadence.rooms.wire import (
    SEQ_MAX,
    Ask,
    Hello,
    History,
    Join,
    Part,
    Ping,
    Read,
    Say,
    ViewRequest,
    WireError,
    decode_request,
    encode,
)

COMPLETE = [
    Hello(kind="agent", name="Vera", token="t", client="c", resume="s", ref="1"),
    Join(room="r"),
    Say(room="r", id="1", text="hi", parts=(Part("code", "x", lang="py"),), reply_to=3, pod="p", spoken=True),
    ViewRequest(room="r", cadence_s=2.5, participant="sam", lock=("sigma",)),
    Read(room="r", turn=4, dwell_s=1.5),
    Ask(room="r", what="catch_up", since="2026-11-22T10:00:00.000Z", words=10),
    History(room="r", stream="raw", seqs=(1, 2, 3)),
    Ping(),
]


def request(**fields: Any) -> object:
    return decode_request(json.dumps(fields))


def refused(**fields: Any) -> str | None:
    with pytest.raises(WireError) as caught:
        request(**fields)
    assert caught.value.code == "bad_field"
    return caught.value.field


@pytest.mark.parametrize("frame", COMPLETE, ids=lambda frame: type(frame).__name__)
def test_a_request_survives_the_way_there_and_back(frame: Any) -> None:
    assert decode_request(encode(frame)) == frame


def test_a_request_that_leaves_everything_out_gets_the_defaults_of_the_protocol() -> None:
    say = request(type="say", room="r", id="1", text="")
    assert isinstance(say, Say) and (say.parts, say.spoken) == ((), False)
    assert getattr(request(type="ask", room="r", what="room"), "words", None) == 120
    assert getattr(request(type="history", room="r", stream="turns"), "limit", None) == 50


def test_unknown_fields_are_ignored() -> None:
    assert request(type="ping", mood={"energy": 2}, later=[1]) == Ping()


def test_a_hello_must_say_who_comes() -> None:
    assert refused(type="hello", name="Vera") == "kind"
    assert refused(type="hello", kind="mediator") == "kind"


@pytest.mark.parametrize("length", [0, 65])
def test_the_id_of_a_say_has_1_to_64_characters(length: int) -> None:
    assert refused(type="say", room="r", id="x" * length, text="t") == "id"


def test_a_say_carries_at_most_16_parts_of_known_kinds() -> None:
    part = {"kind": "code", "body": "x"}
    assert isinstance(request(type="say", room="r", id="1", text="", parts=[part] * 16), Say)
    assert refused(type="say", room="r", id="1", text="", parts=[part] * 17) == "parts"
    assert refused(type="say", room="r", id="1", text="", parts=[part, {"kind": "zip", "body": ""}]) == "parts[1].kind"
    assert refused(type="say", room="r", id="1", text="", parts=[{"kind": "tool"}]) == "parts[0].body"


@pytest.mark.parametrize("seq", [-1, SEQ_MAX + 1, 1.5, "1", None, True])
def test_a_seq_is_a_whole_number_that_every_json_reader_holds(seq: object) -> None:
    assert refused(type="redact", room="r", seq=seq) == "seq"


@pytest.mark.parametrize("words", [9, 401])
def test_an_answer_has_10_to_400_words(words: int) -> None:
    assert refused(type="ask", room="r", what="room", words=words) == "words"


def test_a_question_has_at_most_500_characters() -> None:
    assert refused(type="ask", room="r", what="question", text="x" * 501) == "text"


@pytest.mark.parametrize("limit", [0, 201])
def test_a_page_has_1_to_200_items(limit: int) -> None:
    assert refused(type="history", room="r", stream="raw", limit=limit) == "limit"
    assert refused(type="history", room="r", stream="raw", seqs=[1] * 201) == "seqs"


@pytest.mark.parametrize("seconds", [-1, 1e12])
def test_a_penalty_lasts_a_finite_time(seconds: float) -> None:
    for kind in ("mute", "kick", "ban"):
        assert refused(type=kind, room="r", participant="sam", for_s=seconds) == "for_s"
