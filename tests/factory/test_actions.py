"""What the commands do, where it does not show in what they print."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cadence.factory.actions import compared, dry_run_of, looked_at, planned
from cadence.factory.plan import PlanError
from cadence.models.checkpoint import CheckpointError
from tests.factory import giants
from tests.factory.profile.made import profile, tally
from tests.factory.test_commands import MADE
from tests.factory.test_estimate import TINY


def plan_file(folder: Path, name: str, keep: int, metric: str = "reap") -> Path:
    path = folder / name
    path.write_text(planned(MADE, keep, metric=metric, seed=0, domain=None, protect=False).plan.to_json())
    return path


def test_a_metric_that_the_profile_cannot_tell_is_not_compared_with() -> None:
    layers = {layer: {"all": each.domains["all"]} for layer, each in MADE.layers.items()}
    packed = profile(layers)
    without = {layer: type(each)(None, None, each.domains) for layer, each in packed.layers.items()}

    found = planned(
        msgspec.structs.replace(packed, layers=without), 2, metric="reap", seed=0, domain=None, protect=False
    )
    assert set(found.common) == {"weighted_ean", "ean", "count", "random"}


def test_what_two_plans_have_in_common(tmp_path: Path) -> None:
    lines, read = compared(plan_file(tmp_path, "a", 2), plan_file(tmp_path, "b", 3))
    assert lines[0] == "66.7% of the kept experts are in both"
    assert read["layers"] == {2: pytest.approx(2 / 3), 3: pytest.approx(2 / 3)}


def test_a_plan_of_other_layers_has_nothing_in_common(tmp_path: Path) -> None:
    other = profile({7: {"all": tally([1] * 4, [0.1] * 4)}})
    path = tmp_path / "other"
    path.write_text(planned(other, 2, metric="reap", seed=0, domain=None, protect=False).plan.to_json())
    with pytest.raises(PlanError, match="only plans of one model"):
        compared(plan_file(tmp_path, "a", 2), path)


def test_a_file_is_what_its_head_says(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(MADE.to_json())
    assert looked_at(tmp_path / "p")[1]["kind"] == "profile"
    assert looked_at(plan_file(tmp_path, "a", 2))[1]["kind"] == "plan"


def test_a_dry_run_by_a_plan_reads_headers_so_weights_must_be_there(tmp_path: Path) -> None:
    folder = giants.write(tmp_path / "model", TINY)
    with pytest.raises(CheckpointError, match="the file is missing"):
        dry_run_of(folder, plan_file(tmp_path, "a", 2), [])
    assert dry_run_of(folder, None, [])[1]["kind"] == "model"
