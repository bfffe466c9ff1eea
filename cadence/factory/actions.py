"""What the commands of the forge do with files: read, work out, and say it twice, in lines and as an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cadence.factory.estimate import Estimate, estimate
from cadence.factory.plan import SCHEMA, Plan, PlanError, overlap
from cadence.factory.profile.metrics import METRICS, scores
from cadence.factory.profile.sums import Profile, ProfileError
from cadence.factory.ranking import Finding, advice, findings, make_plan
from cadence.factory.surgery.carry import RemoteCode
from cadence.factory.surgery.layout import Layout, lay_out
from cadence.factory.surgery.operation import operate
from cadence.factory.tables import (
    finding_rows,
    gigabytes,
    plan_object,
    plan_rows,
    profile_object,
    profile_rows,
    size_object,
    size_rows,
    table,
)
from cadence.models.checkpoint import CheckpointError, Index
from cadence.models.shards import CONFIG_FILE, INDEX_FILE, read_checkpoint, read_config, read_index

FILE_BYTES_MAX = 2**30  # of a profile or a plan
HEAD_CHARS = 200  # of a file: its schema is there

Said = tuple[list[str], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what there is to say about it."""

    plan: Plan
    found: Mapping[int, Finding]
    advised: Sequence[str]
    common: Mapping[str, float]  # with the plan of the same size by another metric, mean over layers
    layers: bool

    def rows(self) -> list[str]:
        """For people."""
        low = min(self.found.values(), key=lambda each: 1.0 if each.weight is None else each.weight)
        said = plan_rows(self.plan)
        if low.weight is not None:
            layer = next(layer for layer, each in self.found.items() if each is low)
            said.append(f"layer {layer} loses most: it keeps {low.weight:.1%} of its sum of g*|f|")
        shares = ", ".join(f"{metric} {share:.0%}" for metric, share in self.common.items())
        said += [f"experts in common with other metrics: {shares}"] if shares else []
        said += [f"advice: {sentence}" for sentence in self.advised]
        return said + (finding_rows(self.found) if self.layers else [])

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        found = {layer: asdict(each) for layer, each in self.found.items()}
        return {**plan_object(self.plan), "findings": found, "advice": list(self.advised), "overlap": dict(self.common)}


def planned(
    profile: Profile, keep: int, *, metric: str, seed: int, domain: str | None, protect: bool, layers: bool = False
) -> Planned:
    """Make a plan and compare it with those of all other metrics. PlanError, ProfileError."""
    plan = make_plan(profile, keep, metric=metric, seed=seed, domain=domain, protect=protect)
    found = findings(profile, plan, scores(profile, metric, seed=seed, domain=domain))
    common = {}
    for other in METRICS:
        if other == metric:
            continue
        try:
            shares = overlap(plan, make_plan(profile, keep, metric=other, seed=seed, domain=domain, protect=protect))
        except (PlanError, ProfileError):
            continue  # this profile cannot rank by it, so there is nothing to compare with
        common[other] = sum(shares.values()) / len(shares)
    return Planned(plan, found, advice(plan, profile.subject.routing), common, layers)


def looked_at(path: Path) -> Said:
    """What a model's folder, a profile or a plan is."""
    if path.is_dir():
        return dry_run_of(path, None, [])
    text = _text(path)
    if SCHEMA in text[:HEAD_CHARS]:
        plan = Plan.from_json(text)
        return plan_rows(plan), plan_object(plan)
    profile = Profile.from_json(text)
    return profile_rows(profile, profile.sha256), profile_object(profile, profile.sha256)


def compared(one: Path, other: Path) -> Said:
    """How much two plans have in common, layer by layer."""
    plans = [Plan.from_json(_text(path)) for path in (one, other)]
    shares = overlap(*plans)
    mean = sum(shares.values()) / len(shares)
    lines = [f"{mean:.1%} of the kept experts are in both"]
    lines += table(["", "in both"], [[f"layer {layer}", share] for layer, share in shares.items()])
    return lines, {"kind": "overlap", "mean": mean, "layers": shares}


def dry_run_of(model: Path, plan: Path | None, keep: Sequence[int]) -> Said:
    """How large the result will be: exact by a plan and the headers, else from config and index."""
    config = read_config(model)
    if plan is not None:
        return _laid_out(lay_out(read_checkpoint(model), config, Plan.from_json(_text(plan))))
    known = _estimated(model, config)
    sizes = [known.size(count) for count in (known.routing.experts, *(keep or known.proposed()))]
    return size_rows(known, sizes), {"kind": "model", **size_object(known, sizes)}


def carried_out(
    model: Path, plan: Path, out: Path, remote_code: RemoteCode, progress: Callable[[int, int], None]
) -> Said:
    """Operate. CheckpointError, PlanError; see `operate`."""
    done = operate(model, Plan.from_json(_text(plan)), out, remote_code=remote_code, progress=progress)
    resumed = f", {done.shards_found} of them found from a run before" if done.shards_found else ""
    lines = [f"{out}: {done.shards_written + done.shards_found} files of weights{resumed}"]
    lines += [f"vLLM would not serve this right: {fault.text}" for fault in done.unservable]
    found = {"kind": "surgery", "out": str(out), "shards_written": done.shards_written}
    faults = [fault.text for fault in done.unservable]
    return lines, {**found, "shards_found": done.shards_found, "unservable": faults}


def proved(
    model: Path, compacted: Path, plan: Path, precision: Literal["float64", "float32"]
) -> tuple[bool, list[str], dict[str, Any]]:
    """Whether the compacted model is the original without the dropped experts; see `compare`."""
    from cadence.factory.oracle import compare

    found = compare(model, compacted, Plan.from_json(_text(plan)), precision)
    said = [
        f"largest difference of a logit: {found.difference:.1e}, of logits up to {found.logit:.1f}, in {precision}",
        f"{found.routed} choices of experts, {found.astray} of them astray",
    ]
    return found.holds, said, {"kind": "proof", "holds": found.holds, **asdict(found)}


def _laid_out(layout: Layout) -> Said:
    fates = layout.tally.nbytes
    lost, after = fates["dropped"], sum(fates.values()) - fates["dropped"]
    rows = [[fate.replace("_", " "), count, gigabytes(fates[fate])] for fate, count in layout.tally.tensors.items()]
    lines = [f"{gigabytes(after)} of weights will be left in {len(layout.shards)} files", ""]
    lines += table(["", "tensors", "bytes"], rows)
    said = {"kind": "dry run", "bytes": after, "files": len(layout.shards), "dropped_bytes": lost}
    return lines, {**said, "tensors": dict(layout.tally.tensors), "tensor_bytes": dict(fates)}


def _estimated(model: Path, config: Mapping[str, Any]) -> Estimate:
    """By headers where all shards are there, else by config and index."""
    index = read_index(model)
    if index is not None and not any((model / file).exists() for file in index.files):
        return estimate(config, index)
    checkpoint = read_checkpoint(model)
    names = {tensor.name: tensor.file for tensor in checkpoint.tensors.values()}
    return estimate(config, Index(INDEX_FILE, names, {"total_size": checkpoint.tensor_bytes}), checkpoint)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise CheckpointError(path.name, f"it has more than {FILE_BYTES_MAX} bytes", "this is no profile and no plan")
    try:
        return data.decode()
    except UnicodeDecodeError:
        fault = f"it is neither a profile nor a plan, which are text; a model is a folder with a {CONFIG_FILE}"
        raise CheckpointError(path.name, fault, "name one of these") from None
