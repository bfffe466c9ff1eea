"""A folder that is whole or not there, whenever the process dies; and the same bytes each time."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cadence.factory.plan import Plan, PlanError
from cadence.factory.surgery import operation
from cadence.factory.surgery.operation import operate
from cadence.models.checkpoint import CheckpointError
from tests.factory.checkpoints import Weights, read, write
from tests.factory.families.rows import EXPERTS, KEEP, ROWS
from tests.source import ROOT

OLMOE = next(row for row in ROWS if row.id == "olmoe")
PLAN = Plan("olmoe", "tiny", EXPERTS, {0: KEEP[0], 1: KEEP[1]})
OTHER = Plan("olmoe", "tiny", EXPERTS, {0: KEEP[1], 1: KEEP[0]})
SHARD = {"shard_bytes_max": 600}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write(tmp_path / "whole", OLMOE.config, OLMOE.tensors())


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_two_runs_give_identical_bytes(whole: Path, tmp_path: Path) -> None:
    operate(whole, PLAN, tmp_path / "a", **SHARD)
    operate(whole, PLAN, tmp_path / "b", **SHARD)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(contents(tmp_path / "a")) > 5


def test_the_original_is_not_touched(whole: Path, tmp_path: Path) -> None:
    before = contents(whole)
    operate(whole, PLAN, tmp_path / "a")
    assert contents(whole) == before


def test_everything_else_goes_along_bit_by_bit(whole: Path, tmp_path: Path) -> None:
    (whole / "sub").mkdir()
    (whole / "sub" / "vocab.bpe").write_bytes(bytes(range(256)))
    operate(whole, PLAN, tmp_path / "a")
    after = contents(tmp_path / "a")
    for name in ("tokenizer.json", "LICENSE", "sub/vocab.bpe"):
        assert after[name] == (whole / name).read_bytes()


def test_rules_beside_the_config_follow_their_experts(whole: Path, tmp_path: Path) -> None:
    rules = {"exclude_modules": ["lm_head", *(f"model.layers.0.mlp.experts.{n}.up_proj" for n in range(3))]}
    (whole / "hf_quant_config.json").write_text(json.dumps(rules))
    operate(whole, PLAN, tmp_path / "a")
    after = json.loads((tmp_path / "a" / "hf_quant_config.json").read_text())
    kept = ["model.layers.0.mlp.experts.0.up_proj", "model.layers.0.mlp.experts.1.up_proj"]
    assert after == {"exclude_modules": ["lm_head", *kept]}


def test_a_result_inside_of_the_original_is_refused(whole: Path) -> None:
    for out in (whole / "half", whole):
        with pytest.raises(CheckpointError, match="inside of the original"):
            operate(whole, PLAN, out)


def test_the_report_says_what_was_done(whole: Path, tmp_path: Path) -> None:
    outcome = operate(whole, PLAN, tmp_path / "a", **SHARD)
    report = json.loads((tmp_path / "a" / "surgery.json").read_text())
    assert report == outcome.report
    assert report["selection"] == {"0": [1, 2, 4, 7], "1": [0, 3, 5, 6]}
    assert report["experts"] == {"before": 8, "after": 4, "for_each_token": 2}
    assert report["tensors"] == {"kept_unchanged": 7, "kept_renamed": 24, "sliced": 2, "dropped": 24}
    assert report["plan_sha256"] == PLAN.sha256
    assert sum(shard["bytes"] for shard in report["shards"]) == sum(
        path.stat().st_size for path in (tmp_path / "a").glob("*.safetensors")
    )
    assert report["carried"] == ["LICENSE", "tokenizer.json"]


def test_a_finished_operation_is_not_done_again(whole: Path, tmp_path: Path) -> None:
    first = operate(whole, PLAN, tmp_path / "a", **SHARD)
    again = operate(whole, PLAN, tmp_path / "a", **SHARD)
    assert (first.shards_found, again.shards_written) == (0, 0)
    assert first.shards_written == again.shards_found > 1


@pytest.mark.parametrize("other", ["a plan", "a folder"])
def test_a_folder_that_is_something_else_is_refused(whole: Path, tmp_path: Path, other: str) -> None:
    if other == "a plan":
        operate(whole, OTHER, tmp_path / "a")
    else:
        (tmp_path / "a").mkdir()
    with pytest.raises(CheckpointError, match="a: the folder exists, and is not the result of this operation"):
        operate(whole, PLAN, tmp_path / "a")


def test_a_finished_result_that_lost_something_is_not_called_finished(whole: Path, tmp_path: Path) -> None:
    operate(whole, PLAN, tmp_path / "a", **SHARD)
    next((tmp_path / "a").glob("model-00002-*")).unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-.*: the operation was finished, but"):
        operate(whole, PLAN, tmp_path / "a", **SHARD)


def test_surgery_needs_no_torch() -> None:
    program = "import sys, cadence.factory.surgery.operation as _; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def killed(whole: Path, out: Path, call: str, count: int) -> int:
    """Operate in a process that dies at the given call; what it returned."""
    plan = out.with_suffix(".plan.json")
    plan.write_text(PLAN.to_json())
    command = [sys.executable, "-m", "tests.factory.surgery.killed", str(whole), str(out), str(plan), call, str(count)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


@pytest.mark.parametrize(
    ("call", "step", "kills"), [("replace", 1, 8), ("preadv", 1, 4), ("fsync", 4, 3), ("rename", 1, 1)]
)
def test_killed_anywhere_it_leaves_nothing_that_looks_whole_and_goes_on_to_the_same_bytes(
    whole: Path, tmp_path: Path, call: str, step: int, kills: int
) -> None:
    operate(whole, PLAN, tmp_path / "straight", **SHARD)
    expected = contents(tmp_path / "straight")
    count = 0
    while killed(whole, out := tmp_path / f"{call}{count}", call, count) == -signal.SIGKILL:
        assert not out.exists()
        partial = out.with_name(f"{out.name}.partial")
        left = contents(partial) if partial.exists() else {}
        # Whatever bears its final name is final.
        assert [name for name in left if name in expected and left[name] != expected[name]] == []
        assert call == "rename" or not {"config.json", "model.safetensors.index.json"} <= set(left)
        operate(whole, PLAN, out, **SHARD)
        assert contents(out) == expected
        assert not partial.exists()
        assert list(tmp_path.glob("*.job")) == []
        count += step
    assert contents(out) == expected, "the one that nobody killed"
    assert count >= kills * step


def test_shards_that_were_whole_are_not_written_again(whole: Path, tmp_path: Path) -> None:
    assert killed(whole, tmp_path / "a", "replace", 2) == -signal.SIGKILL
    outcome = operate(whole, PLAN, tmp_path / "a", **SHARD)
    assert outcome.shards_found in (1, 2)  # the other one at work may have been about to name its shard
    assert outcome.shards_written == len(outcome.report["shards"]) - outcome.shards_found


def test_half_of_another_operation_is_not_finished_as_this_one(whole: Path, tmp_path: Path) -> None:
    killed(whole, tmp_path / "a", "replace", 1)
    with pytest.raises(CheckpointError, match="it is half of another operation"):
        operate(whole, OTHER, tmp_path / "a", **SHARD)
    (whole / "model-00001-of-00002.safetensors").touch()
    with pytest.raises(CheckpointError, match="the original have changed"):
        operate(whole, PLAN, tmp_path / "a", **SHARD)


def test_a_folder_in_the_way_is_left_alone(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "a.partial").mkdir()
    with pytest.raises(CheckpointError, match="nothing says what it was going to be"):
        operate(whole, PLAN, tmp_path / "a")
    assert list((tmp_path / "a.partial").iterdir()) == []


def test_two_processes_do_not_write_one_result(whole: Path, tmp_path: Path) -> None:
    with (tmp_path / "a.partial.job").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CheckpointError, match="another process is writing it"):
            operate(whole, PLAN, tmp_path / "a")


def test_a_full_disk_is_known_beforehand(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "SPARE_BYTES", 1 << 60)
    with pytest.raises(CheckpointError, match="GB of free disk, got .*; make room"):
        operate(whole, PLAN, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_weight_that_is_no_number_is_named_and_nothing_looks_whole(tmp_path: Path) -> None:
    tensors = OLMOE.tensors()
    name = "model.layers.1.mlp.experts.3.up_proj.weight"  # kept by the plan
    bits = tensors[name].bits.copy()
    bits[2, 3] = 0xFFC0
    whole = write(tmp_path / "whole", OLMOE.config, tensors | {name: Weights("BF16", bits)})
    with pytest.raises(CheckpointError, match=f"{name}: a weight is NaN or infinite"):
        operate(whole, PLAN, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert list((tmp_path / "a.partial").glob("*.safetensors*")) == []
    operate(whole, Plan("olmoe", "tiny", 8, {0: KEEP[0], 1: (0, 1, 2, 4)}), tmp_path / "b")
    assert name not in {k for k, v in read(tmp_path / "b").items() if v == Weights("BF16", bits)}


def test_a_plan_that_does_not_fit_makes_nothing(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanError):
        operate(whole, Plan("olmoe", "tiny", 8, {0: (1,), 1: (1,)}), tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["whole"]


def test_what_vllm_would_get_wrong_is_said(whole: Path, tmp_path: Path) -> None:
    outcome = operate(whole, PLAN, tmp_path / "a")
    assert [fault.text[:40] for fault in outcome.unservable] == ["hidden_size 6 is no multiple of 32, and t"[:40]]


def test_progress_ends_at_all(whole: Path, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    operate(whole, PLAN, tmp_path / "a", progress=lambda done, of: heard.append((done, of)), **SHARD)
    size = sum(path.stat().st_size for path in (tmp_path / "a").glob("*.safetensors"))
    assert heard[-1] == (size, size)
    assert heard == sorted(heard)
