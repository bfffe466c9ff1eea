from __future__ import annotations

import pytest

from cadence.lod.branches import Branch, apart, grown
from cadence.lod.nodes import leaf, merge
from tests.lod.conversation import built, said, talk


def branch(first: int, last: int, key: int, scope: str = "lab") -> Branch:
    return Branch(leaf(scope, key, [said(seq, f"Word number{seq}.", 5.0 * key) for seq in range(first, last + 1)]))


def joined(one: Branch, other: Branch) -> Branch:
    return Branch(merge(one.node(), other.node()), (one, other))


def test_a_branch_is_known_by_the_block_it_fills() -> None:
    both = joined(branch(1, 2, 6), branch(3, 4, 7))
    assert both.ident == (1, 3) and (both.first, both.last) == (1, 4)
    assert [one.ident for one in both.all()] == [(1, 3), (0, 6), (0, 7)]
    assert apart(6, 7) == 1 and apart(3, 4) == 3 and apart(9, 9) == 0


def test_stored_nodes_find_their_halves_again_in_any_order() -> None:
    tree = joined(joined(branch(1, 2, 4), branch(3, 4, 5)), joined(branch(5, 6, 6), branch(7, 8, 7)))
    after = branch(9, 9, 8)
    bodies = [one.body for one in (*tree.all(), after)]
    for order in (bodies, bodies[::-1], bodies[3:] + bodies[:3]):
        roots = grown("lab", order)
        assert [body.body for root in roots for body in root.all()] == bodies


def test_after_a_gap_nothing_is_taken() -> None:
    assert [root.last for root in grown("lab", [branch(1, 2, 0).body, branch(4, 5, 1).body])] == [2]
    assert grown("lab", [branch(2, 3, 0).body]) == []


def test_a_node_with_half_its_halves_stands_alone() -> None:
    tree = joined(branch(1, 2, 4), branch(3, 4, 5))
    assert [root.halves for root in grown("lab", [tree.body, branch(3, 4, 5).body])] == [None]


def test_nodes_of_another_scope_are_refused() -> None:
    with pytest.raises(ValueError, match="expected nodes of `pier`"):
        grown("pier", built(talk(100)).bodies())
