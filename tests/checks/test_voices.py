"""Disputes, repeats and paced turns: each checker passes an honest diary and finds one lie at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks import disputes, paced, repeats, words
from tests.checks.record import Log, Reading
from tests.checks.test_checks import ROOM, VIEW, honest, iso, message, quote, verbatim
from tests.stranger import Frame, Seen

LONG = "Nothing in ninety registers justifies another migration"
SAID = [
    message(1, 11.0, "ann", "Shard the ledger by clinic, which halves every lock. It costs a week."),
    message(2, 12.0, "bob", "I disagree: a week buys nothing while replication lags.", reply_to=1),
    message(3, 13.0, "cyd", "+1", reply_to=1),
    message(4, 14.0, "cyd", f"{LONG}. But measure."),
    message(5, 15.0, "ann", f"{LONG}. So decide."),
]
LOG = Log(ROOM, {frame["seq"]: frame for frame in SAID})
TARGET, OBJECTION = "Shard the ledger by clinic,", "I disagree: a week buys nothing"


def turn(number: int, at: float, first: int, last: int, *segments: Frame, mode: str = "paraphrase") -> Frame:
    covers = {"epoch": "e", "from": first, "to": last, "messages": last - first + 1, "words": 1}
    frame = {"type": "turn", "room": ROOM, "turn": number, "at": iso(at), "mode": mode, "covers": covers}
    return {**frame, "words": words.of_turn({"segments": list(segments)}), "segments": list(segments), "by": "embedded"}


def reading(*turns: Frame, **view: Any) -> Reading:
    diary = honest()[:3]
    diary[2].frame["view"] = {**VIEW, **view}
    return Reading("rae", diary + [Seen(14.0 + frame["turn"] * 5, 1, "in", frame) for frame in turns], ROOM)


def objection(**fields: Any) -> Frame:
    return {**quote("bob", OBJECTION, 2), "objects_to": 1, **fields}


# Law 9.


def test_a_target_shown_with_its_objection_is_fine_and_counted() -> None:
    told = reading(turn(1, 19.0, 1, 5, {**quote("ann", TARGET, 1), "agree": 1}, objection()))
    assert disputes.law_9(told, LOG) == []
    sides = disputes.both_sides(told, LOG)
    assert (sides.objections, sides.shown, sides.with_target) == (1, 1, 1)


def test_a_target_shown_alone_breaks_the_law_only_while_the_objection_waits() -> None:
    alone = turn(1, 19.0, 1, 5, quote("ann", TARGET, 1))
    assert "without the objection 2" in disputes.law_9(reading(alone), LOG)[0]
    assert disputes.law_9(reading({**alone, "mode": "paced"}), LOG) == []
    early = turn(1, 11.5, 1, 1, quote("ann", TARGET, 1))
    late = turn(2, 19.0, 2, 5, objection())
    assert disputes.law_9(reading(early, late), LOG) == []
    gone = Log(ROOM, dict(LOG.messages), {2: 13.0})
    assert disputes.law_9(reading(alone), gone) == []


@pytest.mark.parametrize(
    ("segment", "what"),
    [
        (objection(objects_to=4), "no source answers seq 4"),
        (objection(objects_to=99), "no message"),
        ({**quote("ann", "So decide.", 5), "objects_to": 1}, "its own author"),
        (objection(), "seq 1 was never shown"),
        ({**quote("ann", TARGET, 1), "agree": 2}, "`agree` is 2, expected 1 to 1"),
        ({**quote("cyd", "But measure.", 4), "agree": 1}, "`agree` is 1, expected 1 to 0"),
        ({**quote("cyd", "But measure.", 4), "again": 0}, "`again` is 0"),
    ],
)
def test_what_a_segment_says_of_others_must_be_true(segment: Frame, what: str) -> None:
    found = disputes.law_9(reading(turn(1, 19.0, 1, 5, segment)), LOG)
    assert any(what in violation for violation in found), found


# Law 10.


def test_the_same_words_of_another_are_a_repeat_in_a_digest() -> None:
    first, second = turn(1, 14.5, 1, 4, quote("cyd", f"{LONG}.", 4)), turn(2, 19.0, 5, 5, quote("ann", f"{LONG}.", 5))
    found = repeats.law_10(reading(first, second), LOG, "rae")
    assert len(found) == 1 and "after turn 1" in found[0]
    assert repeats.shown_again(reading(first, second)) == (1, 2)
    mentioned = Log(ROOM, {**LOG.messages, 5: {**SAID[4], "mentions": ["rae"]}})
    assert repeats.law_10(reading(first, second), mentioned, "rae") == []


def test_where_all_is_shown_nothing_is_a_repeat() -> None:
    first = turn(1, 14.5, 1, 4, quote("cyd", f"{LONG}.", 4))
    whole = turn(2, 19.0, 5, 5, verbatim(5, "ann", SAID[4]["text"]))
    assert repeats.law_10(reading(first, whole), LOG, "rae") == []


# Rule 7.


def whole(*seqs: int) -> list[Frame]:
    return [verbatim(seq, SAID[seq - 1]["from"]["id"], SAID[seq - 1]["text"]) for seq in seqs]


def catch_up(body: str, *sources: int, speakers: tuple[str, ...] = ("ann", "bob")) -> Frame:
    return {"kind": "catch_up", "speakers": list(speakers), "text": body, "sources": list(sources), "weight": 1.0}


def test_whole_messages_oldest_first_are_paced() -> None:
    turns = [turn(1, 16.0, 1, 3, *whole(1, 2, 3), mode="paced"), turn(2, 21.0, 4, 5, *whole(4, 5), mode="paced")]
    assert paced.rule_7(reading(*turns, mode="paced"), LOG, "rae") == []


@pytest.mark.parametrize(
    ("last", "segments", "what"),
    [
        (3, whole(2, 1, 3), "not oldest first"),
        (3, whole(1, 3), "leaves out [2]"),
        (5, whole(1, 2, 3), "leaves out [4, 5]"),
        (3, [*whole(1, 2), verbatim(3, "cyd", "+")], "seq 3 is not whole"),
        (3, [*whole(1, 2), quote("cyd", "+1", 3)], "expected at most one catch_up, then verbatim"),
        (3, [catch_up(f"ann: {TARGET}\nbob: {OBJECTION}", 1, 2), *whole(3)], "condenses"),
        (3, [catch_up(f"ann: {TARGET}\n{OBJECTION}", 1, 2), *whole(3)], "`bob` has 0 lines"),
        (3, [catch_up(f"ann: {TARGET}\nbob: I agree", 1, 2), *whole(3)], "not theirs"),
        (3, [catch_up(f"ann: {TARGET}\nbob: {OBJECTION}", 1, 2), *whole(1, 2, 3)], "behind what is shown whole"),
    ],
)
def test_each_lie_about_pace_is_found(last: int, segments: list[Frame], what: str) -> None:
    found = paced.rule_7(reading(turn(1, 16.0, 1, last, *segments, mode="paced"), mode="paced"), LOG, "rae")
    assert any(what in violation for violation in found), found


def test_a_long_backlog_may_be_condensed_with_its_voices_named() -> None:
    condensed = turn(1, 16.0, 1, 3, catch_up(f"ann: {TARGET}\nbob: {OBJECTION}", 1, 2), *whole(3), mode="paced")
    long = {**SAID[1], "text": SAID[1]["text"] + " so" * 400}
    log = Log(ROOM, {**LOG.messages, 2: long})
    assert paced.rule_7(reading(condensed, mode="paced", pace_wpm=100), log, "rae") == []


def test_a_paced_turn_may_stop_only_before_what_waits() -> None:
    human = message(4, 14.0, "hal", "At once.")
    log = Log(ROOM, {**LOG.messages, 4: human})
    stopped = turn(1, 16.5, 1, 3, *whole(1, 2, 3), mode="paced")
    one = reading(stopped, mode="paced")
    one.messages[4] = Seen(14.0, 1, "in", human)
    assert "though seq 4 does not wait" in paced.rule_7(one, log, "rae")[0]
