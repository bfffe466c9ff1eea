from __future__ import annotations

from datetime import UTC, timedelta, timezone

import msgspec

from cadence.rooms.wire import Alex, Behind, Focus, Part, Segment, SegmentPart, View
from cadence.terminal import paint
from cadence.terminal.people import People
from cadence.terminal.text import Line
from tests.terminal.frames import ADA, AT, BO, RAE, ROOM, message, quote, turn


def people() -> People:
    known = People()
    known.whole([ADA, BO, RAE], 5)
    return known


def plain(lines: list[Line]) -> list[str]:
    return [line.plain for line in lines]


def test_a_turn_says_who_said_what_and_how_much_it_stands_for() -> None:
    shown = turn(7, 10, 13, quote("ada", "one … two", 10, 11), quote("gone-1", "three", 12))
    assert plain(paint.turn_lines(shown, people(), {}, UTC)) == [
        "── 7 · 10:00:05 · 4 messages, 50 words",
        "Ada: one … two",
        "gone-1: three",
    ]


def test_what_was_overheard_says_where_and_alex_speaks_as_alex() -> None:
    far = Segment("ambient", ("ada",), "It rains.", (3,), 0.1, room="attic")
    pod = Segment("ambient", ("bo",), "So it does.", (11,), 0.1)
    whisper = Segment("whisper", ("ada",), "In The attic, Ada spoke of rain.", (3,), 1.0, room="attic")
    assert plain(paint.turn_lines(turn(7, 10, 13, far, pod, whisper), people(), {}, UTC))[1:] == [
        "Ada (overheard in attic): It rains.",
        "Bo (overheard): So it does.",
        "Alex, quietly: In The attic, Ada spoke of rain.",
    ]


def test_remarks_tell_of_objections_agreement_and_repeats() -> None:
    known = {9: "bo"}
    shown = turn(7, 10, 10, quote("ada", "no", 10, objects_to=9, agree=1, again=3), quote("bo", "x", 10, objects_to=2))
    assert plain(paint.turn_lines(shown, people(), known, UTC))[1:] == [
        "Ada: no (against Bo) (+1 agrees) (+3 again)",
        "Bo: x (against message 2)",
    ]


def test_blocks_stand_apart_and_folded_ones_say_how_to_open_them() -> None:
    part = SegmentPart(3, 0, "code", 2, "0" * 64, False, lang="python")
    whole = Segment("verbatim", ("ada",), "x = 1\ny = 2\n", (3,), 1.0, part=part)
    folded = Segment(
        "verbatim", ("ada",), "python · 40 lines", (4,), 1.0, part=msgspec.structs.replace(part, folded=True)
    )
    assert plain(paint.turn_lines(turn(7, 3, 4, whole, folded), people(), {}, UTC))[1:] == [
        "Ada: code · python\n    x = 1\n    y = 2",
        "Ada: [python · 40 lines, /open 7 shows it]",
    ]


def test_turns_of_other_kinds_say_what_they_are() -> None:
    assert plain(paint.turn_lines(turn(1, 1, 9, mode="catch_up"), people(), {}, UTC)) == [
        "── 1 · 10:00:05 · while you were away · 9 messages, 50 words",
        "· nothing in them to show",
    ]
    answer = turn(2, 1, 9, quote("ada", "x", 1), mode="answer", covers=None)
    assert plain(paint.turn_lines(answer, people(), {}, UTC))[0] == "── 2 · 10:00:05 · Alex answers"


def test_what_was_taken_back_is_not_there() -> None:
    gone = quote("ada", "", 10, redacted=True)
    assert plain(paint.turn_lines(turn(7, 10, 10, gone), people(), {}, UTC))[1] == "Ada: (taken back)"
    assert plain(paint.message_lines(message(3, "", redacted=True), people(), UTC)) == ["10:00 Ada: (taken back)"]


def test_a_message_has_the_readers_time_and_its_parts() -> None:
    said = message(3, "look:\nthere", RAE, parts=(Part("tool", "a\n\x1b[2Jb\n", name="probe"),))
    zone = timezone(timedelta(hours=5, minutes=30))
    assert plain(paint.message_lines(said, people(), zone)) == [
        "15:30 Rae: look:\n  there",
        "    tool · probe\n    a\n    [2Jb",
    ]
    assert paint.time_of_day("yesterday", UTC) == "--:--:--"


def test_originals_mark_what_was_quoted() -> None:
    lines = paint.original_lines([message(3, "one"), message(4, "two", BO)], frozenset({4}), people())
    assert plain(lines) == ["  3 Ada: one", "› 4 Bo: two"]


def test_who_is_here_is_told_with_those_who_are_followed_and_those_not_listed() -> None:
    assert plain(paint.who_lines(people(), ["bo"])) == [
        "· people (1): Rae",
        "· agents (2): Ada, Bo*",
        "· and 2 more",
    ]
    assert plain(paint.who_lines(People(), [])) == ["· nobody is here"]
    assert paint.names([f"a{number}" for number in range(14)], People()).endswith("a11 and 2 more")


def test_the_status_begins_with_what_matters_most() -> None:
    alex = Alex(room=ROOM, state="paraphrasing", behind=Behind(12, 300, 41.7))
    assert paint.status(alex, View(), "The hall", 9) == (
        "condensing · 12 behind (300 words, 42 s) · every 5 s · 9 here · The hall"
    )
    assert paint.status(None, View(mode="raw"), "The hall", 9) == "raw · 9 here · The hall"
    assert paint.status(None, View(mode="paced"), "The hall", 1) == "quiet · paced · 1 here · The hall"


def test_only_what_changed_of_a_view_is_told() -> None:
    view = View()
    assert paint.view_lines(view, view, people()) == []
    changed = View(mode="raw", cadence_s=10.0, focus=Focus(follow=("ada",)), sigma=2.0)
    assert plain(paint.view_lines(view, changed, people())) == [
        "· raw: every message at once",
        "· a turn every 10 s",
        "· following Ada",
        "· sigma is now 2.0",
    ]
    assert plain(paint.view_lines(changed, View(mode="raw", cadence_s=10.0, sigma=2.0), people())) == [
        "· following nobody"
    ]


def test_time_is_that_of_the_frame() -> None:
    assert paint.time_of_day(AT, UTC) == "10:00:05"


def test_an_answer_says_each_name_once() -> None:
    segment = Segment("answer", ("ada",), "Ada: we wait for the tide", (3,), 1.0)
    answer = msgspec.structs.replace(turn(4, 1, 5, segment, mode="answer"), covers=None)
    lines = plain(paint.turn_lines(answer, people(), {}, UTC))
    assert "Alex answers" in lines[0] and lines[1].strip() == "Ada: we wait for the tide"
    assert plain(paint.turn_lines(msgspec.structs.replace(answer, segments=()), people(), {}, UTC))[1:] == [
        "· nothing was found"
    ]
