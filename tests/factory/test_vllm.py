"""A compacted model in vLLM, in its own environment, answers as transformers does: `make test-vllm`."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.plan import Plan
from cadence.factory.surgery.operation import operate
from cadence.models.servable import check_servable
from cadence.models.shards import read_checkpoint, read_config
from tests.models.serving import TEMPLATE, served

pytestmark = [pytest.mark.vllm, pytest.mark.real_time, pytest.mark.filterwarnings("default")]

# The kernels of vLLM for CPUs want a hidden size in steps of 32 and heads of 32.
SIZES = {
    "hidden_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 1_024,
}
EXPERTS, KEEP = 16, {0: (0, 2, 3, 5, 7, 8, 9, 11, 12, 14, 15), 1: (1, 2, 4, 5, 6, 8, 10, 11, 13, 14, 15)}
PROMPT = [(7_919 * at) % 93 + 3 for at in range(33)]


def compacted(folder: Path) -> Path:
    """A tiny OLMoE with 11 of 16 experts, a tokenizer and a template."""
    from tests.factory.tiny import make

    whole = make("olmoe", folder / "whole", num_experts=EXPERTS, **SIZES)
    with_tokenizer(whole)
    outcome = operate(whole, Plan("olmoe", "tiny", EXPERTS, KEEP), folder / "half")
    assert outcome.unservable == ()
    return outcome.out


def with_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<s>": 1, "</s>": 2, **{f"w{n}": n for n in range(3, 96)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)


def expected(folder: Path) -> list[float]:
    """What transformers gives each token of the prompt but the first, as a logarithm, in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logs = model(input_ids=torch.tensor([PROMPT])).logits[0].log_softmax(-1)
    return [float(logs[at, token]) for at, token in enumerate(PROMPT[1:])]


def asked(address: str) -> list[float]:
    """The same from vLLM."""
    question = {"model": "half", "prompt": PROMPT, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
    request = urllib.request.Request(
        f"{address}/completions", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        read: Any = json.load(answer)
    found = read["choices"][0]["prompt_logprobs"]
    return [found[at][str(token)]["logprob"] for at, token in enumerate(PROMPT) if at]


def test_vllm_answers_as_transformers_does(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    half = compacted(tmp_path)
    check_servable(read_checkpoint(half), read_config(half))
    wanted, before = expected(half), expected(tmp_path / "whole")
    options = ["--name", "half", "--context", "64", "--dtype", "float32", "--data", str(tmp_path)]
    with served(half, "--python", pytestconfig.getoption("--vllm"), *options) as address:
        found = asked(address)
    assert found == pytest.approx(wanted, abs=1e-4)
    assert found != pytest.approx(before, abs=1e-2), "what is left out must be felt"
