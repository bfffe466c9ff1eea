"""Keys: order of judgement, lifetimes, and registries that are not what they should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.alloy.keys import (
    KeyRefused,
    RegistryError,
    decode,
    encode,
    instant,
    read_registry,
)
from cadence.factory.alloy.signing import SigningKey

START = datetime(2026, 9, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 27, tzinfo=UTC)
KEY = SigningKey.generate()
NEXT = SigningKey.generate("ES256")
ENTRY = KEY.entry("forge", "2026-09-01T00:00:00Z")
SUCCESSOR = NEXT.entry("forge", "2026-10-15T00:00:00Z")


def judged(day: int, *entries: dict[str, Any], public: bytes = KEY.public_key, now: datetime = NOW) -> str:
    """The owner of the key if it was good on that day after its registration, else the reason."""
    try:
        return read_registry([*entries]).judge(KEY.key_id, public, START + timedelta(days=day), now).owner
    except KeyRefused as error:
        return str(error)


def test_a_key_is_good_for_ninety_days() -> None:
    assert judged(0, ENTRY) == judged(80, ENTRY) == "forge"
    assert "was good from" in judged(-1, ENTRY)
    assert "was good from" in judged(91, ENTRY, now=NOW + timedelta(days=30))
    assert "was good from" in judged(31, {**ENTRY, "expiresAt": "2026-10-01T00:00:00Z"})


def test_a_revoked_key_is_refused_whatever_it_signed_before() -> None:
    revoked = {**ENTRY, "revokedAt": "2026-11-26T00:00:00Z", "supersededBy": NEXT.key_id}
    assert "revoked" in judged(1, revoked, SUCCESSOR)
    assert "revoked" in judged(1, {**ENTRY, "revokedAt": "2026-11-26T00:00:00Z"}, public=b"other")


def test_a_superseded_key_is_good_for_what_it_signed_before() -> None:
    old = {**ENTRY, "supersededBy": NEXT.key_id}
    assert judged(43, old, SUCCESSOR) == "forge"
    assert "superseded" in judged(44, old, SUCCESSOR)


def test_a_key_that_the_document_brings_along_only_has_to_be_the_registered_one() -> None:
    assert "another key" in judged(1, ENTRY, public=SigningKey.generate().public_key)
    assert "not registered" in judged(1, SUCCESSOR)


def test_a_signature_is_not_dated_in_the_future() -> None:
    assert judged(10, ENTRY, now=START + timedelta(days=10) - timedelta(seconds=299)) == "forge"
    assert "future" in judged(10, ENTRY, now=START + timedelta(days=10) - timedelta(seconds=301))


def test_a_verdict_is_kept_no_longer_than_the_key_lives() -> None:
    known = read_registry([ENTRY])
    assert known.cacheable_s(KEY.key_id, START + timedelta(days=89)) == 86_400.0
    assert known.cacheable_s(KEY.key_id, START + timedelta(days=99)) == 0.0
    assert read_registry([{**ENTRY, "revokedAt": "2027-01-01T00:00:00Z"}]).cacheable_s(KEY.key_id, START) == 0.0


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        (7, "at most"),
        ([7], r"keys\[0\]: expected an object"),
        ([ENTRY, ENTRY], "twice"),
        ([{**ENTRY, "owner": ""}], "expected text"),
        ([{key: value for key, value in ENTRY.items() if key != "owner"}], "owner is missing"),
        ([{**ENTRY, "algorithm": "ML-DSA-65"}], "EdDSA or ES256"),
        ([{**ENTRY, "publicKey": "AAAA"}], "32 or 65 bytes"),
        ([{**ENTRY, "publicKey": ENTRY["publicKey"] + "="}], "base64url"),
        ([{**ENTRY, "registeredAt": "2026-09-01"}], "with its zone"),
        ([{**ENTRY, "expiresAt": "2027-09-01T00:00:00Z"}], "within 90 days"),
        ([{**ENTRY, "expiresAt": "2026-01-01T00:00:00Z"}], "within 90 days"),
        ([{**ENTRY, "supersededBy": "nobody"}], "successor"),
        ([{**ENTRY, "supersededBy": 7}], "text or null"),
        ([ENTRY, {**SUCCESSOR, "revokedAt": "soon"}], r"keys\[1\]: expected a time"),
        ({"keys": [ENTRY], "authority": ["hall"]}, "expected authority"),
        ({"keys": [ENTRY], "authority": {"issued": "hall"}}, "expected authority"),
    ],
)
def test_a_registry_that_is_not_one_is_refused(entries: Any, word: str) -> None:
    with pytest.raises(RegistryError, match=word):
        read_registry(entries)


def test_whose_keys_may_sign_what_is_said_by_owner() -> None:
    known = read_registry({"keys": [ENTRY], "authority": {"issued": ["hall"], "seal": ["forge"]}})
    key = known.get(KEY.key_id)
    assert (known.forbids(key, "seal"), known.forbids(key, "scanned")) == (None, None)
    assert known.forbids(key, "issued") == "'forge' is not among those who may sign `issued`. Ask one of them"


def test_a_registry_may_be_an_object_with_keys() -> None:
    assert len(read_registry({"keys": [ENTRY], "updated": "today"})) == 1
    assert len(read_registry([])) == 0


NO_MOMENTS = [
    *("2026-11-27", "2026-11-27T03:00:00", "soon", "", None, 7, "9" * 1000, "0001-01-01T00:00:00+14:00"),
    *(
        "2026-W48-5T03:00:00Z",
        "20261127T030000Z",
        "2026-02-30T00:00:00Z",
        "2026-11-27 03:00:00Z",
        "2026-11-27T03:00:00Z ",
    ),
    "\u0662026-11-27T03:00:00Z",
]


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_a_moment_has_its_zone(text: Any) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        instant(text)


def test_moments_are_compared_in_one_zone() -> None:
    assert instant("2026-11-27T04:00:00+01:00") == instant("2026-11-27T03:00:00Z")


@given(st.binary(max_size=70))
def test_bytes_have_one_spelling(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q Q", "+/", None, 7, "Q\n", "é"])
def test_any_other_spelling_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="base64url"):
        decode(text)
