"""What is recorded is what the model did, in every family, and listening changes nothing.

The reference asks each expert for one token at a time, through the class's own loop, with the indices and weights that
the router handed over.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.families import families
from cadence.factory.profile.sums import ProfileError, Tally, value

pytestmark = [
    pytest.mark.forge,
    # Torch and transformers warn of their own future; what they compute is what is tested.
    pytest.mark.filterwarnings("default"),
]

# Transformers builds all but this one: softmax with and without renormalising, sigmoid with bias, groups, thresholds,
# fused and biased experts, hybrid attention.
FAMILIES = sorted(set(families()) - {"kimi_k2"})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from cadence.factory.loading import load_model
    from tests.factory.tiny import make

    class Loading(dict[str, Any]):
        def __missing__(self, family: str) -> Any:
            folder: Path = make(family, tmp_path_factory.mktemp(family) / "model")
            self[family] = load_model(folder)
            return self[family]

    return Loading()


def text(rows: int = 2, length: int = 12, seed: int = 0) -> Any:
    import torch

    return torch.randint(3, 96, (rows, length), generator=torch.Generator().manual_seed(seed))


def run(model: Any, ids: Any, domains: Any, count: int, listener: Any = None) -> tuple[dict[int, list[Tally]], Any]:
    """The sums, and what came out of the decoder."""
    import torch

    from cadence.factory.profile.listen import Listener

    listener = listener or Listener(model, count)
    mask = None if bool((domains >= 0).all()) else (domains >= 0).long()
    with listener.listening(), torch.inference_mode():
        listener.tell(domains)
        states = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    return listener.take(), states


def reference(model: Any, ids: Any) -> dict[int, dict[str, list[float]]]:
    """Sums by the definition, one expert and one token at a time."""
    import torch

    from cadence.factory.profile.listen import find_experts

    calls: dict[int, tuple[Any, ...]] = {}
    found = find_experts(model)

    def note(index: int) -> Any:
        return lambda module, args: calls.__setitem__(index, tuple(each.clone() for each in args))

    hooks = [each.module.register_forward_pre_hook(note(each.index)) for each in found]
    with torch.inference_mode():
        model.base_model(input_ids=ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    sums = {}
    for each in found:
        states, index, weights = calls[each.index]
        names = ("count", "gate", "norm", "norm_sq", "gate_norm", "peak")
        total = {name: [0.0] * each.module.num_experts for name in names}
        for token in range(index.shape[0]):
            for slot in range(index.shape[1]):
                expert, gate = int(index[token, slot]), float(weights[token, slot])
                one = (states[token : token + 1], index[token : token + 1, slot : slot + 1], torch.ones(1, 1))
                with torch.inference_mode():
                    output = type(each.module).forward.__wrapped__(each.module, *one)
                norm = float(output.double().norm())
                for name, summand in zip(names, (1, gate, norm, norm**2, gate * norm), strict=False):
                    total[name][expert] += summand
                total["peak"][expert] = max(total["peak"][expert], float(output.abs().max()))
        sums[each.index] = total
    return sums


@pytest.mark.parametrize("family", FAMILIES)
def test_sums_are_those_of_the_definition(family: str, models: dict[str, Any]) -> None:
    import torch

    ids = text()
    sums, _ = run(models[family], ids, torch.zeros_like(ids), 1)
    wanted = reference(models[family], ids)
    assert sorted(sums) == sorted(wanted)
    for layer, (tally,) in sums.items():
        assert list(tally.count) == wanted[layer]["count"]
        for name in ("gate", "norm", "norm_sq", "gate_norm"):
            found = [value(units) for units in getattr(tally, name)]
            assert found == pytest.approx(wanted[layer][name], rel=1e-5, abs=1e-9), (layer, name)
        assert tally.peak == pytest.approx(wanted[layer]["peak"], rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_computes_the_same_bits_as_before_and_is_left_as_it_was(family: str, models: dict[str, Any]) -> None:
    import torch

    model, ids = models[family], text()
    with torch.inference_mode():
        before = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    implementation = model.get_experts_implementation()
    _, states = run(model, ids, torch.zeros_like(ids), 1)
    assert torch.equal(states, before)
    assert model.get_experts_implementation() == implementation


@pytest.mark.parametrize("family", ["olmoe", "deepseek_v3", "gpt_oss"])
def test_each_implementation_is_heard(family: str, models: dict[str, Any]) -> None:
    import torch

    model, ids = models[family], text()
    counts = {}
    for name in ("eager", "grouped_mm", "batched_mm"):
        before = model.get_experts_implementation()
        model.set_experts_implementation(name)
        sums, _ = run(model, ids, torch.zeros_like(ids), 1)
        model.set_experts_implementation(before)
        counts[name] = {layer: tally.count for layer, (tally,) in sums.items()}
        assert {sum(count) for count in counts[name].values()} == {ids.numel() * 2}
    assert counts["eager"] == counts["grouped_mm"] == counts["batched_mm"]


@pytest.mark.parametrize("family", ["olmoe", "deepseek_v3", "mixtral"])
def test_padding_is_never_counted_whatever_it_holds(family: str, models: dict[str, Any]) -> None:
    import torch

    ids = text()
    domains = torch.zeros_like(ids)
    domains[0, 7:] = -1
    other = ids.clone()
    other[0, 7:] = 5
    sums, _ = run(models[family], ids, domains, 1)
    again, _ = run(models[family], other, domains, 1)
    for layer, (tally,) in sums.items():
        assert sum(tally.count) == (7 + 12) * 2
        assert tally.count == again[layer][0].count
        # Other padding goes to other experts, and a matrix of another size rounds its last bits otherwise.
        assert again[layer][0].gate_norm == pytest.approx(tally.gate_norm, rel=1e-5)
        assert again[layer][0].peak == pytest.approx(tally.peak, rel=1e-5)


def test_each_token_counts_for_its_own_domain(models: dict[str, Any]) -> None:
    import torch

    ids = text()
    domains = torch.tensor([[0] * 12, [1] * 12])
    apart, _ = run(models["olmoe"], ids, domains, 2)
    together, _ = run(models["olmoe"], ids, torch.zeros_like(ids), 1)
    for layer, (first, second) in apart.items():
        assert first.plus(second) == together[layer][0]
        assert sum(first.count) == sum(second.count) == 12 * 2


def test_sums_do_not_depend_on_how_often_they_are_taken_out(models: dict[str, Any]) -> None:
    import torch

    from cadence.factory.profile.listen import Listener

    listener = Listener(models["olmoe"], 1)
    texts = [text(seed=seed) for seed in range(3)]
    parts = [run(models["olmoe"], ids, torch.zeros_like(ids), 1, listener)[0] for ids in texts]
    with listener.listening(), torch.inference_mode():
        for ids in reversed(texts):
            listener.tell(torch.zeros_like(ids))
            models["olmoe"].base_model(input_ids=ids, use_cache=False)
    whole = listener.take()
    for layer, (tally,) in whole.items():
        assert tally == parts[0][layer][0].plus(parts[1][layer][0]).plus(parts[2][layer][0])


def test_summands_lose_nothing_above_their_grain() -> None:
    import torch

    from cadence.factory.profile.listen import _LayerSums

    generator = torch.Generator().manual_seed(1)
    gates = (
        torch.rand(4_000, generator=generator, dtype=torch.float64) * 10.0 ** torch.randint(-9, 9, (4_000,)).double()
    )
    sums = _LayerSums(2, torch.device("cpu"))
    outputs = torch.ones(4_000, 4)
    sums.add(torch.arange(4_000) % 2, gates, outputs)
    (tally,) = sums.take(1, 2)
    for expert in (0, 1):
        exact = sum((Fraction(gate) for gate in gates[expert::2].tolist()), Fraction(0))
        assert abs(Fraction(tally.gate[expert], 2**52) - exact) <= Fraction(2_000, 2**53)
        assert tally.norm[expert] == 2_000 * 2 * 2**52
    assert sums.take(1, 2) == [Tally.nothing(2)]


def test_an_output_that_is_not_finite_is_named(models: dict[str, Any]) -> None:
    import copy

    import torch

    broken = copy.deepcopy(models["olmoe"])
    with torch.no_grad():
        broken.model.layers[1].mlp.experts.down_proj[3] = float("nan")
    ids = text(8, 16)
    with pytest.raises(
        ProfileError,
        match=r"model.layers.1.mlp.experts: the output of expert 3 is not finite, or beyond any measure; run",
    ):
        run(broken, ids, torch.zeros_like(ids), 1)


def test_tokens_that_nobody_told_of_are_refused(models: dict[str, Any]) -> None:
    import torch

    ids = text()
    with pytest.raises(ProfileError, match="expected the domains of 24 tokens before a forward pass, got 12"):
        run(models["olmoe"], ids, torch.zeros(1, 12, dtype=torch.long), 1)
    assert models["olmoe"].get_experts_implementation()[""] != "cadence_listen"


def test_a_dense_model_has_nothing_to_listen_to() -> None:
    import transformers

    from cadence.factory.profile.listen import find_experts

    config = transformers.LlamaConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=32
    )
    with pytest.raises(ProfileError, match="LlamaForCausalLM has no routed experts"):
        find_experts(transformers.LlamaForCausalLM(config))
