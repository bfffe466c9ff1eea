from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.lod.nodes import HEAD_WORDS_MAX, TERMS_MAX, Node, decode, encode, leaf, lexical, merge
from tests.lod.conversation import START, redacted, said, talk


def folded(leaves: list[Node]) -> Node:
    node = leaves[0]
    for other in leaves[1:]:
        node = merge(node, other)
    return node


def test_a_leaf_that_fits_keeps_every_unit_with_a_mass_of_one() -> None:
    node = leaf("lab", 7, [said(1, "The crane is late. The barge waits for the tide.", START), said(2, "Aye.", START)])
    assert node.whole and node.level == 0 and node.spans == (("lab", 1, 2),)
    assert [(kept.seq, kept.mass) for kept in node.head] == [(1, 1), (1, 1), (2, 1)]
    assert node.counts == {} and node.term_counts()["barg"] == 1


def test_counts_of_messages_and_words_are_those_of_ais() -> None:
    node = leaf("lab", 0, [said(1, "One two three.", START), said(2, "Four five.", START, "hana", human=True)])
    assert (node.messages, node.words, node.unit_words) == (1, 3, 5)


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), messages=st.integers(40, 100))
def test_what_adds_up_is_exact_and_the_head_keeps_its_bounds(seed: int, messages: int) -> None:
    heard = talk(messages, seed=seed)
    node = folded([leaf("lab", number, [one]) for number, one in enumerate(heard)])
    units = [unit for one in heard for unit in one.units]
    assert node.units == len(units) == sum(kept.mass for kept in node.head)
    assert node.unit_words == sum(unit.n for unit in units)
    assert node.words == sum(one.words for one in heard if not one.human)
    assert node.whole or sum(kept.n for kept in node.head) <= HEAD_WORDS_MAX
    assert [kept.order for kept in node.head] == sorted(kept.order for kept in node.head)
    assert len(node.counts) <= TERMS_MAX


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_merging_is_the_same_in_either_order_and_survives_its_bytes(seed: int) -> None:
    heard = talk(80, seed=seed)
    one, other = leaf("lab", 0, heard[:40]), leaf("pier", 1, heard[40:])
    both = merge(one, other)
    assert encode(both) == encode(merge(other, one)) == encode(decode(encode(both)))


def test_the_nodes_of_two_rooms_merge_into_one_of_both() -> None:
    pier = [said(n, f"The crane number{n} lifts the barge.", START + n) for n in range(1, 40)]
    lab = [said(n, f"The oven number{n} burns the crust.", START + n, "otto") for n in range(1, 40)]
    both = merge(leaf("lab", 0, lab), leaf("pier", 0, pier))
    assert both.spans == (("lab", 1, 39), ("pier", 1, 39))
    assert {kept.scope for kept in both.head} == {"lab", "pier"}
    assert both.term_counts()["crane"] == both.term_counts()["oven"] == 39


def test_what_is_left_out_gives_its_mass_to_the_nearest_kept() -> None:
    crowd = [said(n, f"The crane lifts barge number{n} over the pier.", START + n) for n in range(1, 60)]
    lone = said(60, "The oven burns the crust of every loaf.", START + 60)
    node = leaf("lab", 0, [*crowd, lone])
    masses = Counter[bool]()
    for kept in node.head:
        masses[kept.seq == 60] += kept.mass
    assert not node.whole and masses == {False: 59, True: 1}


def test_a_redacted_message_is_counted_and_leaves_no_word() -> None:
    heard = [said(1, "The secret harbour.", START), said(2, "The oven.", START)]
    node = leaf("lab", 0, [redacted(heard[0]), heard[1]])
    assert (node.gone, node.messages, node.units) == (1, 2, 1)
    assert b"harbour" not in encode(node) and b"secret" not in encode(node)


def test_objections_are_known_by_what_they_object_to() -> None:
    heard = [said(1, "The crane works.", START), said(2, "No, the crane is broken.", START, "otto", about=1)]
    assert merge(leaf("lab", 0, heard[:1]), leaf("lab", 1, heard[1:])).objections == (("lab", 2, 1),)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x01", b"\x01\xc1", b"\x01\x90", b"{}"])
def test_strange_bytes_are_refused_with_what_to_do(body: bytes) -> None:
    with pytest.raises(ValueError, match="build it again from the log"):
        decode(body)


def test_rare_shared_terms_make_units_alike() -> None:
    matrix = lexical([["crane", "the"], ["crane"], ["the"], []], {"crane": 2, "the": 90}, 100)
    likeness = matrix @ matrix.T
    assert likeness[0, 1] > 0.9 > 0.2 > likeness[0, 2] > 0.0
    assert likeness[3].tolist() == [0, 0, 0, 0]
