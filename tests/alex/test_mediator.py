from __future__ import annotations

import pytest

from cadence.alex.composing import CATCH_UP_WORDS
from cadence.alex.events import Forgot, Opened, RawEnded, Redacted, Report, Returned, Show, Skipped, Viewed
from cadence.alex.mediator import WAITING_MESSAGES_MAX
from cadence.lod.units import count_words
from cadence.rooms.wire import Covers, View
from tests.alex.talk import SENTENCE, START, Room, code, entry, line, mediator

LONG = "\n".join(f"value_{line} = compute(value_{line - 1}, weight={line})" for line in range(1, 40))


def flood(room: Room, messages: int, speakers: str = "abc", gap: float = 0.1) -> None:
    for number in range(messages):
        room.wait(gap)
        room.say(line(room.seq), speakers[number % 3])


def test_what_fits_is_shown_whole_and_in_order() -> None:
    room = Room(mediator())
    room.say("First thing, said *plainly*.")
    room.say("Second thing.\n\n```python\nx = 1\n```\n", "otto", parts=code("y = 2"))
    (turn,) = room.wait(6)
    assert [segment.kind for segment in turn.segments] == ["verbatim"] * 3
    assert [segment.text for segment in turn.segments] == [
        "First thing, said *plainly*.",
        "Second thing.\n\n```python\nx = 1\n```\n",
        "y = 2",
    ]
    assert [segment.speakers for segment in turn.segments] == [("vera",), ("otto",), ("otto",)]
    assert turn.segments[2].part and not turn.segments[2].part.folded
    assert turn.covers == Covers("epoch", 1, 2, 2, turn.words)


def test_a_turn_counts_what_the_reader_reads() -> None:
    room = Room(mediator())
    flood(room, 40)
    turns = room.wait(30)
    assert turns
    for turn in turns:
        assert turn.words == sum(count_words(segment.text) for segment in turn.segments)


def test_a_flood_becomes_a_digest_within_the_credit() -> None:
    room = Room(mediator())
    flood(room, 60)
    room.wait(5)
    first = room.turns[0]
    assert all(segment.kind == "quote" for segment in first.segments)
    assert 20 <= first.words <= 40
    assert len({segment.speakers for segment in first.segments}) == 3


def test_covers_are_contiguous_and_reach_the_head_of_each_look() -> None:
    room = Room(mediator())
    for _ in range(6):
        flood(room, 30)
        room.wait(3)
    room.wait(60)
    reached = 0
    for turn in room.turns:
        assert turn.covers is not None
        assert turn.covers.from_ == reached + 1
        assert turn.covers.to >= reached
        reached = turn.covers.to
    assert reached == room.seq
    assert sum(turn.covers.messages for turn in room.turns if turn.covers) == 180


def test_nothing_is_said_without_credit() -> None:
    room = Room(mediator(credit=-10.0))
    room.say()
    assert room.wait(3.5) == []
    (turn,) = room.wait(20)
    assert turn.words == count_words(SENTENCE)


def test_too_little_credit_is_reported_as_rate_limiting() -> None:
    room = Room(mediator(credit=-20.0))
    room.say()
    room.wait(6)
    states = [action.state for action in room.actions if isinstance(action, Report)]
    assert states == ["passthrough", "rate_limiting"]


def test_a_mention_is_shown_first_and_may_overdraw() -> None:
    room = Room(mediator(credit=-12.0, cadence_s=5.0))
    room.wait(0.1)
    flood(room, 3, gap=0.0)
    room.say("Reader, could you please tell us which of the two plans you would rather sign?", mentions=("reader",))
    room.wait(5)  # the credit is about 2 words
    (turn,) = room.turns
    assert [segment.sources for segment in turn.segments] == [(4,)]
    assert turn.words == 15


def test_a_reply_to_the_reader_is_urgent() -> None:
    room = Room(mediator(credit=-12.0))
    room.wait(0.1)
    room.say("What did it cost?", "reader", kind="human")
    flood(room, 3, gap=0.0)
    room.say("About forty thousand a year, most of it for the second node that we never use.", reply_to=1)
    room.wait(5)
    (turn,) = room.turns
    assert turn.segments[0].sources == (5,)


def test_the_first_unit_may_overdraw_an_otherwise_empty_turn() -> None:
    long = "the seventh replica in the northern region kept answering reads for eleven minutes after its lease ran out"
    room = Room(mediator(credit=7.5, pace_wpm=60.0, cadence_s=1.0))
    for number in range(4):
        room.say(f"{long} number {number}", "abcd"[number])
    turns = room.wait(2)
    assert len(turns) == 1
    assert turns[0].words == count_words(f"{long} number 1")


def test_no_unit_is_shown_twice() -> None:
    room = Room(mediator())
    flood(room, 100, gap=0.3)
    room.wait(90)
    shown = [segment.text for turn in room.turns for segment in turn.segments]
    assert len(shown) == len(set(shown))


def test_the_rest_of_a_partly_shown_message_is_quoted_when_it_fits() -> None:
    room = Room(mediator())
    room.say(" ".join(line(number) for number in range(9)))
    first, *others = room.wait(60)
    assert all(segment.kind == "quote" for turn in (first, *others) for segment in turn.segments)
    assert others[0].covers == Covers("epoch", 2, 1, 0, 0)
    quoted = " … ".join(segment.text for turn in (first, *others) for segment in turn.segments)
    assert all(line(number) in quoted for number in range(9))


def test_a_long_block_is_folded_in_a_digest_and_costs_fifteen() -> None:
    room = Room(mediator())
    flood(room, 20)
    room.say("", "otto", parts=code(LONG))
    room.wait(120)
    folded = [(turn, segment) for turn in room.turns for segment in turn.segments if segment.part]
    ((turn, segment),) = folded
    assert segment.part and segment.part.folded
    assert (segment.part.seq, segment.part.index, segment.part.lines) == (21, 0, 39)
    assert segment.text == "python · 39 lines"
    quotes = sum(count_words(other.text) for other in turn.segments if other is not segment)
    assert turn.words == quotes + 15


def test_messages_that_can_never_be_shown_are_closed_after_thirty_seconds() -> None:
    room = Room(mediator())
    room.say()
    room.do(Redacted(1))
    assert room.wait(29) == []
    (turn,) = room.wait(10)
    assert turn.segments == () and turn.words == 0
    assert turn.covers and (turn.covers.from_, turn.covers.to) == (1, 1)


def test_text_waits_a_minute_at_most() -> None:
    room = Room(mediator(pace_wpm=60.0))
    flood(room, 300, gap=0.1)
    room.wait(200)
    assert room.mediator.deadline() is None
    assert room.turns[-1].at < "1970-01-12T13:48:20"


def test_a_human_is_heard_at_once_until_humans_outrun_the_bound() -> None:
    room = Room(mediator(cadence_s=30.0))
    for _ in range(20):
        room.say("word " * 20, "hugo", kind="human")
    assert room.messages == list(range(1, 14))  # 240 words may have been said before the thirteenth
    room.say("word " * 20, "reader", kind="human")
    assert room.messages[-1] == 21
    (turn,) = room.wait(31)
    assert turn.covers and (turn.covers.from_, turn.covers.to) == (1, 21)
    assert (turn.covers.messages, turn.covers.words) == (0, 0)
    assert turn.segments


def test_a_followed_human_is_always_heard() -> None:
    from cadence.rooms.wire import Focus

    room = Room(mediator(focus=Focus(follow=("hugo",))))
    for _ in range(20):
        room.say("word " * 20, "hugo", kind="human")
    assert room.messages == list(range(1, 21))


def test_speech_sent_as_messages_alone_makes_no_turn() -> None:
    room = Room(mediator())
    room.say("hello", "hugo", kind="human")
    assert room.wait(60) == []
    room.say()
    (turn,) = room.wait(10)
    assert turn.covers and (turn.covers.from_, turn.covers.to, turn.covers.messages) == (1, 2, 1)


def test_going_raw_closes_what_was_open_with_what_the_credit_allows() -> None:
    room = Room(mediator())
    flood(room, 12)
    room.do(Viewed(View(mode="raw")))
    (turn,) = room.turns
    assert turn.covers and (turn.covers.from_, turn.covers.to) == (1, 12)
    assert 0 < turn.words <= 40
    assert room.mediator.raw_from == 13
    room.say()
    assert room.messages == [13]
    assert room.wait(60) == []


def test_going_raw_without_credit_still_closes_the_range() -> None:
    room = Room(mediator(credit=-30.0))
    room.say()
    room.do(Viewed(View(mode="raw")))
    assert room.turns[0].segments == ()


def test_going_raw_with_only_messages_open_makes_no_turn() -> None:
    room = Room(mediator())
    room.say("hello", "hugo", kind="human")
    room.do(Viewed(View(mode="raw")))
    assert room.turns == []
    assert room.mediator.raw_from == 1


def test_coming_back_from_raw_starts_after_the_head() -> None:
    room = Room(mediator(mode="raw"))
    room.say()
    room.say()
    assert room.do(Viewed(View())) == [RawEnded(1, 2)]
    room.say()
    (turn,) = room.wait(11)
    assert turn.covers and (turn.covers.from_, turn.covers.to) == (3, 3)


def test_a_shorter_cadence_brings_the_next_look_nearer() -> None:
    room = Room(mediator(cadence_s=30.0))
    room.wait(1)
    room.say()
    assert room.mediator.deadline() == room.now
    room.wait(4)
    assert room.mediator.deadline() == START + 29.375, "on the grid that all readers of this cadence share"
    room.do(Viewed(View(cadence_s=2.0)))
    assert room.mediator.deadline() == START + 7


def test_a_longer_cadence_waits_for_the_look_that_was_due() -> None:
    room = Room(mediator(cadence_s=2.0))
    room.wait(0.5)
    room.say()
    room.wait(0)
    room.do(Viewed(View(cadence_s=30.0)))
    assert len(room.wait(2)) == 1


def test_someone_who_is_followed_or_opened_is_shown_more() -> None:
    def words_of_a(prepare: object, **view: object) -> int:
        room = Room(mediator(**view))  # type: ignore[arg-type]
        if prepare is not None:
            room.do(prepare)
        for _ in range(20):
            flood(room, 30, gap=0.1)
        room.wait(5)
        segments = [segment for turn in room.turns for segment in turn.segments if segment.speakers == ("a",)]
        return sum(count_words(segment.text) for segment in segments)

    plain = words_of_a(None, sigma=0.5)
    assert words_of_a(Opened((entry(1, speaker="a"),)), sigma=0.5) > 1.3 * plain


def test_a_long_absence_becomes_one_catch_up_turn_outside_the_bucket() -> None:
    room = Room(mediator(credit=30.0))
    for number in range(200):
        room.say(line(number), "abc"[number % 3])
    turns = [action.turn for action in room.do(Returned()) if isinstance(action, Show)]
    (turn,) = turns
    assert turn.mode == "catch_up"
    assert 60 < turn.words <= CATCH_UP_WORDS
    assert turn.covers and (turn.covers.from_, turn.covers.to, turn.covers.messages) == (1, 200, 200)
    room.say()
    assert room.wait(1.0) == []  # the credit is gone


def test_returning_to_silence_makes_no_turn() -> None:
    room = Room(mediator())
    room.say("hello", "hugo", kind="human")
    assert room.do(Returned()) == []


def test_what_is_skipped_is_counted_in_the_next_turn() -> None:
    room = Room(mediator())
    room.do(Skipped(500, 400, 4_000))
    room.seq = 500
    room.say()
    (turn,) = room.wait(6)
    assert turn.covers and (turn.covers.from_, turn.covers.to) == (1, 501)
    assert (turn.covers.messages, turn.covers.words) == (401, 4_013)


def test_the_waiting_is_bounded() -> None:
    room = Room(mediator(cadence_s=30.0))
    for number in range(WAITING_MESSAGES_MAX + 50):
        room.say(f"Shard {number} moved.", "abc"[number % 3])
    assert len(room.mediator._waiting) <= WAITING_MESSAGES_MAX
    (turn,) = room.wait(30)
    assert turn.covers and turn.covers.messages == WAITING_MESSAGES_MAX + 50


def test_between_looks_reports_come_seldom_while_the_state_stays() -> None:
    room = Room(mediator(cadence_s=30.0))
    flood(room, 100)
    reports = [action for action in room.actions if isinstance(action, Report)]
    assert 4 <= len(reports) <= 5, "of what was said in ten seconds"
    assert reports[-1].state == "passthrough"
    assert reports[-1].behind.messages > 70


def test_alex_is_idle_again_once_a_look_finds_nothing() -> None:
    room = Room(mediator())
    room.say()
    room.wait(30)
    states = [action.state for action in room.actions if isinstance(action, Report)]
    assert states == ["passthrough", "passthrough", "idle"]
    assert room.mediator.deadline() is None


def test_forgetting_makes_speakers_equal_again() -> None:
    room = Room(mediator())
    flood(room, 60)
    room.wait(10)
    assert room.mediator._memory.speakers.reward("a", room.now) > 0
    room.do(Forgot())
    assert room.mediator._memory.speakers.reward("a", room.now) == 0


@pytest.mark.parametrize("cadence_s", [1.0, 5.0, 30.0])
@pytest.mark.parametrize("pace_wpm", [60.0, 238.0, 1000.0])
def test_words_in_any_window_obey_law_2(cadence_s: float, pace_wpm: float) -> None:
    room = Room(mediator(cadence_s=cadence_s, pace_wpm=pace_wpm))
    flood(room, 600, gap=0.2)
    from cadence.lod.budget import credit_words_max, words_per_second
    from cadence.rooms.wire import from_iso

    rate = words_per_second(pace_wpm)
    most = credit_words_max(rate, cadence_s) + 40
    turns = [(from_iso(turn.at), turn.words) for turn in room.turns]
    assert turns
    for i, (first, _) in enumerate(turns):
        words = 0
        for at, one in turns[i:]:
            words += one
            assert words <= rate * (at - first) + most + 0.01
