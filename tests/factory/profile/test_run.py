"""Two runs are the same bytes, so are two halves and a run that was killed; another run is not taken for this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cadence.factory.profile.corpus import Cut, cut
from cadence.factory.profile.sums import Profile, ProfileError, Text, join, parts
from cadence.models.checkpoint import CheckpointError

pytestmark = [pytest.mark.forge, pytest.mark.filterwarnings("default")]

BATCH = 2


def corpus() -> Cut:
    """Seven sequences of eight tokens, two of them short, in two domains."""
    numbers = [3 + (7 * at) % 90 for at in range(50)]
    return cut({"code": [numbers[:20], numbers[20:29]], "prose": [numbers[30:50]]}, 8, end_mark=2)


def run_of(folder: Path) -> Any:
    from cadence.factory.loading import load_model
    from cadence.factory.profile.run import Run, subject_of

    cut = corpus()
    text = Text("d" * 64, 3, cut.mix, length=8, batch=BATCH, batches=cut.batches(BATCH))
    return Run(load_model(folder, dtype="float32"), subject_of(folder, "tiny", "float32"), text, cut)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.factory.tiny import make

    return make("deepseek_v3", tmp_path_factory.mktemp("run") / "model")


def test_two_runs_are_the_same_bytes(model: Path) -> None:
    one, other = (run_of(model).over(0, 4) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert one.whole
    assert one.tokens == {"code": 31, "prose": 21}
    assert (one.subject.groups, one.subject.groups_used, one.subject.group_best) == (2, 1, 2)
    assert sorted(one.layers) == [1, 2]


def test_halves_made_apart_are_the_whole_to_the_last_bit(model: Path) -> None:
    whole = run_of(model).over(0, 4)
    halves = [run_of(model).over(*parts(4, part, 2)) for part in (2, 1)]
    assert [half.whole for half in halves] == [False, False]
    assert join(halves).to_json() == whole.to_json()


def test_a_run_that_was_killed_goes_on_and_ends_with_the_same_bytes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadence.factory.profile import run as module

    monkeypatch.setattr(module, "SAVE_BATCHES", 1)
    whole = run_of(model).over(0, 4)

    class Killed(BaseException):
        pass

    def kill(done: int, of: int) -> None:
        if done == 3:
            raise Killed

    kept = tmp_path / "p.json.partial"
    with pytest.raises(Killed):
        run_of(model).over(0, 4, kept=kept, progress=kill)
    assert Profile.from_json(kept.read_bytes()).done == ((0, 2),)
    heard: list[int] = []
    resumed = run_of(model).over(0, 4, kept=kept, progress=lambda done, of: heard.append(done))
    assert heard == [2, 3, 4]
    assert resumed.to_json() == whole.to_json()


def test_sums_of_another_run_are_not_taken_for_ones_own(model: Path, tmp_path: Path) -> None:
    from cadence.factory.profile.run import save

    kept = tmp_path / "p.json.partial"
    mine = run_of(model)
    save(mine.over(1, 2), kept)
    with pytest.raises(ProfileError, match=r"holds batches \[\(1, 2\)\], this run is about 0 to 4; move the file away"):
        mine.over(0, 4, kept=kept)
    other = msgspec.structs.replace(mine.text, sha256="e" * 64)
    save(type(mine)(mine.model, mine.subject, other, mine.cut).over(0, 1), kept)
    with pytest.raises(ProfileError, match="text.sha256"):
        mine.over(0, 4, kept=kept)
    kept.write_text("{")
    with pytest.raises(ProfileError, match="this is no profile"):
        mine.over(0, 4, kept=kept)


def test_padding_of_the_last_sequence_is_not_counted(model: Path) -> None:
    profile = run_of(model).over(0, 4)
    assert {sum(layer.total().count) for layer in profile.layers.values()} == {(31 + 21) * 2}


def test_a_missing_shard_is_named_before_anything_is_loaded(model: Path, tmp_path: Path) -> None:
    from cadence.factory.profile.run import subject_of

    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    with pytest.raises(CheckpointError, match="model.safetensors: the file is missing"):
        subject_of(tmp_path, "tiny", "float32")


def test_a_model_in_sixteen_bits_is_summed_in_more(model: Path) -> None:
    from cadence.factory.loading import load_model
    from cadence.factory.profile.run import Run

    single = run_of(model)
    half = Run(load_model(model, dtype="bfloat16"), single.subject, single.text, single.cut)
    one, other = single.over(0, 4).layers[2].total(), half.over(0, 4).layers[2].total()
    assert sum(other.count) == sum(one.count)
    assert sum(other.norm_sq) == pytest.approx(sum(one.norm_sq), rel=0.05)


def test_an_implementation_that_cannot_be_heard_makes_no_profile(model: Path) -> None:
    """Every token must be heard as often as it was routed; a profile with holes would rank by them."""
    import torch
    from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

    def deaf(module: Any, states: Any, index: Any, weights: Any) -> Any:
        return ALL_EXPERTS_FUNCTIONS["grouped_mm"](module, states, index, weights.as_subclass(torch.Tensor))

    ALL_EXPERTS_FUNCTIONS["deaf"] = deaf
    run = run_of(model)
    run.model.set_experts_implementation("deaf")
    try:
        with pytest.raises(ProfileError, match="layer 1, code: 31 tokens go to 2 experts each, but 0 visits"):
            run.over(0, 4)
    finally:
        del ALL_EXPERTS_FUNCTIONS["deaf"]


def test_a_folder_without_a_tokenizer_is_refused(model: Path) -> None:
    from cadence.factory.profile.run import load_tokenizer

    with pytest.raises(ProfileError, match="no tokenizer in model"):
        load_tokenizer(model)


def test_a_config_that_does_not_fit_the_weights_is_refused(model: Path) -> None:
    mine = run_of(model)
    wrong = msgspec.structs.replace(mine.subject, experts=16)
    with pytest.raises(ProfileError, match="the config speaks of 16 experts, the model has 8 in a layer"):
        type(mine)(mine.model, wrong, mine.text, mine.cut).over(0, 1)
