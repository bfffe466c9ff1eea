"""The contract of a log, held against all implementations."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cadence.rooms.log import (
    Appended,
    HostAction,
    LogConflict,
    LogError,
    LogUnavailable,
    ReaderRecord,
    RoomState,
    SessionRecord,
    StoredNode,
)
from cadence.rooms.log.rows import to_message
from cadence.rooms.query import parse
from cadence.rooms.wire import Focus, Message, Part, ViewPatch
from tests.rooms.log.places import Place, draft, segment, turn

pytestmark = pytest.mark.real_time  # SqliteLog has threads

HOSTILE = ["", "a\0b", "'; DROP TABLE messages; --", "\U0001f9ff" * 40, "%_*?[]", "naïve/../x", "123", "\r\n\t"]


@pytest.fixture(params=["memory", "sqlite", "node", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.param, tmp_path, request.getfixturevalue("redis_url") if request.param == "redis" else None)


def seqs(messages: list[Message]) -> list[int]:
    return [message.seq for message in messages]


# Rooms and saying.


async def test_a_room_starts_empty_and_keeps_its_epoch_over_an_opening(place: Place) -> None:
    async with place.opened() as log:
        first = await log.open_room("room")
        await log.append(draft())
    async with place.opened() as log:
        assert first.head == 0 and first.epoch
        assert await log.open_room("room") == RoomState(first.epoch, 1)


async def test_the_newest_time_is_told_when_a_log_is_opened_again(place: Place) -> None:
    """A clock that was set back meanwhile goes on from there."""
    async with place.opened("room") as log:
        await log.append(draft(at=5_000.0))
        await log.save_session(SessionRecord("key", "ana", "Ana", "human", "guest", closed_at=6_000.0))
    async with place.opened() as log:
        # What nodes share knows the furthest of their clocks instead, see `tests/rooms/test_shared.py`.
        assert await log.newest() == pytest.approx(1_000.0 if hasattr(log, "node") else 6_000.0, abs=5.0)


async def test_every_room_has_its_own_epoch_and_its_own_seqs(place: Place) -> None:
    async with place.opened("one", "two") as log:
        assert (await log.open_room("one")).epoch != (await log.open_room("two")).epoch
        await log.append(draft(room="one"))
        assert (await log.append(draft(room="two"))).message.seq == 1


async def test_seqs_are_gapless_in_the_order_of_the_calls(place: Place) -> None:
    async with place.opened() as log:
        kept = await asyncio.gather(*(log.append(draft(f"text {n}", str(n))) for n in range(300)))
        assert [appended.message.seq for appended in kept] == list(range(1, 301))
        assert [appended.message.text for appended in kept] == [f"text {n}" for n in range(300)]
        assert (await log.open_room("room")).head == 300


async def test_a_message_comes_back_with_all_its_fields(place: Place) -> None:
    parts = (Part("code", "x = 1", lang="python"), Part("tool", "{}", name="search"))
    said = draft("", "id-1", at=1.5, parts=parts, reply_to=1, pod="p", spoken=True, mentions=("bo",))
    async with place.opened() as log:
        epoch = (await log.open_room("room")).epoch
        await log.append(draft("first", "0", at=0.0))
        await log.append(said)
    async with place.opened() as log:
        assert await log.messages_at("room", [2]) == [to_message(said, epoch, 2, 1.5)]


async def test_the_same_id_with_equal_content_is_the_first_message(place: Place) -> None:
    async with place.opened() as log:
        first = await log.append(draft())
        again = await log.append(draft(at=2000.0, mentions=("bo",)))
        assert again == Appended(first.message, duplicate=True)
        assert seqs(await log.messages("room", limit=10)) == [1]


async def test_a_repeat_that_waits_beside_its_first_is_a_duplicate(place: Place) -> None:
    async with place.opened() as log:
        first, again, other = await asyncio.gather(
            log.append(draft()), log.append(draft()), log.append(draft("next", "2"))
        )
        assert not first.duplicate and again == Appended(first.message, duplicate=True)
        assert other.message.seq == 2


@pytest.mark.parametrize(
    "change", [{"text": "other"}, {"parts": (Part("data", "1"),)}, {"reply_to": 1}, {"pod": "p"}, {"spoken": True}]
)
async def test_the_same_id_with_other_content_is_a_conflict_and_takes_no_seq(
    place: Place, change: dict[str, Any]
) -> None:
    async with place.opened() as log:
        await log.append(draft())
        with pytest.raises(LogConflict, match="say new content under a new id"):
            await log.append(draft(**change))
        assert (await log.append(draft(id="2"))).message.seq == 2


async def test_an_id_belongs_to_its_sender_and_its_room(place: Place) -> None:
    async with place.opened("room", "other") as log:
        await log.append(draft("one"))
        assert not (await log.append(draft("two", user="bo"))).duplicate
        assert not (await log.append(draft("three", room="other"))).duplicate


async def test_a_room_that_was_not_opened_takes_no_writes(place: Place) -> None:
    async with place.opened() as log:
        for write in (log.append(draft(room="nowhere")), log.append_turn("rea", turn(1, room="nowhere"))):
            with pytest.raises(LogError, match="open_room") as caught:
                await write
            assert not isinstance(caught.value, LogConflict | LogUnavailable)
        assert await log.messages("nowhere", limit=5) == []
        assert await log.messages_at("nowhere", [1]) == []
        assert await log.redacted_seqs("nowhere", 0, 5) == []
        assert not await log.redact("nowhere", 1)


async def test_time_never_goes_back_within_a_room(place: Place) -> None:
    async with place.opened("room", "other") as log:
        later = (await log.append(draft(id="1", at=50.25))).message
        assert (await log.append(draft(id="2", at=40.0))).message.at == later.at == "1970-01-01T00:00:50.250Z"
        assert (await log.append(draft(id="1", at=40.0, room="other"))).message.at == "1970-01-01T00:00:40.000Z"
    async with place.opened() as log:
        assert (await log.append(draft(id="3", at=41.0))).message.at == later.at


@pytest.mark.parametrize("text", HOSTILE)
async def test_any_string_may_be_a_room_a_user_an_id_or_a_text(place: Place, text: str) -> None:
    async with place.opened(text) as log:
        kept = await log.append(draft(text, text, user=text, room=text))
        await log.append_turn(text, turn(1, segment(text, 1), room=text))
        await log.save_session(SessionRecord(text, text, text, "human", "guest"))
        assert await log.messages(text, limit=1) == [kept.message]
        assert (await log.append(draft(text, text, user=text, room=text))).duplicate
        assert (await log.turns(text, text, limit=1))[0].segments[0].text == text
        assert await log.session(text) == SessionRecord(text, text, text, "human", "guest")


async def test_half_a_surrogate_pair_fails_alone(place: Place) -> None:
    async with place.opened() as log:
        outcomes = await asyncio.gather(
            log.append(draft("one", "1")),
            log.append(draft("\ud800", "2")),
            log.append(draft("three", "3")),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], UnicodeEncodeError)
        assert seqs(await log.messages("room", limit=5)) == [1, 2]


# Pages.


async def test_pages_of_messages_are_cut_at_the_right_end(place: Place) -> None:
    async with place.opened() as log:
        await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(1, 11)))
        assert seqs(await log.messages("room", after=3, limit=4)) == [4, 5, 6, 7]
        assert seqs(await log.messages("room", after=0, limit=2)) == [1, 2]
        assert seqs(await log.messages("room", before=8, limit=3)) == [5, 6, 7]
        assert seqs(await log.messages("room", before=3, limit=5)) == [1, 2]
        assert seqs(await log.messages("room", limit=3)) == [8, 9, 10]
        assert seqs(await log.messages("room", after=3, before=6, limit=9)) == [4, 5]
        assert seqs(await log.messages("room", after=10, limit=3)) == []
        assert seqs(await log.messages("room", before=99, limit=1)) == [10]
        assert seqs(await log.messages("room", before=0, limit=3)) == []


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_limit_below_one_gives_nothing(place: Place, limit: int) -> None:
    async with place.opened() as log:
        await log.append(draft())
        await log.append_turn("rea", turn(1))
        assert await log.messages("room", limit=limit) == await log.messages("room", after=0, limit=limit) == []
        assert await log.turns("room", "rea", limit=limit) == await log.turns("room", "rea", after=0, limit=limit) == []


async def test_messages_by_number_come_ascending_and_once(place: Place) -> None:
    async with place.opened() as log:
        await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(5)))
        assert seqs(await log.messages_at("room", [5, 2, 99, 2, 0, -1])) == [2, 5]
        assert await log.messages_at("room", []) == []


# Redaction.


async def test_a_redacted_message_keeps_its_place_and_nothing_else(place: Place) -> None:
    async with place.opened() as log:
        said = (await log.append(draft("secret", parts=(Part("code", "key"),), pod="p", mentions=("bo",)))).message
        assert await log.redact("room", 1)
        [left] = await log.messages("room", limit=1)
        assert left == said.erased() and left.redacted and left.text == "" and left.parts == ()
        assert not await log.redact("room", 1)
        assert not await log.redact("room", 2)


async def test_repeating_a_redacted_id_still_finds_the_erased_message(place: Place) -> None:
    async with place.opened() as log:
        said = (await log.append(draft("secret"))).message
        await log.redact("room", 1)
        assert await log.append(draft("secret")) == Appended(said.erased(), duplicate=True)
        with pytest.raises(LogConflict):
            await log.append(draft("another"))


async def test_a_redaction_empties_every_stored_segment_that_cites_it(place: Place) -> None:
    kept, gone, both = segment("kept", 1), segment("gone", 2), segment("both", 1, 2)
    async with place.opened() as log:
        await log.append(draft(id="1"))
        await log.append(draft(id="2"))
        await log.append_turn("rea", turn(1, kept, gone, to=2))
        await log.append_turn("rea", turn(2, both))
        await log.append_turn("leo", turn(1, gone))
        await log.redact("room", 2)
    async with place.opened() as log:
        assert await log.turns("room", "rea", limit=9) == [
            turn(1, kept, gone.without({2}), to=2),
            turn(2, both.without({2})),
        ]
        assert (await log.turns_at("room", "leo", [1]))[0].segments[0].text == ""


async def test_a_redaction_reaches_segments_of_other_rooms_and_spares_the_same_number_there(place: Place) -> None:
    here, there = segment("here", 1), segment("there", 1, room="other")
    async with place.opened("room", "other") as log:
        await log.append(draft())
        await log.append(draft(room="other"))
        await log.append_turn("rea", turn(1, here, there))
        await log.redact("other", 1)
        assert await log.turns("room", "rea", limit=1) == [turn(1, here, there.without({1}))]


async def test_a_turn_that_arrives_after_the_redaction_is_stored_without_the_text(place: Place) -> None:
    async with place.opened("room", "other") as log:
        for room in ("room", "other"):
            await log.append(draft(room=room, id="1"))
            await log.append(draft(room=room, id="2"))
        await log.redact("room", 1)
        await log.redact("other", 2)
        made = [segment("a", 1), segment("b", 2), segment("c", 1, room="other"), segment("d", 2, room="other")]
        await log.append_turn("rea", turn(1, *made))
        [stored] = await log.turns("room", "rea", limit=1)
        assert [piece.text for piece in stored.segments] == ["", "b", "c", ""]


async def test_redacted_seqs_are_those_in_the_half_open_range(place: Place) -> None:
    async with place.opened() as log:
        await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(1, 7)))
        for seq in (5, 2, 3):
            await log.redact("room", seq)
        assert await log.redacted_seqs("room", 2, 5) == [3, 5]
        assert await log.redacted_seqs("room", -5, 99) == [2, 3, 5]
        assert await log.redacted_seqs("room", 5, 2) == []


# Turns and readers.


async def test_turns_move_the_reader_who_is_made_by_the_first(place: Place) -> None:
    async with place.opened() as log:
        assert await log.reader("room", "rea") is None
        await log.append_turn("rea", turn(1, to=7))
        await log.append_turn("rea", turn(2))
        assert await log.reader("room", "rea") == ReaderRecord(turn=2, covered_to=7)
        await log.append_turn("rea", turn(3, to=9))
        assert await log.reader("room", "rea") == ReaderRecord(turn=3, covered_to=9)


async def test_what_a_mediator_carries_is_kept_with_a_turn(place: Place) -> None:
    carried = bytes(range(256))
    async with place.opened() as log:
        await log.append_turn("rea", turn(1, to=7), carried)
        await log.append_turn("rea", turn(2))
    async with place.opened() as log:
        kept = await log.reader("room", "rea")
        assert kept is not None and kept.carried == carried and kept.turn == 2
        await log.save_reader("room", "rea", replace(kept, carried=b""))
        assert await log.reader("room", "rea") == replace(kept, carried=b"")


@pytest.mark.parametrize("number", [0, 1, 3])
async def test_a_turn_that_is_not_the_next_is_refused_and_changes_nothing(place: Place, number: int) -> None:
    async with place.opened() as log:
        await log.append_turn("rea", turn(1, to=4))
        with pytest.raises(LogConflict, match="expected turn 2"):
            await log.append_turn("rea", turn(number, to=8))
        assert await log.reader("room", "rea") == ReaderRecord(turn=1, covered_to=4)
        assert len(await log.turns("room", "rea", limit=9)) == 1


async def test_a_turn_number_is_never_used_twice_whatever_the_record_says(place: Place) -> None:
    async with place.opened() as log:
        await log.append_turn("rea", turn(1, segment("first", 1)))
        await log.save_reader("room", "rea", ReaderRecord(turn=0))
        with pytest.raises(LogConflict):
            await log.append_turn("rea", turn(1, segment("second", 1)))
        assert await log.turns("room", "rea", limit=9) == [turn(1, segment("first", 1))]
        assert await log.reader("room", "rea") == ReaderRecord(turn=0)


async def test_pages_of_turns_are_cut_like_pages_of_messages(place: Place) -> None:
    async with place.opened() as log:
        for number in range(1, 8):
            await log.append_turn("rea", turn(number))

        def numbers(turns: list[Any]) -> list[int]:
            return [each.turn for each in turns]

        assert numbers(await log.turns("room", "rea", after=2, limit=3)) == [3, 4, 5]
        assert numbers(await log.turns("room", "rea", before=5, limit=2)) == [3, 4]
        assert numbers(await log.turns("room", "rea", limit=2)) == [6, 7]
        assert numbers(await log.turns("room", "leo", limit=2)) == []
        assert numbers(await log.turns_at("room", "rea", [7, 1, 7, 70])) == [1, 7]


async def test_a_reader_is_stored_whole_and_survives(place: Place) -> None:
    patch = ViewPatch(mode="raw", sigma=0.5, focus=Focus(follow=("ana", "bo")), interests=("bees",), auto=False)
    record = ReaderRecord(patch, ("mode", "sigma"), "host", 3, 11, 40, 41, 987.125)
    async with place.opened() as log:
        await log.save_reader("room", "rea", ReaderRecord(turn=9))
        await log.save_reader("room", "rea", record)
        await log.append_turn("rea", turn(4))
    async with place.opened() as log:
        assert await log.reader("room", "rea") == ReaderRecord(patch, ("mode", "sigma"), "host", 4, 11, 40, 41, 987.125)
        assert await log.reader("room", "leo") is None
        assert await log.reader("other", "rea") is None


async def test_raw_ranges_that_reach_above_come_ascending_and_empty_ones_are_not_kept(place: Place) -> None:
    async with place.opened() as log:
        for first, last in ((20, 30), (5, 9), (11, 10), (40, 40), (5, 9)):
            await log.add_raw_range("room", "rea", first, last)
        assert await log.raw_ranges("room", "rea", 0) == [(5, 9), (20, 30), (40, 40)]
        assert await log.raw_ranges("room", "rea", 9) == [(20, 30), (40, 40)]
        assert await log.raw_ranges("room", "rea", 29) == [(20, 30), (40, 40)]
        assert await log.raw_ranges("room", "leo", 0) == []


async def test_postponed_seqs_are_remembered_once_and_ascending(place: Place) -> None:
    async with place.opened() as log:
        await log.add_postponed("room", "rea", [9, 4, 6])
        await log.add_postponed("room", "rea", [4, 12])
        await log.add_postponed("room", "rea", [])
        assert await log.postponed("room", "rea", 4) == [6, 9, 12]
        assert await log.postponed("room", "leo", 0) == []


# Sessions and openings.


async def test_sessions_are_replaced_and_found_while_open_or_lately_closed(place: Place) -> None:
    async with place.opened() as log:
        for key, closed_at in (("b", 50.0), ("a", None), ("c", 60.0), ("d", 60.5)):
            await log.save_session(SessionRecord(key, f"user-{key}", key, "agent", "member", closed_at))
        await log.save_session(SessionRecord("b", "user-b", "bea", "human", "host", 70.0))
        assert await log.session("b") == SessionRecord("b", "user-b", "bea", "human", "host", 70.0)
        assert await log.session("x") is None
        assert [found.key for found in await log.sessions_open_since(60.0)] == ["a", "b", "d"]


async def test_whoever_was_connected_is_closed_when_the_log_is_opened_again(place: Place) -> None:
    async with place.opened() as log:
        await log.save_session(SessionRecord("open", "u", "n", "human", "guest"))
        await log.save_session(SessionRecord("shut", "v", "m", "human", "guest", 900.0))
        await log.save_reader("room", "open", ReaderRecord(covered_to=3))
        await log.save_reader("room", "shut", ReaderRecord(closed_at=800.0))
    place.now = 1234.5
    async with place.opened() as log:
        assert await log.session("open") == SessionRecord("open", "u", "n", "human", "guest", 1234.5)
        assert await log.session("shut") == SessionRecord("shut", "v", "m", "human", "guest", 900.0)
        assert await log.reader("room", "open") == ReaderRecord(covered_to=3, closed_at=1234.5)
        assert await log.reader("room", "shut") == ReaderRecord(closed_at=800.0)


async def test_a_closed_log_refuses_and_may_be_closed_again(place: Place) -> None:
    async with place.opened() as log:
        await log.append(draft())
    for call in (log.append(draft(id="2")), log.messages("room", limit=1), log.open_room("room")):
        with pytest.raises(LogUnavailable, match="closed"):
            await call
    await log.close()


async def test_closing_keeps_what_was_still_waiting(place: Place) -> None:
    log = await place.open()
    await log.open_room("room")
    waiting = [asyncio.ensure_future(log.append(draft(id=str(n)))) for n in range(40)]
    await asyncio.sleep(0)
    await log.close()
    assert [appended.message.seq for appended in await asyncio.gather(*waiting)] == list(range(1, 41))
    async with place.opened() as log:
        assert (await log.open_room("room")).head == 40


# What a mediator keeps of stretches of a room.


def node(first: int, last: int, gone: int = 0, body: bytes = b"stems") -> StoredNode:
    return StoredNode(f"{first}-{last}", first, last, gone, body)


async def say(log: Any, count: int) -> None:
    for n in range(count):
        await log.append(draft(f"text {n}", f"n{n}"))


async def test_nodes_are_kept_replaced_and_dropped_in_one_step(place: Place) -> None:
    async with place.opened("room", "other") as log:
        await say(log, 9)
        await log.save_nodes("room", [node(1, 8), node(5, 8), node(1, 4)], [])
        await log.save_nodes("room", [node(5, 8, body=b"new")], ["1-4", "never"])
    async with place.opened("room", "other") as log:
        assert await log.nodes("room") == [node(1, 8), node(5, 8, body=b"new")]
        assert await log.nodes("other") == []


async def test_a_redaction_takes_away_every_node_whose_messages_it_was_among(place: Place) -> None:
    async with place.opened() as log:
        await say(log, 9)
        await log.save_nodes("room", [node(1, 8), node(1, 4), node(5, 8), node(9, 9)], [])
        await log.redact("room", 5)
        assert [kept.name for kept in await log.nodes("room")] == ["1-4", "9-9"]


async def test_a_node_that_is_older_than_a_redaction_is_not_kept(place: Place) -> None:
    async with place.opened() as log:
        await say(log, 9)
        await log.redact("room", 5)
        await log.save_nodes("room", [node(1, 4), node(1, 8), node(5, 8, gone=1)], [])
        assert [kept.name for kept in await log.nodes("room")] == ["1-4", "5-8"]


async def test_how_far_a_reader_has_read_is_kept_over_turns(place: Place) -> None:
    async with place.opened() as log:
        await log.save_reader("room", "rea", ReaderRecord(read_to=7))
        await log.append_turn("rea", turn(1, to=9))
    async with place.opened() as log:
        record = await log.reader("room", "rea")
        assert record is not None and (record.read_to, record.covered_to) == (7, 9)


# The audit log.


def deed(what: Any, whom: str, until: float | None = None, at: float = 1000.0, room: str = "room") -> HostAction:
    return HostAction(at, "host", what, room, whom, until)


async def test_the_audit_log_keeps_every_line_in_order_over_an_opening(place: Place) -> None:
    deeds = [
        deed("mute", "eve", 1060.0),
        deed("kick", "eve", 1000.0),
        HostAction(7.5, "h", "redact", "room", "bo", note="seq 3"),
    ]
    async with place.opened("room", "other") as log:
        for each in (*deeds, deed("ban", "eve", room="other")):
            await log.record(each)
    async with place.opened("room", "other") as log:
        lines = await log.host_actions("room", limit=10)
        assert [action for _, action in lines] == deeds
        numbers = [number for number, _ in lines]
        assert numbers == sorted(set(numbers))
        assert await log.host_actions("room", before=numbers[2], limit=1) == lines[1:2]
        assert await log.host_actions("room", limit=0) == [] == await log.host_actions("nowhere", limit=5)


async def test_what_holds_is_the_last_of_each_kind_and_only_until_its_end(place: Place) -> None:
    async with place.opened("room", "other") as log:
        for each in (
            deed("mute", "eve", 1060.0),
            deed("ban", "eve"),
            deed("mute", "bo", 2000.0),
            deed("mute", "bo", 1000.0),
            deed("redact", "eve"),
            deed("ban", "cy", room="other"),
        ):
            await log.record(each)
        for now, held in ((1059.0, ["mute", "ban"]), (1060.0, ["ban"]), (1e12, ["ban"])):
            assert [(action.what, action.whom) for action in await log.sanctions("room", now)] == [
                (what, "eve") for what in held
            ]
        assert [action.whom for action in await log.sanctions("other", 0.0)] == ["cy"]


async def test_a_log_knows_who_spoke_or_read_in_a_room(place: Place) -> None:
    async with place.opened("room", "other") as log:
        await log.append(draft(user="ana"))
        await log.save_reader("room", "rea", ReaderRecord())
        assert [await log.knows("room", user) for user in ("ana", "rea", "eve")] == [True, True, False]
        assert not await log.knows("other", "ana")


# Search.


async def found(log: Any, text: str, room: str = "room", **more: Any) -> list[int]:
    return seqs(await log.search(room, parse(text), **{"limit": 10, **more}))


async def test_words_phrases_and_beginnings_are_found_in_texts_and_parts(place: Place) -> None:
    async with place.opened() as log:
        for number, text in enumerate(["The Naïve probe", "a probe of the hill", "hill probe", "nothing"], 1):
            await log.append(draft(text, str(number)))
        await log.append(draft("", "5", parts=(Part("code", "def probe_hill(): pass"),)))
        assert await found(log, "PROBE") == [1, 2, 3, 5]
        assert await found(log, "probe hill") == [2, 3, 5]
        assert await found(log, '"probe hill"') == [5] and await found(log, '"hill probe"') == [3]
        assert await found(log, "naive") == [1] and await found(log, "noth*") == [4] and await found(log, "noth") == []
        assert await found(log, "probe", limit=2) == [3, 5] and await found(log, "probe", limit=0) == []
        assert await found(log, "probe", "nowhere") == []


async def test_a_search_may_ask_for_one_author_and_stays_in_its_room(place: Place) -> None:
    async with place.opened("room", "other") as log:
        for user in ("ana", "bo", "ana"):
            await log.append(
                draft(f"{user} says {user}", f"{user}{len(await log.messages('room', limit=9))}", user=user)
            )
        await log.append(draft("elsewhere says", room="other"))
        assert await found(log, "says", user="ana") == [1, 3]
        assert await found(log, "says") == [1, 2, 3] and await found(log, "says", "other") == [1]


async def test_what_was_taken_back_is_found_no_more(place: Place) -> None:
    async with place.opened() as log:
        await log.append(draft("a secret", "1"))
        await log.append(draft("another secret", "2"))
        assert await found(log, "secret") == [1, 2]
        await log.redact("room", 1)
        assert await found(log, "secret") == [2]
    async with place.opened() as log:
        assert await found(log, "secret") == [2]


@pytest.mark.parametrize("text", HOSTILE)
async def test_any_text_and_room_can_be_searched(place: Place, text: str) -> None:
    async with place.opened(text) as log:
        await log.append(draft(f"{text} lighthouse {text}", room=text))
        assert await found(log, "lighthouse", text) == [1]
