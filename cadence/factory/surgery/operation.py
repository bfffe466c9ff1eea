"""The operation itself: one folder in, one folder out, which is there whole or not at all.

Everything is written into `OUT.partial`: shards one by one, each under a name that no loader looks for until it is on
the disk, then the files that go along, the config, and the index last. Then the folder gets its name. `OUT.partial.job`
says what the folder is going to be; a run that finds both goes on after the last whole shard, and ends with the same
bytes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

from cadence.factory.anatomy import dissect
from cadence.factory.plan import Plan
from cadence.factory.surgery.carry import REPORT_FILE, Carried, RemoteCode, allowed_config, carried
from cadence.factory.surgery.configs import RULE_FILES, renumbered
from cadence.factory.surgery.copying import copy_shard, durable, sync_folder, write_all
from cadence.factory.surgery.layout import SHARD_BYTES, Layout, Shard, lay_out
from cadence.models.checkpoint import Checkpoint, CheckpointError
from cadence.models.servable import Fault, faults
from cadence.models.shards import CONFIG_FILE, INDEX_FILE, read_checkpoint, read_config

SCHEMA = "cadence.surgery.v1"
SPARE_BYTES = 256 * 2**20  # left free on the disk besides the result
COPY_BYTES = 2**20
SHARDS_AT_ONCE = 2  # one waits for the disk while another is looked at; more would only make the disk seek


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation did. `report` is the `surgery.json` that lies beside the result."""

    out: Path
    report: Mapping[str, Any]
    shards_written: int
    shards_found: int  # left by a run that was cut short
    unservable: tuple[Fault, ...] = ()  # why vLLM would not serve the result right; mostly, as little as the original


def operate(
    source: Path,
    plan: Plan,
    out: Path,
    *,
    shard_bytes_max: int = SHARD_BYTES,
    remote_code: RemoteCode = "refuse",
    check_finite: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Compact the checkpoint in `source` by `plan` into the new folder `out`.

    Holds headers and some megabytes of weights, whatever the size of the model. Cut short at any moment, by a kill or a
    power failure, it leaves no `out`, and the same call finishes it; a finished one does nothing. `progress` hears of
    bytes written, of all. Raises CheckpointError, PlanError, or OSError where the disk refuses.
    """
    if out.resolve().is_relative_to(source.resolve()):
        raise CheckpointError(out.name, "the result would lie inside of the original", "choose a folder beside it")
    checkpoint = read_checkpoint(source)
    config = allowed_config(read_config(source), remote_code)
    layout = lay_out(checkpoint, config, plan, shard_bytes_max=shard_bytes_max)
    along = _renumbered(source, carried(source, checkpoint.index, remote_code), layout, plan)
    report = _report(checkpoint, plan, layout, along)
    partial, job = out.with_name(f"{out.name}.partial"), out.with_name(f"{out.name}.partial.job")
    if out.exists():
        _check_done(out, layout, report)
        job.unlink(missing_ok=True)
        return Outcome(out, report, 0, len(layout.shards))
    with _claimed(partial, job, _identity(source, checkpoint, report)):
        found = _write(source, layout, along, report, partial, check_finite, progress)
        unservable = _look_again(partial, layout)
        os.rename(partial, out)
        sync_folder(out.parent)
        job.unlink()
    return Outcome(out, report, len(layout.shards) - found, found, unservable)


def _write(
    source: Path,
    layout: Layout,
    along: Carried,
    report: Mapping[str, Any],
    partial: Path,
    check_finite: bool,
    progress: Callable[[int, int], None],
) -> int:
    """Fill the folder `partial`; the number of shards that were there already."""
    todo = [shard for shard in layout.shards if not _is_there(partial, shard)]
    _check_room(partial, sum(shard.nbytes for shard in todo))
    done = layout.nbytes - sum(shard.nbytes for shard in todo)

    counting = Lock()

    def wrote(nbytes: int) -> None:
        nonlocal done
        with counting:
            done += nbytes
            progress(done, layout.nbytes)

    _copy_all(source, todo, partial, check_finite, wrote)
    for name in along.files:
        _carry(source / name, partial / name)
    texts = {**along.rewritten, REPORT_FILE: _json(report), CONFIG_FILE: layout.config}
    if layout.index is not None:
        texts[INDEX_FILE] = layout.index
    for name, text in texts.items():
        with durable(partial / name) as to:
            write_all(to, text)
    return len(layout.shards) - len(todo)


def _copy_all(
    source: Path, shards: Sequence[Shard], partial: Path, check_finite: bool, wrote: Callable[[int], None]
) -> None:
    """Copy `shards`, a few at once; the first fault ends them all."""
    faulty = Event()

    def heard(nbytes: int) -> None:
        if faulty.is_set():
            raise CancelledError
        wrote(nbytes)

    with ThreadPoolExecutor(SHARDS_AT_ONCE, thread_name_prefix="shard") as pool:
        copies = [
            pool.submit(copy_shard, source, shard, partial / shard.file, check=check_finite, wrote=heard)
            for shard in shards
        ]
        try:
            for copy in as_completed(copies):
                copy.result()
        except BaseException:
            faulty.set()
            pool.shutdown(cancel_futures=True)
            raise


def _renumbered(source: Path, along: Carried, layout: Layout, plan: Plan) -> Carried:
    """Files of quantisation rules beside the config name experts by number too, and must follow."""
    rewritten = dict(along.rewritten)
    for name in RULE_FILES:
        if name in along.files:
            rules = read_config(source, name)
            if (after := renumbered(rules, layout.anatomy, plan, name)) != rules:
                rewritten[name] = _json(after)
    return replace(along, files=tuple(name for name in along.files if name not in rewritten), rewritten=rewritten)


def _look_again(partial: Path, layout: Layout) -> tuple[Fault, ...]:
    """Read the result as a stranger would, headers only, before it gets its name."""
    checkpoint, config = read_checkpoint(partial), read_config(partial)
    expected = set(layout.anatomy.moe_layers) - set(layout.extra_dropped)
    assert set(dissect(checkpoint, config).moe_layers) == expected, "surgery lost a layer"
    return tuple(faults(checkpoint, config))


def _report(checkpoint: Checkpoint, plan: Plan, layout: Layout, along: Carried) -> dict[str, Any]:
    """What was done, without when and where: the same operation gives the same bytes."""
    routing = layout.anatomy.routing
    return {
        "schema": SCHEMA,
        "family": layout.anatomy.family.name,
        "model": plan.model,
        "plan_sha256": plan.sha256,
        "config_sha256": hashlib.sha256(layout.config).hexdigest(),
        "experts": {"before": routing.experts, "after": plan.uniform, "for_each_token": routing.top_k},
        "selection": {str(layer): list(keep) for layer, keep in plan.keep.items()},
        "extra_layers_dropped": list(layout.extra_dropped),
        "source": [
            {"file": header.file, "bytes": header.file_bytes, "tensors": len(header.tensors)}
            for header in checkpoint.headers
        ],
        "source_tensor_bytes": checkpoint.tensor_bytes,
        "shards": [{"file": shard.file, "bytes": shard.nbytes, "tensors": len(shard.cuts)} for shard in layout.shards],
        "tensors": layout.tally.tensors,
        "tensor_bytes": layout.tally.nbytes,
        "carried": sorted([*along.files, *along.rewritten]),
        "left_out": list(along.left_out),
    }


def _identity(source: Path, checkpoint: Checkpoint, report: Mapping[str, Any]) -> bytes:
    """What must not change between a run and the one that finishes it."""
    stats = {header.file: (source / header.file).stat() for header in checkpoint.headers}
    files = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()]
    return _json({"source_files": files, "report_sha256": hashlib.sha256(_json(report)).hexdigest()})


@contextmanager
def _claimed(partial: Path, job: Path, identity: bytes) -> Iterator[None]:
    """Hold `partial` for this process and this job alone. What lies in it is of the same job, or it is refused."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    with job.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(partial.name, "another process is writing it", "wait for it to end") from None
        file.seek(0)
        if (found := file.read()) != identity:
            if found and partial.exists():
                fault = "it is half of another operation: the plan, the options or the original have changed"
                raise CheckpointError(partial.name, fault, f"finish that one, or remove {partial} and {job.name}")
            if partial.exists():
                fault = "the folder is there, but nothing says what it was going to be"
                raise CheckpointError(partial.name, fault, f"remove {partial}, or choose another name")
            file.truncate(0)
            file.write(identity)
            file.flush()
            os.fsync(file.fileno())
            sync_folder(partial.parent)
        partial.mkdir(exist_ok=True)
        yield


def _check_done(out: Path, layout: Layout, report: Mapping[str, Any]) -> None:
    there = out / REPORT_FILE
    if not there.is_file() or there.read_bytes() != _json(report):
        fault = "the folder exists, and is not the result of this operation"
        raise CheckpointError(out.name, fault, "choose another name, or remove it yourself")
    for shard in layout.shards:
        if not _is_there(out, shard):
            fault = f"the operation was finished, but the file does not have its {shard.nbytes} bytes any more"
            raise CheckpointError(shard.file, fault, f"remove {out}, and operate again")


def _is_there(folder: Path, shard: Shard) -> bool:
    path = folder / shard.file
    return path.is_file() and path.stat().st_size == shard.nbytes


def _check_room(folder: Path, nbytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < nbytes + SPARE_BYTES:
        fault = f"expected {(nbytes + SPARE_BYTES) / 1e9:.1f} GB of free disk, got {free / 1e9:.1f} GB"
        raise CheckpointError(folder.name, fault, "make room, or choose another disk; what is done stays done")


def _carry(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file, durable(to) as descriptor:
        while block := file.read(COPY_BYTES):
            write_all(descriptor, block)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()
