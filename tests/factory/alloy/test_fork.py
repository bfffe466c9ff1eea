"""A fork is a recipe again, and knows its parent."""

from __future__ import annotations

import copy

from cadence.factory.alloy.fork import fork
from cadence.factory.alloy.hashes import alloy_hash
from tests.factory.alloy.examples import forged, loaded, said


def test_a_fork_keeps_what_shall_be_done_and_leaves_what_was() -> None:
    parent = forged() | {"receipt": {}, "sourceAlloyId": "old", "odd": {"kept": True}}
    parent["stages"][4]["cardHash"] = "x"
    parent["stages"][0] |= {"link": {}, "outputHash": "y", "signatures": [], "inputHashes": {}}
    before = copy.deepcopy(parent)
    child = fork(parent, name="child", version="0.1.0")
    assert parent == before
    assert set(before) - set(child) == {"results", "receipt", "limitations", "sourceAlloyId"}
    assert (child["name"], child["version"], child["odd"]) == ("child", "0.1.0", {"kept": True})
    assert child["stages"][0] == forged()["stages"][0]
    assert "cardHash" not in child["stages"][4]


def test_the_parent_is_named_by_the_hash_of_what_it_says() -> None:
    child = fork(forged(), name="child")
    assert child["derivedFrom"] == {
        "name": "small-moe-compacted",
        "version": "1.0.1",
        "alloyHash": alloy_hash(forged()),
        "kind": "fork",
    }


def test_a_fork_is_valid_without_a_warning() -> None:
    child = fork(forged(), name="child")
    assert loaded(child).valid
    assert said(child, "warning") == []


def test_a_fork_shares_nothing_with_its_parent() -> None:
    parent = forged()
    fork(parent, name="child")["stages"][0]["notes"] = "changed"
    assert parent == forged()
