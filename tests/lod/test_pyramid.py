from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cadence.lod.branches import Ident
from cadence.lod.nodes import HEAD_WORDS_MAX, Node, Said, decode, merge
from cadence.lod.pyramid import BLOCKS_DETAILED, LEAF_BITS, NODES_READ, SLOT_SECONDS, Pyramid
from tests.lod.conversation import START, built, heard_again, redacted, said, talk

GAPS = st.sampled_from((0.01, 0.3, 2.0, 40.0))


def again(kept: dict[Ident, bytes], pyramid: Pyramid) -> None:
    """Store what changed, as a log would."""
    changes = pyramid.take_changes()
    kept.update({stored.ident: stored.body for stored in changes.kept})
    for ident in changes.dropped:
        kept.pop(ident, None)


def spans(nodes: Sequence[Node]) -> list[tuple[int, int]]:
    return [(node.first, node.last) for node in nodes]


# The same log, the same bytes.


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), gap=GAPS, messages=st.integers(1, 150), cut=st.floats(0, 1), late=st.booleans())
def test_a_rebuild_and_an_incremental_build_give_identical_bytes(
    seed: int, gap: float, messages: int, cut: float, late: bool
) -> None:
    heard = talk(messages, gap, seed)
    stored: dict[Ident, bytes] = {}
    first = Pyramid("lab")
    for one in heard[: int(cut * messages)]:
        first.add(one)
        if not late:
            first.carry()
    if not late:
        first.settle()
    again(stored, first)
    second = Pyramid("lab", stored.values())  # killed, and started again over what was stored
    for one in heard[second.last :]:
        second.add(one)
    second.settle()
    whole = built(heard)
    assert second.bodies() == whole.bodies()
    again(stored, second)
    assert sorted(stored.values()) == sorted(whole.bodies())


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), gap=GAPS, messages=st.integers(1, 150), data=st.data())
def test_after_a_redaction_it_is_as_if_the_message_had_never_been_said(
    seed: int, gap: float, messages: int, data: st.DataObject
) -> None:
    heard = talk(messages, gap, seed)
    stored: dict[Ident, bytes] = {}
    pyramid = built(heard)
    again(stored, pyramid)
    for seq in data.draw(st.lists(st.integers(1, messages), min_size=1, max_size=3)):
        heard[seq - 1] = redacted(heard[seq - 1])
        span = pyramid.stretch(seq)
        assert span is not None and span[0] <= seq <= span[1]
        pyramid.mend(heard_again(heard[span[0] - 1 : span[1]]))
    assert pyramid.bodies() == built(heard).bodies()
    assert pyramid.last == messages
    again(stored, pyramid)
    assert sorted(stored.values()) == sorted(pyramid.bodies())
    more = [said(messages + 1 + n, f"More of it number{n}.", heard[-1].at + 7 * n) for n in range(20)]
    for one in more:
        pyramid.add(one)
    pyramid.settle()
    assert pyramid.bodies() == built([*heard, *more]).bodies()


def test_no_node_knows_a_word_of_a_redacted_message() -> None:
    heard = talk(120, 3.0)
    heard[49] = said(50, "The passphrase is xylophone.", heard[49].at)
    pyramid = built(heard)
    assert any(b"xylophon" in body for body in pyramid.bodies())
    span = pyramid.stretch(50)
    assert span is not None
    heard[49] = redacted(heard[49])
    pyramid.mend(heard_again(heard[span[0] - 1 : span[1]]))
    assert not any(b"xylophon" in body for body in pyramid.bodies())


def test_what_was_not_heard_needs_no_mending() -> None:
    assert built(talk(10)).stretch(11) is None and Pyramid("lab").stretch(1) is None


# Shape.


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), gap=GAPS, messages=st.integers(1, 150), data=st.data())
def test_what_is_read_is_all_that_was_said_after(seed: int, gap: float, messages: int, data: st.DataObject) -> None:
    after = data.draw(st.integers(0, messages - 1))
    nodes = built(talk(messages, gap, seed)).read(after)
    found = spans(nodes)
    assert found[0][0] <= after + 1 <= found[0][1] and found[-1][1] == messages
    assert all(one[1] + 1 == other[0] for one, other in zip(found, found[1:], strict=False))
    assert all(sum(kept.n for kept in node.head) <= HEAD_WORDS_MAX or node.whole for node in nodes)


def test_an_interval_is_read_from_about_so_many_nodes_the_recent_past_in_detail() -> None:
    heard = [said(n, f"Word number{n} is followed by others such as these.", START + n) for n in range(1, 3001)]
    found = built(heard).read()
    assert NODES_READ <= len(found) <= NODES_READ + 12
    assert found[-1].unit_words < found[0].unit_words / 20


def test_an_outline_is_the_whole_closed_past_in_few_nodes() -> None:
    heard = talk(1200, 2.0, 5)
    pyramid, before, changed = Pyramid("lab"), [], 0
    for one in heard:
        pyramid.add(one)
        if one.seq % 20 == 0:
            found = spans(pyramid.outline(24))
            assert len(found) <= 24 and (not found or found[0][0] == 1)
            assert all(a[1] + 1 == b[0] for a, b in zip(found, found[1:], strict=False))
            changed += bool(before) and found[: len(before) // 2] != before[: len(before) // 2]
            before = found
    assert changed <= 30, "out of sixty"
    assert len(spans(pyramid.outline(1))) >= 1, "never less than the stack"


def test_unbuilt_counts_the_leaves_that_wait() -> None:
    pyramid = Pyramid("lab")
    assert pyramid.unbuilt == 0
    for one in talk(40, 40.0, 1):
        pyramid.add(one)
    waiting = pyramid.unbuilt
    assert 20 <= waiting <= 39, "at most a leaf for each message but the last"
    pyramid.carry()
    assert pyramid.unbuilt == waiting, "built, and not yet in its place"
    pyramid.settle()
    assert pyramid.unbuilt == 0


def test_what_weighs_more_is_read_in_more_detail() -> None:
    heard = [said(n, f"Word number{n} is followed by others such as these.", START + n) for n in range(1, 3001)]
    pyramid = built(heard)
    plain = spans(pyramid.read(2000, nodes=20))
    early = spans(pyramid.read(2000, lambda at: 1.0 if at < START + 2300 else 1e-6, 20))
    assert sum(last <= 2300 for _, last in early) > sum(last <= 2300 for _, last in plain)


def test_leaves_end_with_their_slot_or_at_256_words() -> None:
    quick = [said(n, "one two three four five six seven eight.", START + n / 100) for n in range(1, 101)]
    keys = [decode(body).first_key for body in built([*quick, said(101, "Late.", START + 60)]).bodies()]
    assert {key >> LEAF_BITS for key in keys} == {int(START // 5)}
    slow = built([said(n, "one two three.", START + 5 * n) for n in range(1, 6)])
    assert spans(slow.read()) == [(1, 3), (4, 4), (5, 5)]  # blocks of slots that time has left, and the open leaf


def test_the_pyramid_grows_with_the_logarithm_of_the_past() -> None:
    def nodes(messages: int) -> int:
        heard = [said(n, f"Word number{n % 50} and more of them.", START + n) for n in range(1, messages + 1)]
        return len(built(heard).bodies())

    few, many, most = nodes(500), nodes(2_000), nodes(4_000)
    assert most - many < many - few + BLOCKS_DETAILED
    assert most < 600


def test_a_message_longer_than_a_leaf_is_a_leaf() -> None:
    long = said(2, " ".join(f"Sentence number{n} says something of its own." for n in range(100)), START + 1)
    nodes = built([said(1, "Before.", START), long, said(3, "After.", START + 2)]).read()
    assert spans(nodes) == [(1, 1), (2, 2), (3, 3)] and not nodes[1].whole


# Work.


def test_building_is_constant_for_each_leaf_and_not_done_in_adding() -> None:
    pyramid = Pyramid("lab")
    heard = talk(400, 3.0)
    for one in heard:
        pyramid.add(one)
    assert pyramid.builds == 0
    pyramid.settle()
    assert pyramid.builds <= 2 * len(heard)
    builds = pyramid.builds
    for _ in range(1_000):
        pyramid.read(100)
    assert pyramid.builds == builds


def test_the_pyramids_of_two_rooms_merge_where_they_are_read() -> None:
    lab, pier = built(talk(200, seed=1)), built(talk(200, seed=2), "pier")
    nodes: list[Node] = [*lab.read(), *pier.read()]
    both = nodes[0]
    for node in nodes[1:]:
        both = merge(both, node)
    assert both.spans == (("lab", 1, 200), ("pier", 1, 200))
    assert both.units == sum(node.units for node in nodes)


def test_a_seq_may_not_be_left_out() -> None:
    pyramid = built(talk(3))
    for seq in (3, 5):
        with pytest.raises(AssertionError, match="expected seq 4"):
            pyramid.add(Said(seq, START, False, 1, ()))


def test_the_leaf_that_grows_tells_its_messages_and_when_its_slot_ends() -> None:
    pyramid = Pyramid("lab")
    assert pyramid.open_leaf is None
    for one in talk(3, 0.5):
        pyramid.add(one)
    leaf = pyramid.open_leaf
    assert leaf is not None and leaf[1] == 3
    at = talk(3, 0.5)[2].at
    assert leaf[2] % SLOT_SECONDS == 0 and at < leaf[2] <= at + SLOT_SECONDS
