"""The domain `delivery`: a parcel is picked up, carried, and handed over.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cadence.factory.alloy.core import Alloy, Source, Stage
from cadence.factory.alloy.domain import DOMAINS, Domain
from cadence.factory.alloy.parts import Name, Text
from cadence.factory.alloy.problems import Problem


class PickedUp(Stage):
    """A carrier takes the parcel."""

    type: Literal["picked-up"]
    carrier: Name
    place: Text
    picked_up_at: Text
    seal_hash: Text | None = None
    """SHA-256 of a picture of the seal, or of its number."""


class InTransit(Stage):
    """The parcel is somewhere on its way, perhaps with another carrier."""

    type: Literal["in-transit"]
    carrier: Name
    place: Text
    seen_at: Text


class Delivered(Stage):
    """The parcel is in its receiver's hands."""

    type: Literal["delivered"]
    receiver: Name
    place: Text
    delivered_at: Text
    seal_intact: bool | None = None


class DeliverySource(Source):
    """The parcel."""

    parcel_id: Name
    sender: Name
    receiver: Name | None = None


class DeliveryAlloy(Alloy):
    """An alloy of one parcel's way."""

    source: DeliverySource


def goes_from_hand_to_hand(alloy: DeliveryAlloy) -> Iterator[Problem]:
    """Picked up first, and delivered at most once, at the end, to the receiver the sender named."""
    wanted = (
        alloy.source.receiver if isinstance(alloy.source, DeliverySource) else None
    )  # another domain may come first
    steps = [one for one in enumerate(alloy.stages) if isinstance(one[1], PickedUp | InTransit | Delivered)]
    for place, (number, stage) in enumerate(steps):
        at = ("stages", number)
        if isinstance(stage, PickedUp) != (place == 0):
            what = "expected `picked-up` first, and only first"
            yield Problem(at, what, "A parcel nobody took cannot travel", "Put `picked-up` first")
        if isinstance(stage, Delivered) and place != len(steps) - 1:
            what = "a stage follows after the delivery"
            yield Problem(at, what, "What was handed over travels no further", "Let `delivered` be the last stage")
        if isinstance(stage, Delivered) and wanted is not None and stage.receiver != wanted:
            what = f"expected the receiver {wanted[:40]!r}, got {stage.receiver[:40]!r}"
            yield Problem((*at, "receiver"), what, "The sender named another", "Deliver it to whom it is for")


DOMAIN = DOMAINS.register(
    Domain(
        id="delivery",
        version="1.0.0",
        type_byte="0x05",
        stages=(PickedUp, InTransit, Delivered),
        root=DeliveryAlloy,
        rules=(goes_from_hand_to_hand,),
        phases={"picked-up": "input", "delivered": "delivery"},
        signers={"picked-up": {"carrier": None}, "in-transit": {"carrier": None}, "delivered": {"receiver": None}},
    )
)
