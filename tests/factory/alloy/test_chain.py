"""Making chains: what a link holds, and what cannot be attested yet. Whether chains hold is for `test_custody`."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from cadence.factory.alloy import chain
from cadence.factory.alloy.canonical import canonical
from cadence.factory.alloy.chain import ChainError
from tests.factory.alloy.signed import at, begun, digest, key

RUNNER = {"runner": key("forge")}


def two() -> dict[str, Any]:
    alloy = begun("x", source={"baseModel": "b"})
    alloy = chain.extend(alloy, {"type": "prune"}, RUNNER, at(1), {"model": digest("in")}, digest("one"))
    return chain.extend(alloy, {"type": "quant"}, RUNNER, at(2), {}, digest("two"))


def test_a_link_holds_the_hash_of_what_came_before() -> None:
    alloy = two()
    first, second = alloy["stages"]
    assert first["link"]["previousHash"] == chain.recipe_hash(alloy)
    assert second["link"] == {
        "chain": alloy["chainId"],
        "index": 1,
        "previousHash": "sha256:" + hashlib.sha256(canonical(first)).hexdigest(),
        "completedAt": at(2),
    }


def test_the_output_of_one_stage_goes_into_the_next() -> None:
    first, second = two()["stages"]
    assert first["inputHashes"] == {"model": digest("in")}
    assert second["inputHashes"] == {"previous": digest("one")}
    alloy = chain.extend(two(), {"type": "eval"}, RUNNER, at(3), {"weights": digest("two")[7:]}, digest("three"))
    assert alloy["stages"][2]["inputHashes"] == {"weights": digest("two")[7:]}


def test_the_recipe_is_what_was_settled_before_the_work() -> None:
    alloy = two()
    before = chain.recipe_hash(alloy)
    assert chain.recipe_hash({**alloy, "results": {"x": 1}, "version": "1.0.1", "description": "d"}) == before
    for change in (
        {"source": {}},
        {"cycles": 2},
        {"acceptanceCriteria": {}},
        {"calibrationCorpora": []},
        {"chainId": "z"},
    ):
        assert chain.recipe_hash({**alloy, **change}) != before, change


def test_stages_that_were_planned_are_attested_in_order() -> None:
    alloy = {**begun("x"), "stages": [{"type": "prune"}, {"type": "quant"}]}
    with pytest.raises(ChainError, match="stage 0 to be attested before stage 1"):
        chain.attest(alloy, 1, RUNNER, at(1), {}, digest("one"))
    alloy = chain.attest(alloy, 0, RUNNER, at(1), {}, digest("one"))
    assert chain.summary(alloy) == {"id": alloy["chainId"], "length": 1, "hash": chain.link_hash(alloy["stages"][0])}
    assert alloy["stages"][1] == {"type": "quant"}


def test_what_cannot_be_attested_is_refused() -> None:
    with pytest.raises(ChainError, match="no.*Begin"):
        chain.extend({"stages": []}, {}, RUNNER, at(1), {}, None)
    with pytest.raises(ChainError, match="signer"):
        chain.extend(begun("x"), {}, {}, at(1), {}, None)
    with pytest.raises(ChainError, match="stage 1 builds on it"):
        chain.attest(two(), 0, RUNNER, at(3), {}, digest("other"))
    with pytest.raises(ChainError, match="has begun"):
        chain.begin(begun("x"), bytes(16))
    with pytest.raises(ChainError, match="16 bytes"):
        chain.begin({}, bytes(15))
    with pytest.raises(ValueError, match="zone"):
        chain.extend(begun("x"), {}, RUNNER, "2026-11-27", {}, None)


def test_attesting_leaves_the_original_alone() -> None:
    alloy = begun("x")
    chain.extend(alloy, {"type": "prune"}, RUNNER, at(1), {}, None)
    assert alloy["stages"] == []
    assert chain.summary(alloy) is None


def test_amendments_are_chained() -> None:
    alloy = chain.extend(begun("x"), {"type": "eval"}, RUNNER, at(1), {}, None)
    alloy = chain.amend(alloy, 0, "the disk died", key("forge"), at(2))
    alloy = chain.amend(alloy, 0, "and the backup too", key("forge"), at(3))
    first, second = alloy["amendments"]
    assert first["previousHash"] == chain.recipe_hash(alloy)
    assert second["previousHash"] == chain.link_hash(first)
    assert (first["stage_ref"], first["data_available"], first["signed_by"]) == (0, False, key("forge").key_id)
