"""Merkle roots and inclusion proofs, against a second, recursive reading of the rule."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.alloy.hashes import HashError
from cadence.factory.alloy.merkle import Proof, leaf, prove, proves, root


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def files(count: int) -> dict[str, str]:
    return {f"part-{i:03d}.jsonl": hashlib.sha256(bytes([i])).hexdigest() for i in range(count)}


def by_hand(names: list[str], known: dict[str, str]) -> bytes:
    """The root as one would define it: split at the largest power of two below the count."""
    if len(names) == 1:
        name = names[0].encode()
        return sha(b"\0" + len(name).to_bytes(8, "big") + name + bytes.fromhex(known[names[0]]))
    split = 1
    while split * 2 < len(names):
        split *= 2
    return sha(b"\1" + by_hand(names[:split], known) + by_hand(names[split:], known))


@pytest.mark.parametrize("count", [*range(1, 18), 64, 65, 100])
def test_the_root_is_the_one_of_the_rule_and_every_file_has_its_proof(count: int) -> None:
    known = files(count)
    top = root(known)
    assert top == f"sha256:{by_hand(sorted(known), known).hex()}"
    for name, digest in known.items():
        assert proves(prove(known, name), name, digest, top, count)


def test_one_file_is_a_leaf() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    expected = hashlib.sha256(b"\0" + b"\0" * 7 + b"\1" + b"a" + bytes.fromhex(digest)).hexdigest()
    assert root({"a": f"sha256:{digest}"}) == f"sha256:{expected}"
    assert prove({"a": digest}, "a") == Proof(0, 1, ())


def test_a_renamed_file_changes_the_root() -> None:
    known = files(5)
    renamed = {**known, "other": known["part-002.jsonl"]}
    del renamed["part-002.jsonl"]
    assert root(renamed) != root(known)


def test_name_and_content_cannot_trade_bytes() -> None:
    digest = "61" * 32
    assert leaf("a", digest) != leaf("aa", digest)


@given(st.integers(1, 40), st.data())
def test_a_proof_of_something_else_is_refused(count: int, data: st.DataObject) -> None:
    known = files(count)
    names, top = sorted(known), root(known)
    name = data.draw(st.sampled_from(names))
    proof = prove(known, name)
    wrong = hashlib.sha256(b"other").hexdigest()
    assert not proves(proof, name, wrong, top, count)
    assert not proves(proof, name + "x", known[name], top, count)
    assert not proves(proof, name, known[name], f"sha256:{wrong}", count)
    assert not proves(proof, name, known[name], top, count + 1)
    other = data.draw(st.integers(-2, count + 2).filter(lambda i: i != proof.index))
    assert not proves(dataclasses.replace(proof, index=other), name, known[name], top, count)
    assert not proves(dataclasses.replace(proof, beside=(*proof.beside, wrong)), name, known[name], top, count)
    if proof.beside:
        assert not proves(dataclasses.replace(proof, beside=proof.beside[:-1]), name, known[name], top, count)
        assert not proves(dataclasses.replace(proof, beside=("x", *proof.beside[1:])), name, known[name], top, count)


def test_an_inner_node_is_no_leaf() -> None:
    known = files(4)
    proof = prove(known, "part-000.jsonl")
    shorter = Proof(0, 2, proof.beside[1:])
    assert not proves(shorter, "part-000.jsonl", known["part-000.jsonl"], root(known), 2)


def test_what_has_no_root_is_refused() -> None:
    with pytest.raises(HashError, match="1 to"):
        root({})
    with pytest.raises(HashError, match="64 hex"):
        root({"a": "legacy"})
    with pytest.raises(HashError, match="UTF-8"):
        root({"\ud800": "0" * 64})
    with pytest.raises(HashError, match="one of 2 files"):
        prove(files(2), "part-009.jsonl")
    assert not proves(Proof(0, 1, ()), "a", "legacy", root(files(1)), 1)
