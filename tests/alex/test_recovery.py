from __future__ import annotations

import pytest

from cadence.alex.recovery import RAW_MISSING_MAX, Plan, bucket_after, plan
from cadence.rooms.mediation import Balance, ReaderRecord
from cadence.rooms.wire import After, Turn, View, to_iso
from tests.alex.talk import START

KNOWN = ReaderRecord(run_from=1, covered_to=40, turn=7)
RAW = ReaderRecord(run_from=1, covered_to=9, raw_from=10)


@pytest.mark.parametrize(
    ("record", "after", "mode", "expected"),
    [
        (KNOWN, None, "paraphrase", Plan(101, replay=False, recovered=True)),
        (KNOWN, After("e", 30), "paraphrase", Plan(41, replay=True, recovered=True)),
        (KNOWN, After("e", 30), "raw", Plan(41, replay=True, recovered=True)),
        (RAW, After("e", 30), "raw", Plan(31, replay=True, recovered=True)),
        (RAW, After("e", 30), "paraphrase", Plan(31, replay=True, recovered=True)),
        (ReaderRecord(), After("e", 30), "paraphrase", Plan(31, replay=True, recovered=True)),
        (KNOWN, After("other", 30), "paraphrase", Plan(101, replay=False, recovered=False)),
        (KNOWN, After("e", 101), "paraphrase", Plan(101, replay=False, recovered=False)),
        (KNOWN, After("e", 100), "paraphrase", Plan(41, replay=True, recovered=True)),
    ],
)
def test_where_a_reader_goes_on(record: ReaderRecord, after: After | None, mode: str, expected: Plan) -> None:
    assert plan(record, after, "e", 100, mode) == expected


def test_raw_misses_at_most_ten_thousand() -> None:
    head = RAW_MISSING_MAX + 30
    assert plan(RAW, After("e", 30), "e", head, "raw").recovered
    assert not plan(RAW, After("e", 29), "e", head, "raw").recovered
    assert plan(RAW, After("e", 29), "e", head, "paraphrase").recovered


def turn(number: int, at: float, words: int, mode: str = "paraphrase") -> Turn:
    return Turn(
        room="lab",
        turn=number,
        at=to_iso(at),
        mode=mode,
        covers=None,
        words=words,
        segments=(),
        by="embedded",  # type: ignore[arg-type]
    )


def test_a_new_reader_has_a_full_bucket() -> None:
    assert bucket_after(None, [], View(), START).credit == 40.0


def test_the_bucket_is_what_the_stored_turns_left() -> None:
    turns = [turn(1, START, 30), turn(2, START + 5, 20)]
    rate = 238 / 60 * 0.7
    assert bucket_after(None, turns, View(), START + 6).credit == pytest.approx(40 - 30 + 5 * rate - 20 + rate)


def test_a_catch_up_turn_leaves_no_credit() -> None:
    assert bucket_after(None, [turn(1, START, 120, "catch_up")], View(), START).credit == 0.0


@pytest.mark.parametrize(
    ("mode", "words", "credit"), [("paraphrase", 60, -60.0), ("paraphrase", 160, -80.0), ("paced", 160, -160.0)]
)
def test_what_a_faster_pace_could_afford_is_no_debt_at_a_slower_one(mode: str, words: int, credit: float) -> None:
    turns = [turn(n, START + n, words, mode) for n in range(1, 20)]
    assert bucket_after(None, turns, View(pace_wpm=60), START + 19).credit == credit


def test_an_empty_turn_forgives_no_debt() -> None:
    turns = [turn(1, START, 80, "paced"), turn(2, START + 1, 0)]
    assert bucket_after(None, turns, View(pace_wpm=60), START + 1).credit == pytest.approx(-40 + 0.7)


def test_a_balance_is_where_the_reckoning_begins() -> None:
    balance = Balance(12.0, START, 6)
    turns = [turn(6, START - 1, 200), turn(7, START + 2, 20)]
    assert bucket_after(balance, turns, View(pace_wpm=600), START + 3).credit == pytest.approx(12 + 14 - 20 + 7)
    assert bucket_after(balance, turns[:1], View(pace_wpm=600), START + 3).credit == pytest.approx(12 + 21)


def test_a_balance_from_before_the_turns_that_were_read_says_nothing() -> None:
    assert bucket_after(Balance(-500.0, START, 1), [turn(9, START, 30)], View(), START).credit == 10.0


def test_turns_and_a_balance_from_the_future_starve_nobody() -> None:
    """Another server's clock was ahead, or ours was."""
    turns = [turn(8, START + 86_400, 20)]
    rate = 238 / 60 * 0.7
    for balance in (None, Balance(40.0, START + 86_400, 7)):
        bucket = bucket_after(balance, turns, View(), START)
        bucket.advance(START + 1)
        assert bucket.credit == pytest.approx(40 - 20 + rate)
