"""Where the bytes of the result come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.plan import Plan, PlanError
from cadence.factory.surgery.layout import Layout, lay_out, slices
from cadence.models.checkpoint import CheckpointError, Tensor
from cadence.models.shards import read_checkpoint
from tests.factory.checkpoints import Weights, weights, write
from tests.factory.families.rows import EXPERTS, KEEP, ROWS, Row

OLMOE = next(row for row in ROWS if row.id == "olmoe")
DEEPSEEK = next(row for row in ROWS if row.id == "deepseek_v3")


def layout_of(row: Row, folder: Path, keep: dict[int, tuple[int, ...]] | None = None, **options: int) -> Layout:
    checkpoint = read_checkpoint(write(folder / "m", row.config, row.tensors(), 3))
    plan = Plan(row.config["model_type"], "tiny", EXPERTS, keep or {layer: KEEP[layer] for layer in row.layers})
    return lay_out(checkpoint, row.config, plan, **options)


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple),
    data=st.data(),
)
def test_slices_are_what_indexing_would_take(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    keep = sorted(data.draw(st.sets(st.integers(0, shape[axis] - 1), min_size=1)))
    values = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    raw = b"head" + values.tobytes()
    ranges = list(slices(Tensor("t", "BF16", shape, "f", 4, values.nbytes), axis, keep))
    assert b"".join(raw[begin : begin + length] for begin, length in ranges) == values.take(keep, axis=axis).tobytes()
    assert all(a + n < b for (a, n), (b, _) in zip(ranges, ranges[1:], strict=False)), "neighbours are joined"


def test_neighbours_are_one_range() -> None:
    tensor = Tensor("t", "F32", (8, 100), "f", 1_000, 3_200)
    assert list(slices(tensor, 0, [2, 3, 4, 6])) == [(1_800, 1_200), (3_400, 400)]


def test_half_bytes_cannot_be_cut() -> None:
    with pytest.raises(CheckpointError, match="t: an entry along axis 0 has 12 bits and cannot be cut out"):
        list(slices(Tensor("t", "F4", (8, 3), "f", 0, 12), 0, [1]))


def test_a_tensor_is_not_cut_into_crumbs() -> None:
    with pytest.raises(CheckpointError, match="t: it would be cut into more than 65536 ranges"):
        list(slices(Tensor("t", "U8", (10**9, 8), "f", 0, 8 * 10**9), 1, [0, 2]))


def test_shards_are_filled_to_their_size_and_named_as_everybody_names_them(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path, shard_bytes_max=700)
    assert [shard.file for shard in layout.shards][:2] == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
    ]
    assert all(sum(cut.nbytes for cut in shard.cuts) <= 700 for shard in layout.shards)


def test_a_tensor_larger_than_a_shard_has_one_of_its_own(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path, shard_bytes_max=1)
    assert {len(shard.cuts) for shard in layout.shards} == {1}


def test_a_single_shard_needs_no_index(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path)
    assert [shard.file for shard in layout.shards] == ["model.safetensors"]
    assert layout.index is None


def test_the_total_of_the_index_is_bytes_of_tensors_not_of_files(tmp_path: Path) -> None:
    layout = layout_of(DEEPSEEK, tmp_path, shard_bytes_max=1_000)
    assert layout.index is not None
    index = json.loads(layout.index)
    after = DEEPSEEK.after(DEEPSEEK.tensors(), KEEP, ())
    assert index["metadata"] == {"total_size": sum(tensor.bits.nbytes for tensor in after.values())}
    assert sorted(index["weight_map"]) == sorted(after)


@pytest.mark.parametrize(("claimed", "kept"), [(0, True), (1, False)])
def test_a_number_of_parameters_is_kept_true_or_left_out(tmp_path: Path, claimed: int, kept: bool) -> None:
    before = OLMOE.tensors()
    folder = write(tmp_path / "m", OLMOE.config, before, 2)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["metadata"]["total_parameters"] = sum(t.bits.size for t in before.values()) + claimed
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    plan = Plan("olmoe", "tiny", EXPERTS, {0: KEEP[0], 1: KEEP[1]})
    layout = lay_out(read_checkpoint(folder), OLMOE.config, plan, shard_bytes_max=1_000)
    assert layout.index is not None
    after = sum(tensor.bits.size for tensor in OLMOE.after(before, KEEP, ()).values())
    assert json.loads(layout.index)["metadata"].get("total_parameters") == (after if kept else None)


def test_each_tensor_begins_at_a_multiple_of_its_width(tmp_path: Path) -> None:
    odd = {"model.odd": weights("U8", (3,), 1), "a.odd": weights("BF16", (3,), 2), "z": weights("F32", (3,), 3)}
    folder = write(tmp_path / "m", OLMOE.config, odd | OLMOE.tensors())
    layout = lay_out(read_checkpoint(folder), OLMOE.config, Plan("olmoe", "t", EXPERTS, {0: KEEP[0], 1: KEEP[1]}))
    shard = layout.shards[0]
    assert len(shard.head) % 8 == 0
    at = 0
    for cut in shard.cuts:
        assert at % {"U8": 1, "BF16": 2, "F32": 4}[cut.source.dtype] == 0
        at += cut.nbytes


def test_reading_goes_forwards_through_each_file(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path)
    places = [(cut.source.file, begin) for cut in layout.shards[0].cuts for begin, _ in cut.ranges]
    assert places == sorted(places)


def test_tensors_are_tallied(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path)
    assert layout.tally.tensors == {"kept_unchanged": 7, "kept_renamed": 24, "sliced": 2, "dropped": 24}
    assert layout.tally.nbytes["dropped"] == 24 * 48
    assert layout.tally.nbytes["sliced"] == 2 * 4 * 6 * 2


def test_an_extra_layer_cannot_be_kept_without_those_before_it(tmp_path: Path) -> None:
    tensors = DEEPSEEK.tensors()
    third = {name.replace("layers.2.", "layers.3."): tensor for name, tensor in tensors.items() if "layers.2." in name}
    folder = write(tmp_path / "m", DEEPSEEK.config, tensors | third)
    plan = Plan("deepseek_v3", "tiny", EXPERTS, {1: KEEP[1], 3: KEEP[3]})
    with pytest.raises(PlanError, match="keeps extra layer 3 but not those before it"):
        lay_out(read_checkpoint(folder), DEEPSEEK.config, plan)
    first = Plan("deepseek_v3", "tiny", EXPERTS, {1: KEEP[1], 2: KEEP[2]})
    layout = lay_out(read_checkpoint(folder), {**DEEPSEEK.config, "num_nextn_predict_layers": 2}, first)
    assert layout.extra_dropped == (3,)
    assert json.loads(layout.config)["num_nextn_predict_layers"] == 1


def test_metadata_that_all_files_share_goes_along(tmp_path: Path) -> None:
    layout = layout_of(OLMOE, tmp_path)
    head = layout.shards[0].head
    assert json.loads(head[8:])["__metadata__"] == {"format": "pt"}


def test_laying_out_reads_no_weights(tmp_path: Path) -> None:
    """Headers may come from anywhere; the files they speak of need not be there."""
    folder = write(tmp_path / "m", OLMOE.config, OLMOE.tensors())
    checkpoint = read_checkpoint(folder)
    for header in checkpoint.headers:
        (folder / header.file).unlink()
    lay_out(checkpoint, OLMOE.config, Plan("olmoe", "tiny", EXPERTS, {0: KEEP[0], 1: KEEP[1]}))


def test_weights_compare_by_type_and_bits() -> None:
    """The reader in these tests must be able to tell."""
    one = Weights("BF16", np.zeros(2, np.uint16))
    assert one != Weights("F16", np.zeros(2, np.uint16))
    assert one != Weights("BF16", np.ones(2, np.uint16))
