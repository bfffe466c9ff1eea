from __future__ import annotations

import numpy as np
import pytest

from cadence.alex.answers import Missed, Placed, compose, overview, unshown, weigh
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry
from cadence.alex.turns import segment_words
from cadence.alex.waiting import OpenMessage
from cadence.lod.reading import Interval
from cadence.lod.terms import Background
from cadence.rooms.wire import View
from tests.alex.talk import SENTENCE, START, code, entry, line, message
from tests.lod.conversation import built, talk

FIRST = entry(1, "The cache loses writes. The disk is fine.")
SECOND = entry(2, "We should restart the second node.", "otto")


def composed(choices: list[tuple[Placed, float]], words: int = 120, *entries: Entry, **objections: Entry) -> list[str]:
    known = {one.seq: one for one in (entries or (FIRST, SECOND))}
    about = {int(seq[1:]): [one] for seq, one in objections.items()}
    _, segments = compose(choices, known, about, "answer", words)
    assert sum(map(segment_words, segments)) <= words
    assert all(segment.kind == "answer" for segment in segments)
    return [segment.text for segment in segments]


def test_an_answer_names_its_speakers_and_quotes_them_in_the_order_of_the_log() -> None:
    found = composed([((2, 0), 0.9), ((1, 1), 0.5), ((1, 0), 0.4)])
    assert found == [
        "Vera: The cache loses writes. The disk is fine.",
        "Otto: We should restart the second node.",
    ]
    _, segments = compose([((2, 0), 0.9)], {2: SECOND}, {}, "catch_up", 50)
    assert (segments[0].kind, segments[0].speakers, segments[0].sources) == ("catch_up", ("otto",), (2,))


def test_names_are_paid_for_and_what_does_not_fit_is_left_out() -> None:
    assert composed([((2, 0), 0.9), ((1, 1), 0.5)], 7) == ["Otto: We should restart the second node."]
    assert composed([((2, 0), 0.9), ((1, 1), 0.5)], 6) == ["Vera: The disk is fine."]


def test_what_is_gone_from_the_log_is_left_out() -> None:
    erased = Entry(message(1).erased(), None)
    assert composed([((1, 0), 0.9), ((2, 0), 0.5), ((3, 0), 0.5)], 120, erased, SECOND) == [
        "Otto: We should restart the second node."
    ]


def test_a_block_is_not_quoted() -> None:
    assert composed([((1, 0), 1.0)], 120, entry(1, "", parts=code("x = 1"))) == []


def test_what_is_objected_to_comes_with_the_objection_or_not_at_all() -> None:
    objection = Entry(message(3, "No, that breaks the quorum.", "vera", reply_to=2), SECOND.message)
    assert composed([((2, 0), 0.9)], 120, SECOND, s2=objection) == [
        "Otto: We should restart the second node.",
        "Vera: No, that breaks the quorum.",
    ]
    assert composed([((2, 0), 0.9)], 9, SECOND, s2=objection) == []


def test_nothing_is_quoted_twice() -> None:
    assert composed([((2, 0), 0.9), ((2, 0), 0.9)]) == ["Otto: We should restart the second node."]


def test_what_the_reader_was_shown_is_not_told_again() -> None:
    heard = talk(60, 3.0)
    interval = Interval(built(heard).read())
    memory = ReaderMemory()
    background = Background()
    shown = overview(interval, View(), (), background, START, 60, refuse=unshown(memory, lambda seq: True))
    for one in shown:
        memory.show(one.kept.unit(), one.share, None, START)
    again = overview(interval, View(), (), background, START, 60, refuse=unshown(memory, lambda seq: True))
    repeated = {(one.kept.seq, one.kept.index) for one in shown if len(one.kept.terms) >= 3}
    assert repeated and not repeated & {(one.kept.seq, one.kept.index) for one in again}


def test_human_speech_that_came_as_a_message_is_not_told_again() -> None:
    interval = Interval(built(talk(100, 3.0)).read())
    refuse = unshown(ReaderMemory(), lambda seq: False)
    refused = refuse([kept.unit() for kept in interval.kept], interval.kept)
    assert refused.tolist() == [kept.human for kept in interval.kept] and any(refused)


def test_who_is_near_weighs_more() -> None:
    interval = Interval(built(talk(200, 3.0)).read())

    def share(near: set[str]) -> float:
        found = overview(interval, View(sigma=0.5), near, Background(), START + 5_000, 100)
        return sum(one.kept.n for one in found if one.kept.speaker == "c") / sum(one.kept.n for one in found)

    assert share({"c"}) > share(set()) + 0.2


def test_a_look_back_is_gaussian_in_age() -> None:
    weight = weigh(1000.0, 0.0, 0.5)
    assert weight(1000.0) == 1.0 > weight(500.0) > weight(0.0) == pytest.approx(np.exp(-0.5))


def test_without_a_pyramid_everything_that_waits_competes() -> None:
    waiting = [OpenMessage(FIRST, START, True), OpenMessage(SECOND, START, False)]
    messages, units = Missed().among(waiting, START)
    assert messages == waiting and len(units) == 3 and not any(one.urgent for one in units)


def test_with_one_only_what_it_chose_competes_and_what_concerns_the_reader() -> None:
    older, human = entry(1, line(1)), entry(2, line(2), "hana", kind="human")
    waiting = [OpenMessage(entry(5, SENTENCE), START, False), OpenMessage(entry(6, line(6)), START, True)]
    waiting.append(OpenMessage(entry(7, line(7)), START, False))
    missed = Missed(frozenset({(1, 0), (2, 0), (7, 0)}), (older, human))
    messages, units = missed.among(waiting, START)
    assert [one.entry.seq for one in messages] == [1, 5, 6, 7]
    assert [one.unit.seq for one in units] == [1, 6, 7]
