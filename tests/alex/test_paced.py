from __future__ import annotations

from collections.abc import Sequence

from cadence.alex.events import Report, Viewed
from cadence.alex.paced import CATCH_UP_WORDS_MAX, paced_turn, reading_seconds
from cadence.alex.turns import Pick
from cadence.alex.waiting import OpenMessage
from cadence.lod.budget import credit_words_max, words_per_second
from cadence.lod.units import count_words
from cadence.rooms.wire import View, from_iso
from tests.alex.talk import Room, code, entry, line, mediator


def waiting(count: int, speakers: str = "ab") -> list[OpenMessage]:
    return [
        OpenMessage(entry(seq, line(seq), speakers[seq % len(speakers)]), 0.0, False) for seq in range(1, count + 1)
    ]


def first_units(messages: Sequence[OpenMessage], words: float) -> list[Pick]:
    """The first units that fit."""
    picks: list[Pick] = []
    for message in messages:
        unit = message.entry.parsed.units[0]
        if sum(pick.unit.n for pick in picks) + unit.n <= words:
            picks.append(Pick(message.entry, unit, 1.0))
    return picks


def test_whole_messages_come_oldest_first_while_they_fit() -> None:
    turn = paced_turn(waiting(5), 30.0, 1.0, first_units)
    assert [segment.sources for segment in turn.segments] == [(1,), (2,)]
    assert all(segment.kind == "verbatim" for segment in turn.segments)


def test_the_first_message_may_overdraw() -> None:
    assert len(paced_turn(waiting(5), 1.0, 1.0, first_units).done) == 1


def test_beyond_five_minutes_the_oldest_half_becomes_one_segment() -> None:
    messages = waiting(60)  # 780 words
    turn = paced_turn(messages, 140.0, 2.0, first_units)
    first, *rest = turn.segments
    assert first.kind == "catch_up"
    assert count_words(first.text) <= CATCH_UP_WORDS_MAX
    assert set(first.speakers) == {"a", "b"}
    assert all(said.startswith(("A: ", "B: ")) for said in first.text.split("\n"))
    assert [segment.sources for segment in rest] == [(31,)]
    assert [message.entry.seq for message in turn.done] == list(range(1, 32))


def test_the_sources_of_a_catch_up_are_by_its_speakers() -> None:
    segment = paced_turn(waiting(60, "abc"), 40.0, 2.0, first_units).segments[0]
    assert {"abc"[seq % 3] for seq in segment.sources} == set(segment.speakers)


def test_without_credit_for_a_word_nothing_is_condensed() -> None:
    turn = paced_turn(waiting(60), 1.0, 2.0, first_units)
    assert [segment.kind for segment in turn.segments] == ["verbatim"]


def test_reading_takes_its_words_over_the_rate() -> None:
    assert reading_seconds(waiting(4), 2.0) == 26.0


def test_a_paced_reader_gets_every_message_whole_and_in_order() -> None:
    room = Room(mediator(mode="paced"))
    for number in range(12):
        room.wait(3)
        room.say(line(number), "abc"[number % 3], **({"parts": code("x = 1")} if number == 5 else {}))
    room.wait(300)
    assert [segment.sources[0] for turn in room.turns for segment in turn.segments if not segment.part] == list(
        range(1, 13)
    )
    assert {turn.mode for turn in room.turns} == {"paced"}
    assert all(segment.kind == "verbatim" for turn in room.turns for segment in turn.segments)


def test_covers_end_before_the_first_message_that_still_waits() -> None:
    room = Room(mediator(mode="paced"))
    for number in range(20):
        room.say(line(number), "abc"[number % 3])
    room.wait(400)
    reached = shown = 0
    for turn in room.turns:
        shown += sum(1 for segment in turn.segments)
        assert turn.covers and turn.covers.from_ == reached + 1
        reached = turn.covers.to
        assert (reached, turn.covers.messages) == (shown, len(turn.segments))
    assert reached == 20


def test_a_room_that_is_too_fast_is_condensed_and_never_forgotten() -> None:
    room = Room(mediator(mode="paced"))
    for number in range(300):
        room.wait(0.5)
        room.say(line(number), "abc"[number % 3])
    room.wait(900)
    kinds = {segment.kind for turn in room.turns for segment in turn.segments}
    assert kinds == {"verbatim", "catch_up"}
    assert room.turns[-1].covers and room.turns[-1].covers.to == 300
    assert sum(turn.covers.messages for turn in room.turns if turn.covers) == 300
    states = {action.state for action in room.actions if isinstance(action, Report)}
    assert {"rate_limiting", "catching_up", "idle"} <= states


def test_paced_obeys_the_pace() -> None:
    room = Room(mediator(mode="paced"))
    for number in range(200):
        room.wait(1)
        room.say(line(number), "abc"[number % 3])
    room.wait(600)
    rate = words_per_second(238)
    most = credit_words_max(rate, 5) + 13
    turns = [(from_iso(turn.at), turn.words) for turn in room.turns]
    for i, (first, _) in enumerate(turns):
        words = 0
        for at, one in turns[i:]:
            words += one
            assert words <= rate * (at - first) + most + 0.01


def test_from_paraphrase_to_paced_what_was_covered_stays_covered() -> None:
    room = Room(mediator())
    for number in range(30):
        room.say(line(number), "abc"[number % 3])
    room.wait(5)
    covered = room.mediator.covered_to
    assert covered == 30
    room.do(Viewed(View(mode="paced")))
    room.say(line(99))
    room.wait(60)
    assert [segment.sources for segment in room.turns[-1].segments] == [(31,)]


def test_from_paced_to_paraphrase_what_waits_is_digested() -> None:
    room = Room(mediator(mode="paced"))
    for number in range(30):
        room.say(line(number), "abc"[number % 3])
    room.wait(5)
    room.do(Viewed(View()))
    (turn,) = room.wait(5)
    assert turn.mode == "paraphrase" and turn.covers and turn.covers.to == 30


def test_what_was_condensed_uncited_is_shown_with_the_objection_to_it() -> None:
    room = Room(mediator(mode="paced", pace_wpm=60))
    for number in range(40):
        room.say(line(number), "abc"[number % 3])
    turn = room.wait(5)[0]
    cited = {seq for segment in turn.segments for seq in segment.sources}
    about = next(seq for seq in range(turn.covers.to if turn.covers else 0, 0, -1) if seq not in cited)
    room.do(Viewed(View()))
    room.wait(60)
    room.say("I disagree: the cache was never the slow part of this.", "zoe", reply_to=about)
    for number in range(40, 60):
        room.say(line(number), "abc"[number % 3])
    pair = [segment for turn in room.wait(120) for segment in turn.segments if {about, 41} & set(segment.sources)]
    assert [segment.sources for segment in pair] == [(about,), (41,)]
    assert pair[1].objects_to == about
