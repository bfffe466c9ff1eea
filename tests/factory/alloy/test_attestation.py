"""Shapes of the proof: what must be there, what may, and what older files left out."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cadence.factory.alloy import attestation
from cadence.factory.alloy.attestation import Amendment, Checkpoint, Integrity, Link, Receipt, Signature
from cadence.factory.alloy.parts import plain


def test_an_empty_receipt_means_none_and_stays_empty() -> None:
    receipt = Receipt.model_validate({})
    assert receipt.empty
    assert plain(receipt) == {}


def test_a_receipt_that_says_something_needs_a_date() -> None:
    with pytest.raises(ValidationError, match="issuedAt"):
        Receipt.model_validate({"publications": []})
    with pytest.raises(ValidationError, match="issuedAt"):
        Receipt.model_validate({"note": "by hand"})
    assert not Receipt.model_validate({"issuedAt": "2026-04-08T16:36:55Z"}).empty


def test_integrity_is_self_attested_unless_it_says_otherwise() -> None:
    assert Integrity.model_validate({}).trust_level == "self-attested"
    with pytest.raises(ValidationError):
        Integrity.model_validate({"trustLevel": "trust me"})


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (Signature, {"algorithm": "EdDSA", "publicKey": "…", "value": "…"}),
        (Link, {"chain": "c", "index": 0, "previousHash": "h", "completedAt": "2026-01-01"}),
        (Amendment, {"stage_ref": 2, "reason": "disk lost", "data_available": False, "amended_at": "2026-01-01"}),
        (
            Checkpoint,
            {"completedAt": "2026-01-01", "outputHash": None, "inputHashes": {"a": "b"}, "metadata": {"n": 1}},
        ),
    ],
)
def test_each_shape_comes_back_and_misses_what_is_required(shape: Any, value: dict[str, Any]) -> None:
    assert plain(shape.model_validate(value)) == value
    for key in value:
        field = next(one for name, one in shape.model_fields.items() if (one.alias or name) == key)
        if field.is_required():
            with pytest.raises(ValidationError):
                shape.model_validate({other: kept for other, kept in value.items() if other != key})


def test_the_fields_that_programs_once_dropped_are_fields() -> None:
    names = {one.alias for one in attestation.Integrity.model_fields.values()}
    assert {"fileHashes", "parentAlloyHash", "modelHash", "certifications", "audience", "nonce"} <= names
