"""What a compacted checkpoint will hold, and from which bytes of the original: the whole operation, before it starts.

Tensors keep their order on disk, so that reading goes forwards; survivors are renumbered in ascending order, and router
rows with them. Shards are filled to a size and named as everybody names them. Within a shard wider types come first, so
that each tensor begins at a multiple of its type's width.

Pure: headers, a config and a plan in, a layout out. Works as well for 480 billion parameters as for a toy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cadence.factory.anatomy import Anatomy, check_plan, dissect
from cadence.factory.plan import Plan, PlanError
from cadence.factory.surgery.configs import compacted_config
from cadence.models.checkpoint import DTYPE_BITS, LENGTH_BYTES, Checkpoint, CheckpointError, Header, Tensor

SHARD_BYTES = 5 * 2**30  # of weights in a file of the result
ALIGNMENT_BYTES = 8
RANGES_MAX = 65_536  # of one tensor: its experts, times what lies in front of their axis
FATES = ("kept_unchanged", "kept_renamed", "sliced", "dropped")  # of a tensor

Range = tuple[int, int]  # where it begins in the source file, and its length, in bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """One tensor of the result: the ranges of `source.file` that make it up, in order."""

    name: str
    shape: tuple[int, ...]
    source: Tensor
    ranges: tuple[Range, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return sum(length for _, length in self.ranges)


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of the result: its first bytes, length of the header included, and then its tensors end to end."""

    file: str
    head: bytes
    cuts: tuple[Cut, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the file."""
        return len(self.head) + sum(cut.nbytes for cut in self.cuts)


@dataclass(slots=True)
class Tally:
    """How many tensors went which way, and their bytes in the result (of the dropped: in the original)."""

    tensors: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    nbytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))

    def add(self, fate: str, nbytes: int) -> None:
        """Count one tensor."""
        self.tensors[fate] += 1
        self.nbytes[fate] += nbytes


@dataclass(frozen=True, slots=True)
class Layout:
    """The result, file by file; `config` and `index` are whole files too, `index` None beside a single shard."""

    shards: tuple[Shard, ...]
    config: bytes
    index: bytes | None
    tally: Tally
    anatomy: Anatomy
    extra_dropped: tuple[int, ...]  # multi-token-prediction layers that the plan leaves out

    @property
    def nbytes(self) -> int:
        """Bytes of all shards."""
        return sum(shard.nbytes for shard in self.shards)


def lay_out(
    checkpoint: Checkpoint, config: Mapping[str, Any], plan: Plan, *, shard_bytes_max: int = SHARD_BYTES
) -> Layout:
    """Lay out the compacted checkpoint. Raises CheckpointError or PlanError where the three do not fit together.

    A multi-token-prediction layer that the plan does not name is left out whole, and the config says so.
    """
    anatomy = dissect(checkpoint, config)
    check_plan(plan, anatomy)
    kept_extra = [layer for layer in anatomy.extra_layers if layer in plan.keep]
    if kept_extra != list(anatomy.extra_layers[: len(kept_extra)]):
        raise PlanError(f"the plan keeps extra layer {kept_extra[-1]} but not those before it; keep them too, or none")
    dropped = anatomy.extra_layers[len(kept_extra) :]
    tally = Tally()
    cuts = [cut for tensor in checkpoint.tensors.values() if (cut := _cut(tensor, anatomy, plan, dropped, tally))]
    metadata = _metadata(checkpoint.headers)
    packs = list(_packed(cuts, shard_bytes_max))
    names = [_shard_name(at, len(packs)) for at in range(len(packs))]
    shards = tuple(Shard(name, _head(pack, metadata), tuple(pack)) for name, pack in zip(names, packs, strict=True))
    extra_after = len(kept_extra) if dropped else None
    text = compacted_config(config, anatomy, plan, extra_after)
    index = _index(checkpoint, shards) if len(shards) > 1 else None
    return Layout(shards, text, index, tally, anatomy, dropped)


def _cut(tensor: Tensor, anatomy: Anatomy, plan: Plan, extra_dropped: Sequence[int], tally: Tally) -> Cut | None:
    """What becomes of one tensor; None if nothing does."""
    if extra_dropped:
        place = anatomy.family.layer_of(tensor.name, anatomy.layers)
        if place is not None and place[0] in extra_dropped:
            tally.add("dropped", tensor.nbytes)
            return None
    whole = ((tensor.begin, tensor.nbytes),)
    role = anatomy.roles.get(tensor.name)
    if role is None:
        tally.add("kept_unchanged", tensor.nbytes)
        return Cut(tensor.name, tensor.shape, tensor, whole)
    keep = plan.keep[role.layer]
    if role.expert is None:
        ranges = tuple(slices(tensor, role.pattern.axis, keep))
        shape = tuple(len(keep) if axis == role.pattern.axis else n for axis, n in enumerate(tensor.shape))
        cut = Cut(tensor.name, shape, tensor, ranges)
        tally.add("sliced", cut.nbytes)
        return cut
    if role.expert not in keep:
        tally.add("dropped", tensor.nbytes)
        return None
    tally.add("kept_renamed", tensor.nbytes)
    name = anatomy.family.renamed(tensor.name, keep.index(role.expert))
    return Cut(name, tensor.shape, tensor, whole)


def slices(tensor: Tensor, axis: int, keep: Sequence[int]) -> Iterator[Range]:
    """The bytes of the entries `keep` (ascending) along `axis`, in order, neighbours joined."""
    entries = tensor.shape[axis]
    bits = math.prod(tensor.shape[axis + 1 :]) * DTYPE_BITS[tensor.dtype]
    if bits % 8:
        fault = f"an entry along axis {axis} has {bits} bits and cannot be cut out"
        raise CheckpointError(tensor.file, fault, "store it in whole bytes", tensor.name)
    outer_entries = math.prod(tensor.shape[:axis])
    if outer_entries * len(keep) > RANGES_MAX:
        fault = f"it would be cut into more than {RANGES_MAX} ranges"
        raise CheckpointError(tensor.file, fault, "no known family stores experts so", tensor.name)
    begin, length = 0, 0
    for outer in range(outer_entries):
        for entry in keep:
            at = tensor.begin + (outer * entries + entry) * bits // 8
            if length and at == begin + length:
                length += bits // 8
                continue
            if length:
                yield begin, length
            begin, length = at, bits // 8
    if length:
        yield begin, length


def _packed(cuts: Iterable[Cut], shard_bytes_max: int) -> Iterator[list[Cut]]:
    pack: list[Cut] = []
    room = shard_bytes_max
    for cut in cuts:
        nbytes = cut.nbytes
        if pack and nbytes > room:
            yield _aligned(pack)
            pack, room = [], shard_bytes_max
        pack.append(cut)
        room -= nbytes
    yield _aligned(pack)


def _aligned(pack: list[Cut]) -> list[Cut]:
    return sorted(pack, key=lambda cut: -DTYPE_BITS[cut.source.dtype])


def _shard_name(at: int, count: int) -> str:
    return "model.safetensors" if count == 1 else f"model-{at + 1:05d}-of-{count:05d}.safetensors"


def _head(cuts: Iterable[Cut], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for cut in cuts:
        begin, end = end, end + cut.nbytes
        header[cut.name] = {"dtype": cut.source.dtype, "shape": list(cut.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text


def _metadata(headers: Iterable[Header]) -> dict[str, str]:
    """What all files agree on; loaders want to know the framework."""
    first, *rest = (header.metadata for header in headers)
    common = {key: value for key, value in first.items() if all(other.get(key) == value for other in rest)}
    return {"format": "pt", **common}


def _index(checkpoint: Checkpoint, shards: Iterable[Shard]) -> bytes:
    cuts = [(cut, shard.file) for shard in shards for cut in shard.cuts]
    before = checkpoint.index.metadata if checkpoint.index is not None else {}
    metadata: dict[str, int] = {"total_size": sum(cut.nbytes for cut, _ in cuts)}
    # Writers disagree on what a packed parameter is; what was a count of entries stays one, anything else is left out.
    if before.get("total_parameters") == sum(math.prod(tensor.shape) for tensor in checkpoint.tensors.values()):
        metadata["total_parameters"] = sum(math.prod(cut.shape) for cut, _ in cuts)
    weight_map = dict(sorted((cut.name, file) for cut, file in cuts))
    return (json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=2, ensure_ascii=False) + "\n").encode()
