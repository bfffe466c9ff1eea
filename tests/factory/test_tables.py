"""What is printed is aligned, and says the same as what programs get."""

from __future__ import annotations

from dataclasses import replace

from cadence.factory import tables
from cadence.factory.profile.metrics import scores
from cadence.factory.ranking import findings, make_plan
from tests.factory.profile.made import profile, tally
from tests.factory.test_estimate import TINY, estimated

MADE = profile({2: {"all": tally([2, 1, 1, 0], [0.4, 0.3, 0.2, 0.0])}, 3: {"all": tally([1] * 4, [0.1] * 4)}})


def test_columns_are_equal_and_figures_to_the_right() -> None:
    assert tables.table(["", "share", "n"], [["layer 2", 0.5, 10], ["layer 10", None, 7]]) == [
        "          share   n",
        "layer 2   50.0%  10",
        "layer 10      -   7",
    ]


def test_sizes_are_said_in_the_units_of_disks_and_models() -> None:
    assert [tables.gigabytes(n) for n in (12, 99_940_000, 480 * 10**9)] == ["0.0 MB", "99.9 MB", "480.0 GB"]
    assert [tables.billions(n) for n in (1_500_000, 480_154_875_392)] == ["1.5M", "480.2B"]


def test_an_estimate_in_lines_and_as_an_object() -> None:
    found = estimated(TINY)
    sizes = [found.size(keep) for keep in (32, 16, 1)]
    lines = tables.size_rows(found, sizes)
    assert lines[0] == "qwen3_moe: 0.4M parameters, 0.1M active; 2 layers of 32 experts, 2 for each token"
    assert [line.split("  ")[0] for line in lines[4:6]] == ["keep 32", "keep 16"]
    assert lines[-1].startswith("keep 1: layer 0 keeps 1 of 32 experts, and each token is sent to 2")
    read = tables.size_object(found, sizes)
    assert [(size["keep"], size["bytes"]) for size in read["sizes"]] == [(size.keep, size.nbytes) for size in sizes]
    assert read["sizes"][2]["fault"] is not None


def test_a_profile_in_lines_and_as_an_object() -> None:
    lines = tables.profile_rows(MADE, MADE.sha256)
    assert lines[0] == f"profile {MADE.sha256}"
    assert lines[3] == f"corpus {'d' * 64}: 3 examples, 2 tokens (2 all)"
    assert lines[4:] == [
        "benchmark: not compared",
        "batches: all of 4, 2 sequences of 8 tokens each",
        "experts that no token went to: 1",
    ]
    read = tables.profile_object(MADE, MADE.sha256)
    assert (read["whole"], read["tokens"], read["never_visited"]) == (True, 2, {2: [3]})


def test_a_plan_in_lines_and_as_an_object() -> None:
    plan = make_plan(MADE, 2, protect=False)
    assert tables.plan_rows(plan)[1:] == [
        "for tiny (olmoe): keeps 2 of 4 experts in 2 layers",
        f"by reap, from profile {MADE.sha256}; 0 super-experts protected",
    ]
    uneven = replace(plan, keep={2: (0,), 3: (0, 1)}, profile_sha256=None, metric="random", seed=4)
    assert tables.plan_rows(uneven)[1:] == [
        "for tiny (olmoe): keeps 1 to 2 of 4 experts in 2 layers",
        "by random, seed 4, from profile -; 0 super-experts protected",
    ]
    assert tables.plan_object(uneven)["layers"] == {2: 1, 3: 2}


def test_what_a_plan_does_layer_by_layer() -> None:
    plan = make_plan(MADE, 2, protect=False)
    lines = tables.finding_rows(findings(MADE, plan, scores(MADE)))
    assert lines[1].split() == ["layer", "2", "2", "75.0%", "77.8%", "0", "1"]
