"""The domain `ticketing`: a seat is issued, passes from hand to hand, and is admitted once.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from cadence.factory.alloy.core import Alloy, Source, Stage
from cadence.factory.alloy.domain import DOMAINS, Domain
from cadence.factory.alloy.parts import Name, Text
from cadence.factory.alloy.problems import Problem


class Issued(Stage):
    """The issuer gives a seat to its first holder. Holders are named by key id."""

    type: Literal["issued", "ticket-issued"]
    venue: Name
    event_id: Name
    seat: Name
    holder: Name
    issued_at: Text


class Transferred(Stage):
    """A holder gives the ticket to another; both sign."""

    type: Literal["transferred", "ticket-transferred"]
    from_holder: Name = Field(alias="from")
    to_holder: Name = Field(alias="to")
    transferred_at: Text


class Scanned(Stage):
    """A gate reads the ticket and admits its holder, or not."""

    type: Literal["scanned", "ticket-scanned"]
    gate: Name
    scanner_id: Name
    decision: Literal["admit", "deny"]
    scanned_at: Text


class TicketSource(Source):
    """The event that the ticket is for."""

    event_id: Name


class TicketAlloy(Alloy):
    """An alloy of one ticket."""

    source: TicketSource


def begins_with_its_issue(alloy: TicketAlloy) -> Iterator[Problem]:
    """A ticket is issued first, and once, for the event of its source."""
    tickets = [one for one in enumerate(alloy.stages) if isinstance(one[1], Issued | Transferred | Scanned)]
    for place, (number, stage) in enumerate(tickets):
        if isinstance(stage, Issued) != (place == 0):
            what = "expected the issue first, and once" if place == 0 else "a ticket is issued once, and first"
            yield Problem(("stages", number), what, "Before its issue there is no ticket", "Put `issued` first")
    event = (
        alloy.source.event_id if isinstance(alloy.source, TicketSource) else None
    )  # of another domain, if listed first
    if alloy.stages and isinstance(first := alloy.stages[0], Issued) and event not in (None, first.event_id):
        what = f"expected the event of the source, {str(event)[:40]!r}, got {first.event_id[:40]!r}"
        yield Problem(("stages", 0, "eventId"), what, "A ticket is for one event", "Name one event in both places")


def passes_from_its_holder(alloy: TicketAlloy) -> Iterator[Problem]:
    """Only who holds the ticket can pass it on."""
    holder: str | None = None
    for number, stage in enumerate(alloy.stages):
        if isinstance(stage, Issued):
            holder = stage.holder
        elif isinstance(stage, Transferred):
            if holder is not None and stage.from_holder != holder:
                what = f"expected the holder {holder[:40]!r}, got {stage.from_holder[:40]!r}"
                why = "Nobody can give away what another holds"
                yield Problem(("stages", number, "from"), what, why, "Let the holder transfer it")
            holder = stage.to_holder


def is_admitted_once(alloy: TicketAlloy) -> Iterator[Problem]:
    """After an admission the ticket is used up: no second one, no transfer."""
    admitted: int | None = None
    for number, stage in enumerate(alloy.stages):
        if admitted is not None and (isinstance(stage, Transferred) or _admits(stage)):
            did = "admits a second time" if _admits(stage) else "passes on a used ticket"
            what = f"this stage {did}; stages[{admitted}] admitted already"
            yield Problem(("stages", number), what, "One ticket admits one person", "Refuse it, and record a deny")
        elif _admits(stage):
            admitted = number


def _admits(stage: Stage) -> bool:
    return isinstance(stage, Scanned) and stage.decision == "admit"


DOMAIN = DOMAINS.register(
    Domain(
        id="ticketing",
        version="1.0.0",
        type_byte="0xFF",
        stages=(Issued, Transferred, Scanned),
        root=TicketAlloy,
        rules=(begins_with_its_issue, passes_from_its_holder, is_admitted_once),
        phases={"issued": "input", "scanned": "delivery"},
        signers={
            "issued": {"issuer": None},
            "transferred": {"from": "from", "to": "to"},
            "scanned": {"scanner": "scannerId"},
            "ticket-issued": {"issuer": None},
            "ticket-transferred": {"from": "from", "to": "to"},
            "ticket-scanned": {"scanner": "scannerId"},
        },
    )
)
