from __future__ import annotations

import math

from cadence.alex.coverage import OpenRange
from cadence.alex.events import Report
from cadence.alex.reporting import Reporter
from cadence.lod.mood import Mood
from cadence.rooms.wire import Behind
from cadence.rooms.wire import Mood as WireMood
from tests.alex.talk import START, entry


def lively() -> Mood:
    mood = Mood()
    for second in range(30):
        mood.hear(START - 30 + second, "word " * 20, 20, None, answers=False)
    return mood


def all_reports(reporter: Reporter, waiting: OpenRange, mood: Mood) -> list[tuple[float, Report]]:
    """Everything told from START on, with its time."""
    told: list[tuple[float, Report]] = []
    reporter.soon(START)
    while (now := reporter.due) < math.inf:
        told += [(now - START, report) for report in reporter.report(waiting, mood, now)]
        assert reporter.due > now, "law 16"
    return told


def test_what_did_not_change_is_not_told() -> None:
    reporter = Reporter()
    assert all_reports(reporter, OpenRange(), Mood()) == []


def test_a_change_of_state_is_told_at_once_and_what_waits_beside_a_look_after_a_while() -> None:
    reporter, waiting, mood = Reporter(), OpenRange(), Mood()
    reporter.state = "paraphrasing"
    waiting.add(entry(1), START)
    reporter.soon(START)
    (report,) = reporter.report(waiting, mood, START)
    assert report == Report("paraphrasing", Behind(1, 13, 0.0), WireMood(0.0, 0.0, False))
    waiting.add(entry(2), START)
    reporter.soon(START + 0.2)
    assert reporter.due == START + 2.5
    assert reporter.report(waiting, mood, START + 0.2) == []
    reporter.state = "rate_limiting"
    reporter.due = START + 0.4
    assert [one.state for one in reporter.report(waiting, mood, START + 0.4)] == ["rate_limiting"]


def test_a_mood_is_told_until_the_room_has_come_to_rest() -> None:
    told = all_reports(Reporter(), OpenRange(), lively())
    assert [at for at, _ in told] == sorted({at for at, _ in told})
    energies = [report.mood.energy for _, report in told]
    assert energies[0] > 0.8 and energies == sorted(energies, reverse=True) and energies[-1] == 0.0
    assert all(after - before >= 10.0 for (before, _), (after, _) in zip(told, told[1:], strict=False))


def test_in_raw_nothing_is_told() -> None:
    reporter = Reporter()
    reporter.state = "paraphrasing"
    reporter.soon(START)
    reporter.stop()
    assert (reporter.due, reporter.state) == (math.inf, "idle")


def test_while_a_report_is_overdue_nothing_that_is_said_makes_it_due_sooner() -> None:
    reporter = Reporter()
    reporter.state = "passthrough"
    assert not reporter.counting, "nobody has said anything yet"
    reporter.soon(100.0)
    assert reporter.counting and reporter.due == 100.0
    reporter.soon(107.0)
    assert reporter.due == 100.0
    reporter.state, reporter.due = "idle", 100.0
    assert not reporter.counting, "what is said next wakes it"
