"""Rules of the core: type byte, lineage, file names, and hashes that are none."""

from __future__ import annotations

from typing import Any

import pytest

from cadence.factory.alloy.rules import escapes
from tests.factory.alloy.examples import ALL, forged, loaded, parcel, recipe, said, sha


@pytest.mark.parametrize("example", ALL, ids=lambda one: one.__name__)
def test_the_examples_break_no_rule(example: Any) -> None:
    assert [str(one) for one in loaded(example()).problems] == []


def test_the_type_byte_is_that_of_the_domain() -> None:
    assert said(parcel() | {"typeByte": "0x01"}) == ["typeByte: expected 0x05, got 0x01"]
    assert said(recipe() | {"typeByte": "0x01"}) == []
    assert said(recipe() | {"typeByte": "0xff"}) == ["typeByte: expected 0x01, got 0xff"]


def test_a_domain_listed_twice_is_odd() -> None:
    assert said(parcel() | {"domains": ["delivery", "delivery"]}, "warning") == [
        "domains[1]: 'delivery' is listed twice"
    ]


@pytest.mark.parametrize(
    ("lineage", "path"),
    [
        ({"sourceAlloyId": "p-1"}, "sourceAlloyId"),
        ({"derivedFrom": {"repo": "a/b", "alloyHash": None, "kind": "quant"}}, "derivedFrom.alloyHash"),
        ({"derivedFrom": {"repo": "a/b"}, "integrity": {"parentAlloyHash": None}}, "derivedFrom.alloyHash"),
    ],
)
def test_a_parent_without_hash_is_only_a_claim(lineage: dict[str, Any], path: str) -> None:
    assert said(recipe() | lineage, "warning") == [f"{path}: a parent is named, but no hash of it"]


@pytest.mark.parametrize(
    "lineage",
    [
        {"sourceAlloyId": "p-1", "derivedFrom": {"alloyHash": sha("p")}},
        {"derivedFrom": {"repo": "a/b"}, "integrity": {"parentAlloyHash": sha("p")}},
    ],
)
def test_a_parent_with_hash_is_fine(lineage: dict[str, Any]) -> None:
    assert said(recipe() | lineage, "warning") == []


@pytest.mark.parametrize("bad", ["not-pinned", "sha256:a1b2c3...", "f" * 63, "SHA256:" + "f" * 64, "F" * 64, ""])
def test_a_placeholder_counts_as_no_hash(bad: str) -> None:
    value = forged()
    value["results"]["benchmarks"][0]["resultHash"] = bad
    (found,) = said(value, "warning")
    assert found.startswith("results.benchmarks[0].resultHash: expected sha256: and 64 hex digits")


@pytest.mark.parametrize("bad", ["../x", "a/../../x", "/etc/x", "\\\\server\\x", "C:\\x", "..", "", "a\0b"])
def test_a_file_name_that_leads_out_is_an_error(bad: str) -> None:
    value = forged()
    value["results"]["integrity"]["fileHashes"][0]["filename"] = bad
    assert escapes(bad)
    assert len(said(value)) == 1


@pytest.mark.parametrize("good", ["a", "a/b.gguf", "a..b", "...", "calibration/x:1.jsonl"])
def test_a_file_name_inside_is_fine(good: str) -> None:
    assert not escapes(good)
