from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.personas.formats import irc
from cadence.personas.formats.talk import GAP_SECONDS_MAX
from cadence.personas.replay import read_plan

LOGS = Path(__file__).resolve().parents[4] / "shared/data/irc-disentanglement"


def said(*lines: str) -> list[tuple[str, str, float]]:
    return [(one.name, one.line.text, one.line.after_s or 0.0) for one in irc.read([f"{line}\n" for line in lines])]


def test_lines_of_one_minute_share_it_evenly() -> None:
    assert said("[09:58] <ada> one", "[09:58] <bo|2> two", "[09:58] <ada> three", "[09:59] <ada> four") == [
        ("ada", "one", 0.0),
        ("bo|2", "two", 20.0),
        ("ada", "three", 20.0),
        ("ada", "four", 20.0),
    ]


def test_times_to_the_second_are_kept() -> None:
    assert said("[09:58:10] <ada> one", "[09:58:10] <bo> two", "[09:58:55] <ada> three") == [
        ("ada", "one", 0.0),
        ("bo", "two", 0.0),
        ("ada", "three", 45.0),
    ]


def test_channel_and_day_may_stand_in_front() -> None:
    lines = ["kiln 2031-02-27 [23:59:50] <ada> hot ", "kiln 2031-02-28 [00:00:05] <bo> hotter "]
    assert said(*lines) == [("ada", "hot", 0.0), ("bo", "hotter", 15.0)]


def test_midnight_passes_without_a_day_and_a_night_is_short() -> None:
    found = said("[23:59:50] <ada> a", "[00:00:05] <ada> b", "[08:30:00] <bo> c")
    assert [after_s for _, _, after_s in found] == [0.0, 15.0, GAP_SECONDS_MAX]


def test_a_clock_that_is_put_back_stops_for_a_moment_only() -> None:
    found = said("[02:59:00] <ada> a", "[02:00:10] <ada> b", "[02:00:30] <bo> c")
    assert [after_s for _, _, after_s in found] == [0.0, 0.0, 20.0]


def test_a_clock_of_twelve_hours_goes_on() -> None:
    lines = ["kiln 2031-02-27 [12:58] <ada> a", "kiln 2031-02-27 [01:00] <bo> b", "kiln 2031-02-27 [01:01] <bo> c"]
    assert [after_s for _, _, after_s in said(*lines)] == [0.0, GAP_SECONDS_MAX, 60.0]


def test_actions_and_notices_are_said_and_who_came_or_went_is_not() -> None:
    found = said(
        "=== ada [~ada@host.example]  has joined #kiln",
        "[10:00]  * ada lights the kiln",
        "[10:01] -meter- 900 degrees",
        "[10:01]  * ada",
        "[10:02] <bo>",
        "=== bo is now known as bo_away",
        "kiln 2031-02-27 === bo has left",
        "[10:03] -!- cy [~cy@host.example] has quit",
        "--- Log closed",
        "[10:04] <@bo_away> later",
    )
    assert [(name, text) for name, text, _ in found] == [
        ("ada", "*lights the kiln*"),
        ("meter", "900 degrees"),
        ("bo_away", "later"),
    ]


def test_speakers_keep_their_ids_and_a_changed_nick_is_another_speaker() -> None:
    lines = ["[10:00] <ada> a", "=== ada is now known as eve", "[10:00] <eve> b", "[10:00] <ada> c"]
    assert [one.line.speaker for one in irc.read(lines)] == ["speaker-1", "speaker-2", "speaker-1"]


def test_codes_for_colours_are_no_text() -> None:
    assert said("[10:00] <ada> \x02bold\x02 \x0304,12red\x03\tend\x1b[2J") == [("ada", "bold red end[2J", 0.0)]


def test_a_day_that_does_not_exist_says_nothing() -> None:
    assert said("kiln 2031-02-30 [10:00] <ada> a") == []


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("[12:18] <ada> hello", True),
        ("12:18:01 <ada> hello", True),
        ("[12:18]  * ada waves", True),
        ("kiln 2031-02-27 === ada has joined", True),
        ("=== ada has joined", True),
        ("[25:18] <ada> hello", False),
        ("===", False),
        ("name;text", False),
        ("", False),
    ],
)
def test_a_log_is_told_by_its_lines(line: str, known: bool) -> None:
    assert irc.begins(["", line]) is known


@given(st.lists(st.text(alphabet=st.sampled_from("[]:0123 <ab>*-=\x03,"), max_size=40), max_size=20))
def test_no_log_is_too_odd(lines: list[str]) -> None:
    for one in irc.read(lines):
        assert one.line.text and 0.0 <= (one.line.after_s or 0.0) <= GAP_SECONDS_MAX


def test_a_huge_minute_is_read_all_the_same() -> None:
    assert len(said(*["[10:00] <ada> x"] * 2500)) == 2500


@pytest.mark.skipif(not LOGS.exists(), reason="the logs are not on this machine")
@pytest.mark.parametrize("name", ["dev/2004-11-15_03.raw.txt", "new-domains/rust.0.ascii.txt"])
def test_real_logs_can_be_read(name: str) -> None:
    plan = read_plan(LOGS / name, minutes=60)
    assert 10 < len(plan.cast) < 200 and len(plan.lines) > 50 and 3000 < plan.seconds <= 3600
