"""Parcels: picked up first, handed over last, to whom they are for."""

from __future__ import annotations

from tests.factory.alloy.examples import parcel, said


def test_a_parcel_is_picked_up_first_and_once() -> None:
    value = parcel()
    value["stages"].insert(1, dict(value["stages"][0]))
    assert said(value) == ["stages[1]: expected `picked-up` first, and only first"]
    value = parcel()
    del value["stages"][0]
    assert said(value) == ["stages[0]: expected `picked-up` first, and only first"]


def test_after_the_delivery_nothing_follows() -> None:
    value = parcel()
    value["stages"].append(dict(value["stages"][2]))
    assert said(value) == ["stages[2]: a stage follows after the delivery"]


def test_the_parcel_goes_to_its_receiver() -> None:
    value = parcel()
    value["stages"][2]["receiver"] = "eve"
    assert said(value) == ["stages[2].receiver: expected the receiver 'ben', got 'eve'"]
    del value["source"]["receiver"]
    assert said(value) == []


def test_a_parcel_on_its_way_is_complete_so_far() -> None:
    value = parcel()
    value["stages"] = value["stages"][:2]
    assert said(value) == []
