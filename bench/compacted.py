"""A mixture of experts of a real size, halved and served on this machine: `python -m bench.compacted FOLDER`.

    --tokenizer FOLDER    a tokenizer with a chat template, of at most 50,304 tokens
    --vllm PYTHON         that of vLLM's environment (that of `make vllm`)
    --device cuda         where the forge computes
    --layers 16           16 is OLMoE-1B-7B: 64 experts of 6.3e6 parameters in each layer, 8 for each token

The weights are random, so nothing here is about quality. Each step is the command that a host would type, timed: the
corpus is this project's own documents and programs, in two domains. Then vLLM serves the whole model and the half, and
answers 1, 16 and 64 calls at a time. FOLDER needs 24 GB; it is used again if the model is there.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatMessage, ChatModel, answer_of
from cadence.models.opening import open_models

ROOT = Path(__file__).parents[1]
OLMOE_7B = {
    "vocab_size": 50_304,
    "hidden_size": 2_048,
    "intermediate_size": 1_024,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_experts": 64,
    "num_experts_per_tok": 8,
    "max_position_embeddings": 4_096,
}
PARTS = ("forge", "serve")
MODELS = ("half", "whole")
KEEP = 32
LENGTH, BATCH = 2_048, 8
AT_A_TIME = (1, 16, 64)
ANSWER_TOKENS = 256
START_SECONDS_MAX = 300.0
DOMAINS = {"prose": "docs/*.md", "code": "cadence/**/*.py"}
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")

Row = tuple[str, str]


def made(folder: Path, tokenizer: Path, layers: int, device: str) -> Path:
    """A random model in bfloat16, made where it is made fastest."""
    import torch
    from transformers import OlmoeConfig, OlmoeForCausalLM

    whole = folder / MODELS[1]
    if not (whole / "config.json").exists():
        torch.manual_seed(0)
        config = OlmoeConfig(**OLMOE_7B, num_hidden_layers=layers, dtype="bfloat16")
        with torch.device(device):
            OlmoeForCausalLM._from_config(config, dtype=torch.bfloat16).save_pretrained(whole, max_shard_size="4GB")
        if device != "cpu":
            torch.cuda.empty_cache()  # what serves needs the memory
        for name in TOKENIZER:
            shutil.copy(tokenizer / name, whole / name)
    return whole


def corpus(folder: Path) -> Path:
    """Documents and programs of this project, as JSON lines."""
    path = folder / "corpus.jsonl"
    lines = [
        json.dumps({"domain": domain, "text": file.read_text()})
        for domain, files in DOMAINS.items()
        for file in sorted(ROOT.glob(files))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def forged(folder: Path, whole: Path, device: str) -> Iterator[Row]:
    """Profile twice, plan, operate: what a host types."""
    text = corpus(folder)
    pinned = hashlib.sha256(text.read_bytes()).hexdigest()
    half, plan = folder / MODELS[0], folder / "plan.json"
    profiles = [folder / "profile.json", folder / "again.json"]
    for old in (plan, *profiles):
        old.unlink(missing_ok=True)
    if half.exists():
        shutil.rmtree(half)
    common = [
        "profile",
        whole,
        "--corpus",
        text,
        "--sha256",
        pinned,
        "--length",
        LENGTH,
        "--batch",
        BATCH,
        "--device",
        device,
    ]
    for profile in profiles:
        yield f"profile, on {device}", forge(*common, "--out", profile)
    yield "both profiles, the same bytes", "yes" if len({each.read_bytes() for each in profiles}) == 1 else "NO"
    yield (
        f"plan, {KEEP} of {OLMOE_7B['num_experts']} experts",
        forge("plan", profiles[0], "--keep", KEEP, "--out", plan),
    )
    yield "surgery", forge("surgery", whole, "--plan", plan, "--out", half)
    for which in (whole, half):
        size = sum(file.stat().st_size for file in which.glob("*.safetensors"))
        yield f"{which.name}, on disk", f"{size / 1e9:.2f} GB"


def forge(*arguments: object) -> str:
    """Run `cadence forge`, and say how long it took, its start and the loading included."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "cadence.cli", "forge", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return f"{time.perf_counter() - began:.1f} s"


@contextmanager
def serving(model: Path, vllm: str | None, port: int) -> Iterator[float]:
    """`cadence models serve` until the end of the block; the value is how long it took until it was ready, in s."""
    command = [sys.executable, "-m", "cadence.cli", "models", "serve", str(model), "--port", str(port)]
    command += ["--log", str(model.parent / f"{model.name}.log"), *(["--python", vllm] if vllm else [])]
    began = time.monotonic()
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr is not None
        for line in child.stderr:
            if line.startswith("ready"):
                break
            if time.monotonic() - began > START_SECONDS_MAX:
                raise RuntimeError(f"expected vLLM to serve within {START_SECONDS_MAX:.0f} s: see its log")
        else:
            raise RuntimeError(f"expected vLLM to serve {model.name}, but it ended: see {model.name}.log")
        yield time.monotonic() - began
    finally:
        child.terminate()
        child.wait()


async def spoken(model: Path, port: int) -> list[Row]:
    """What it answers to more and more calls at a time."""
    card = ModelCard(
        id=model.name, endpoints=(f"http://127.0.0.1:{port}/v1",), served=model.name, calls_max=max(AT_A_TIME)
    )
    opened = open_models({card.id: card})
    rows = []
    try:
        await answered(opened.models[card.id], 1)  # the first is not counted
        for calls in AT_A_TIME:
            tokens, took = await answered(opened.models[card.id], calls)
            told = f"{tokens / took:,.0f} tokens/s, {tokens / took / calls:,.0f} each"
            rows.append((f"{model.name}, {calls} calls at a time", told))
    finally:
        await opened.aclose()
    return rows


async def answered(model: ChatModel, calls: int) -> tuple[int, float]:
    """So many calls at a time: the tokens of all answers, and seconds until the last one was done."""

    async def one(number: int) -> int:
        say = ChatMessage("user", f"Call {number}: what do you know of harbours?")
        return (await answer_of(model, Call((say,), tokens_max=ANSWER_TOKENS))).usage.answer_tokens

    began = time.perf_counter()
    tokens = sum(await asyncio.gather(*map(one, range(calls))))
    return tokens, time.perf_counter() - began


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """What was asked for."""
    given.folder.mkdir(parents=True, exist_ok=True)
    if "forge" in given.only:
        began = time.perf_counter()
        whole = made(given.folder, given.tokenizer, given.layers, given.device)
        yield "made and written", f"{time.perf_counter() - began:.1f} s"
        yield from forged(given.folder, whole, given.device)
    for name in MODELS if "serve" in given.only else ():
        with serving(given.folder / name, given.vllm, given.port) as took:
            yield f"{name}, ready to answer", f"{took:.0f} s"
            yield from asyncio.run(spoken(given.folder / name, given.port))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compacted", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="its folder")
    parser.add_argument("--vllm", help="the Python of vLLM's environment")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--port", type=int, default=8_123)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="serve what was forged before")
    given = parser.parse_args()
    for what, found in rows(given):
        print(f"{what:36} {found}", flush=True)


if __name__ == "__main__":
    main()
