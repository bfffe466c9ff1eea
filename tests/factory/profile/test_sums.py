"""Sums are exact: parts add up to the whole in any order, and a profile has one spelling."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.profile.sums import Profile, ProfileError, Tally, join, parts, value
from tests.factory.profile.made import profile, tally

CODE = tally([3, 1, 0, 2], [0.1, 0.2, 0.0, 0.3])
PROSE = tally([0, 2, 2, 0], [0.0, 0.4, 0.7, 0.0], peak=[0.0, 9.0, 2.0, 0.0])
LAYERS = {1: {"code": CODE, "prose": PROSE}, 10: {"code": CODE, "prose": PROSE}}
WHOLE = profile(LAYERS)


def part(done: tuple[tuple[int, int], ...], counts: tuple[int, ...], amounts: tuple[float, ...]) -> Profile:
    total = {"all": 12}
    return profile({0: {"all": tally(counts, amounts)}}, done=done, mix=total)


@given(st.permutations(range(3)))
def test_parts_add_up_to_the_same_bytes_in_any_order(order: list[int]) -> None:
    """0.1 + 0.2 + 0.3 depends on its order in floating point, by the last bit."""
    three = [
        part(((0, 1),), (4, 2, 2), (0.1, 1e-9, 1e9)),
        part(((3, 4),), (4, 2, 2), (0.2, 1e9, 1e-9)),
        part(((1, 3),), (4, 2, 2), (0.3, 7.0, 0.0)),
    ]
    whole = join([three[i] for i in order])
    assert whole.to_json() == join(three).to_json()
    assert whole.whole
    assert value(whole.layers[0].domains["all"].gate_norm[0]) == pytest.approx(0.6, rel=1e-15)


def test_a_sum_keeps_what_floats_would_lose() -> None:
    one = tally([2, 0], [1e9, 0.0])
    small = tally([2, 0], [1e-9, 0.0])
    total = one.plus(small).plus(small)
    assert (total.gate_norm[0] - one.gate_norm[0]) / small.gate_norm[0] == 2.0
    assert total.count == (6, 0)


def test_the_peak_of_two_parts_is_the_higher_one() -> None:
    assert CODE.plus(PROSE).peak == (1.0, 9.0, 2.0, 1.0)
    assert Tally.nothing(4).plus(CODE).count == CODE.count


def test_domains_together_are_the_total() -> None:
    assert WHOLE.layers[1].total().count == (3, 3, 2, 2)


def test_what_is_written_reads_back_byte_for_byte() -> None:
    text = WHOLE.to_json()
    assert Profile.from_json(text) == WHOLE
    assert Profile.from_json(text.encode()).to_json() == text
    assert [line[:4] for line in text.splitlines() if line.startswith('"1')] == ['"1":', '"10"']


def test_parts_of_a_run_leave_no_batch_out_and_none_twice() -> None:
    assert [parts(10, part, 3) for part in (1, 2, 3)] == [(0, 3), (3, 6), (6, 10)]
    with pytest.raises(ProfileError, match="expected a part like 1/2"):
        parts(10, 3, 2)


def test_a_batch_counts_once() -> None:
    with pytest.raises(ProfileError, match="both parts hold batch 1"):
        part(((0, 2),), (4, 2, 2), (0, 0, 0)).plus(part(((1, 3),), (4, 2, 2), (0, 0, 0)))


def test_parts_of_different_runs_do_not_add_up() -> None:
    one = part(((0, 1),), (4, 2, 2), (0, 0, 0))
    subject = msgspec.structs.replace(one.subject, dtype="bfloat16")
    with pytest.raises(ProfileError, match="subject.dtype is 'float32' in the one and 'bfloat16'"):
        one.plus(msgspec.structs.replace(one, subject=subject))
    text = msgspec.structs.replace(one.text, sha256="e" * 64)
    with pytest.raises(ProfileError, match="text.sha256"):
        one.plus(msgspec.structs.replace(one, text=text))
    layer = msgspec.structs.replace(one.layers[0], router_l2=(9.0, 9.0, 9.0))
    with pytest.raises(ProfileError, match="layer 0 has other weights"):
        one.plus(msgspec.structs.replace(one, done=((1, 2),), layers={0: layer}))


def test_nothing_is_not_a_profile() -> None:
    with pytest.raises(ProfileError, match="at least one"):
        join([])


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda read: read.update(schema="v9"), "got 'v9'"),
        (lambda read: read.update(more=1), "this is no profile.*more"),
        (lambda read: read["subject"].update(top_k=5), "top_k <= experts"),
        (lambda read: read["subject"].update(groups=3), "groups of 4 experts"),
        (lambda read: read.update(done=[[0, 9]]), "within 0 to 4"),
        (lambda read: read.update(done=[[2, 4], [0, 2]]), "in order"),
        (lambda read: read.update(tokens={"code": 3}), "expected tokens of 1 to 64 domains"),
        (lambda read: read["text"]["mix"].update(code=4), "all batches are done"),
        (lambda read: read["layers"].clear(), "1 to 1024 layers"),
        (lambda read: read["layers"]["1"].update(aimer=[1.0]), "layer 1: expected 4 values of aimer"),
        (lambda read: read["layers"]["1"]["domains"].pop("code"), "layer 1: expected the domains code, prose"),
        (lambda read: read["layers"]["1"]["domains"]["code"].update(peak=[1.0]), "layer 1, code: expected 4 of peak"),
        (lambda read: read["layers"]["1"]["domains"]["code"].update(count=[3, 1, 0, 3]), "7 visits were counted"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_with_a_reason(edit: object, sentence: str) -> None:
    read = json.loads(WHOLE.to_json())
    edit(read)  # type: ignore[operator]
    with pytest.raises(ProfileError, match=sentence):
        Profile.from_json(json.dumps(read))


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"schema": "cadence.profile.v1"}'])
def test_hostile_bytes_are_refused(text: bytes) -> None:
    with pytest.raises(ProfileError):
        Profile.from_json(text)
