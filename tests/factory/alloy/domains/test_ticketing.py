"""Tickets: issued first, passed on by who holds them, admitted once."""

from __future__ import annotations

from cadence.factory.alloy.domains.ticketing import Issued, TicketAlloy
from tests.factory.alloy.examples import loaded, said, ticket


def test_a_ticket_is_typed() -> None:
    alloy = loaded(ticket()).alloy
    assert isinstance(alloy, TicketAlloy) and isinstance(alloy.stages[0], Issued)


def test_the_older_names_of_the_stages_are_read() -> None:
    value = ticket()
    for stage in value["stages"]:
        stage["type"] = f"ticket-{stage['type']}"
    assert said(value) == []
    assert isinstance(loaded(value).alloy.stages[0], Issued)  # type: ignore[union-attr]


def test_a_second_admission_is_refused_and_both_stages_named() -> None:
    value = ticket()
    value["stages"].append(dict(value["stages"][2], gate="south"))
    assert said(value) == ["stages[3]: this stage admits a second time; stages[2] admitted already"]


def test_a_denial_uses_nothing_up() -> None:
    value = ticket()
    value["stages"].insert(2, dict(value["stages"][2], decision="deny"))
    value["stages"].append(dict(value["stages"][2], decision="deny"))
    assert said(value) == []


def test_a_used_ticket_is_not_passed_on() -> None:
    value = ticket()
    value["stages"].append(value["stages"][1] | {"from": "ben", "to": "cem"})
    assert said(value) == ["stages[3]: this stage passes on a used ticket; stages[2] admitted already"]


def test_nobody_passes_on_what_another_holds() -> None:
    value = ticket()
    value["stages"][1]["from"] = "eve"
    assert said(value) == ["stages[1].from: expected the holder 'ann', got 'eve'"]


def test_a_ticket_begins_with_its_issue_and_has_one() -> None:
    value = ticket()
    value["stages"] = value["stages"][1:]
    assert said(value) == ["stages[0]: expected the issue first, and once"]
    value = ticket()
    value["stages"].insert(1, dict(value["stages"][0]))
    assert said(value) == ["stages[1]: a ticket is issued once, and first"]


def test_a_ticket_is_for_the_event_of_its_source() -> None:
    value = ticket()
    value["source"]["eventId"] = "e-2"
    assert said(value) == ["stages[0].eventId: expected the event of the source, 'e-2', got 'e-1'"]


def test_an_answer_that_is_neither_admit_nor_deny_is_no_answer() -> None:
    value = ticket()
    value["stages"][2]["decision"] = "maybe"
    assert said(value) == ["stages[2].decision: expected 'admit' or 'deny', got 'maybe'"]
