from __future__ import annotations

import json

import pytest

from cadence.conform.report import CAME_CHARS_MAX, Failure, Report, Result, expect, failed

PASSED = Result("3", "said comes first", "pass")
FAILED = failed("10", "names are unique", Failure("error `conflict`", {"type": "welcome"}))
LEFT_OUT = Result("hosts", "who is kicked is gone", "skipped", why="needs a host's token")


def test_a_report_reads_rule_by_rule_and_ends_with_the_sum() -> None:
    assert str(Report("ws://there/ws", (PASSED, FAILED, LEFT_OUT))).splitlines() == [
        "pass  3         said comes first",
        "FAIL  10        names are unique",
        "      expected error `conflict`",
        '      got      {"type": "welcome"}',
        "skip  hosts     who is kicked is gone (needs a host's token)",
        "ws://there/ws: 1 passed, 1 failed, 1 skipped",
    ]


@pytest.mark.parametrize(
    ("results", "conforms"),
    [((PASSED, LEFT_OUT), True), ((PASSED, FAILED), False), ((LEFT_OUT,), False), ((), False)],
)
def test_a_server_conforms_if_something_was_tried_and_nothing_failed(
    results: tuple[Result, ...], conforms: bool
) -> None:
    report = Report("there", results)
    assert report.conforms is conforms
    assert json.loads(json.dumps(report.as_dict()))["conforms"] is conforms


def test_what_came_is_cut_and_on_one_line() -> None:
    result = failed("3", "x", Failure("less", "a\nb" + "c" * 10_000))
    assert result.came.startswith("a bc") and len(result.came) == CAME_CHARS_MAX


def test_expecting_what_is_true_says_nothing() -> None:
    expect(True, "something", None)
    with pytest.raises(Failure, match="expected something, got None"):
        expect(0, "something", None)
