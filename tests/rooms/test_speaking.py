"""What becomes of a message on its way, told without a hub."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import UNSET

from cadence.counts import HubCounts
from cadence.rooms.log import Draft, LogConflict, LogUnavailable
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.room import RoomInfo
from cadence.rooms.speaking import Speech, refusal, said_of
from cadence.rooms.wire import Author, Message, Said, WireError
from tests.rooms.house import clock

ANA = Author("ana", "Ana", "agent")
SAID = said_of(Message("lab", "e", 7, "m", ANA, "now", "hello"), "r")


class Ear:
    """A connection, as far as it is told things."""

    def __init__(self) -> None:
        self.heard: list[Said] = []

    def reply(self, frame: Said) -> None:
        self.heard.append(frame)


def room() -> OpenRoom:
    return OpenRoom(RoomInfo("lab", "The lab"), "e", 0, clock, HubCounts())


def speech(room: OpenRoom, ear: Any = None, text: str = "hello") -> Speech:
    answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    found = Speech(room, Draft("lab", ANA, "m", 0.0, text), "r", answer, None if ear is None else (ear, "r"))
    found.begin()
    return found


def test_said_tells_where_a_message_stands() -> None:
    assert SAID == Said(ref="r", room="lab", id="m", seq=7, epoch="e", at="now")
    assert said_of(Message("lab", "e", 7, "m", ANA, "now", "hello"), UNSET).ref is UNSET


async def test_of_two_that_say_the_same_at_once_the_first_waits_for_the_message() -> None:
    lab, one, two = room(), Ear(), Ear()
    first, second = speech(lab, one), speech(lab, two)
    assert (first.waits, second.waits, lab.appending) == (True, False, 2)
    second.repeated(SAID)
    assert (one.heard, two.heard) == ([], [SAID]), "who waits is told with the message"
    first.repeated(SAID)
    assert (one.heard, lab.speaking) == ([SAID], {})


async def test_one_whose_message_was_published_meanwhile_is_not_told_again() -> None:
    lab, ear = room(), Ear()
    waiting = speech(lab, ear)
    del lab.speaking["ana", "m"]  # the hub told it when it published
    waiting.repeated(SAID)
    waiting.failed()
    assert ear.heard == []


async def test_a_failure_frees_the_place_of_who_waited() -> None:
    lab = room()
    speech(lab, Ear()).failed()
    assert lab.speaking == {} and speech(lab, Ear()).waits


async def test_whoever_waits_gets_the_outcome_and_who_was_cut_nothing() -> None:
    lab = room()
    kept, refused, ended, cut = (speech(lab) for _ in range(4))
    cut.answer.cancel()
    kept.settle(SAID)
    refused.settle(WireError("conflict", "no"))
    ended.settle(asyncio.CancelledError())
    cut.settle(SAID)
    assert kept.answer.result() is SAID and ended.answer.cancelled() and cut.answer.cancelled()
    with pytest.raises(WireError, match="no"):
        refused.answer.result()


def test_what_the_log_refuses_is_said_in_words_for_the_speaker() -> None:
    counted: list[int] = []
    draft, count = Draft("lab", ANA, "m", 0.0, "hello"), lambda: counted.append(1)
    conflict = refusal(draft, LogConflict("x"), False, count)
    assert isinstance(conflict, WireError) and (conflict.code, conflict.field, counted) == ("conflict", "id", [])
    for shared, words in ((False, "nobody saw it"), (True, "may not be kept")):
        away = refusal(draft, LogUnavailable("x"), shared, count)
        assert isinstance(away, WireError) and away.code == "unavailable" and words in str(away)
    assert counted == [1, 1]
    fault = RuntimeError("ours")
    assert refusal(draft, fault, False, count) is fault
