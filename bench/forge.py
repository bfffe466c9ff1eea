"""What the forge costs and proves, in one table: `python -m bench.forge [FOLDER] [--only NAME ...]`.

    profile   a forward pass of a random OLMoE of 113e6 parameters, batch 8 x 512, with and without listening, in turns;
              then two runs and two halves, each in a process of its own, compared byte for byte
    giants    sizes of Qwen3-Coder-480B, Kimi-K2 and DeepSeek-V3 from a config and an index
    oracle    compacted against masked, for every family (`bench.surgery --oracle`)
    surgery   8 GB of experts, beside `cp` (`bench.surgery`)

Needs the extra `forge`. On a busy machine `--threads 1` disturbs and is disturbed least. FOLDER decides which disk
is measured; surgery needs 3.5 times its size there.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import surgery
from tests.factory import giants

PARTS = ("profile", "giants", "oracle", "surgery")
ROUNDS = 7
BATCH, LENGTH, LARGE_LENGTH = 8, 512, 2_048
OLMOE = {
    "vocab_size": 8_192,
    "hidden_size": 512,
    "intermediate_size": 256,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "num_experts": 32,
    "num_experts_per_tok": 8,
    "tie_word_embeddings": True,
    "eos_token_id": 1,
}
# Eight of the sixteen layers of OLMoE-1B-7B: what a GPU does not finish before it is told the next thing.
LARGE = OLMOE | {
    "hidden_size": 2_048,
    "intermediate_size": 1_024,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "num_experts": 64,
}

Row = tuple[str, str, str]  # what, found, asked


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward pass: seconds on the clock, of the processors, and inside the listener."""

    wall: float
    cpu: float
    heard: float = 0.0


def olmoe(device: str, config: dict[str, Any] = OLMOE) -> Any:
    """The model, the same each time."""
    import torch
    from transformers import OlmoeConfig, OlmoeForCausalLM

    torch.manual_seed(0)
    with torch.device(device):
        return OlmoeForCausalLM(OlmoeConfig(**config)).eval()


def passes(rounds: int, device: str) -> tuple[list[Pass], list[Pass]]:
    """Passes without and with listening, in turns, after one of each that is not counted."""
    import torch

    from cadence.factory.profile import listen

    model = olmoe(device) if device == "cpu" else olmoe(device, LARGE).bfloat16()
    shape = (BATCH, LENGTH if device == "cpu" else LARGE_LENGTH)
    ids = torch.randint(2, OLMOE["vocab_size"], shape, generator=torch.Generator().manual_seed(1)).to(device)
    listener = listen.Listener(model, 1)
    heard = [0.0]
    if device == "cpu":  # a GPU computes while the clock of the call has long stopped
        listen._LayerSums.add = timed(listen._LayerSums.add, heard)  # type: ignore[method-assign]

    def once() -> Pass:
        heard[0] = 0.0
        wall, cpu = time.perf_counter(), time.process_time()
        model.base_model(input_ids=ids, use_cache=False)
        if device != "cpu":
            torch.cuda.synchronize()
        return Pass(time.perf_counter() - wall, time.process_time() - cpu, heard[0])

    plain, listening = [], []
    with torch.inference_mode():
        for number in range(rounds + 1):
            plain.append(once())
            with listener.listening():
                listener.tell(torch.zeros_like(ids))
                listening.append(once())
            listener.take()
            print(f"  round {number}: {plain[-1].wall:.3f} s, listening {listening[-1].wall:.3f} s", file=sys.stderr)
    return plain[1:], listening[1:]


def timed(function: Callable[..., None], seconds: list[float]) -> Callable[..., None]:
    def timing(*arguments: Any) -> None:
        began = time.perf_counter()
        function(*arguments)
        seconds[0] += time.perf_counter() - began

    return timing


def overhead(rounds: int, device: str) -> Iterator[Row]:
    plain, listening = passes(rounds, device)
    pairs = list(zip(plain, listening, strict=True))
    wall = [b.wall / a.wall - 1 for a, b in pairs]
    cpu = [b.cpu / a.cpu - 1 for a, b in pairs]
    inside = [b.heard / (b.wall - b.heard) for b in listening]
    best = min(b.wall for b in listening) / min(a.wall for a in plain) - 1
    yield f"forward pass of {BATCH} sequences", f"{min(a.wall for a in plain):.3f} s", ""
    yield "listening costs, median of pairs", f"{statistics.median(wall):.1%}", "<= 5 %"
    yield "  from the lowest to the highest pair", f"{min(wall):.1%} to {max(wall):.1%}", ""
    yield "  best pass against best pass", f"{best:.1%}", ""
    yield "  in processor time, median of pairs", f"{statistics.median(cpu):.1%}", ""
    if device == "cpu":
        yield "  time inside the listener, median", f"{statistics.median(inside):.1%}", ""


def run_child(out: Path, start: int, end: int, device: str) -> None:
    """Profile batches [start, end) of a made-up corpus, and write the sums."""
    from cadence.factory.profile.corpus import cut
    from cadence.factory.profile.run import Run, save
    from cadence.factory.profile.sums import Subject, Text

    chance = np.random.default_rng(3)
    ids = {name: [chance.integers(2, OLMOE["vocab_size"], 900).tolist()] for name in ("code", "prose")}
    pieces = cut(ids, 128, 1)
    subject = Subject("olmoe", "random", "0" * 64, "float32", None, OLMOE["num_experts"], OLMOE["num_experts_per_tok"])
    text = Text("0" * 64, 2, pieces.mix, 128, 4, pieces.batches(4))
    save(Run(olmoe(device), subject, text, pieces).over(start, end), out)


def determinism(folder: Path, device: str) -> Iterator[Row]:
    from cadence.factory.profile.sums import Profile, join

    spans = {"one": (0, 4), "other": (0, 4), "first": (0, 2), "second": (2, 4)}
    for name, span in spans.items():
        command = [sys.executable, "-m", "bench.forge", "--device", device, "--child", str(folder / name)]
        command += map(str, span)
        subprocess.run(command, check=True)
    read = {name: (folder / name).read_bytes() for name in spans}
    halves = join([Profile.from_json(read[name]) for name in ("second", "first")])
    yield "two profiles, identical bytes", said(read["one"] == read["other"]), "yes"
    yield "two halves added, identical bytes", said(halves.to_json().encode() == read["one"]), "yes"


def planned(folder: Path) -> Iterator[Row]:
    from cadence.factory.actions import dry_run_of
    from cadence.factory.tables import billions, gigabytes

    for name, config in giants.GIANTS.items():
        model = giants.write(folder / name, config)
        began = time.perf_counter()
        found = dry_run_of(model, None, [])[1]
        seconds = time.perf_counter() - began
        yield f"{name} from config and index", f"{seconds:.1f} s", "seconds"
        for size in found["sizes"]:
            told = f"{billions(size['parameters'])}, {gigabytes(size['bytes'])}"
            yield f"  keep {size['keep']}", f"{told}, Q4_K_M {gigabytes(size['tiers']['Q4_K_M'])}", ""


def proved(folder: Path) -> Iterator[Row]:
    for name, exact, single, holds in surgery.oracle(folder):
        yield f"oracle {name}", f"float64 {exact:.1e}, float32 {single:.1e}, {'holds' if holds else 'FAILS'}", "holds"


def said(whether: bool) -> str:
    return "yes" if whether else "NO"


def show(rows: Iterator[Row]) -> None:
    for what, found, asked in rows:
        print(f"{what:42} {found:44} {asked}".rstrip(), flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.forge")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--device", default="cpu", help="of profile: cuda takes OLMoE-1B-7B's layers, in bfloat16")
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        run_child(Path(given.child[0]), int(given.child[1]), int(given.child[2]), given.device)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        if "profile" in given.only:
            if given.threads:
                import torch

                torch.set_num_threads(given.threads)
            show(overhead(given.rounds, given.device))
            show(determinism(folder, given.device))
        if "giants" in given.only:
            show(planned(folder))
        if "oracle" in given.only:
            show(proved(folder))
        if "surgery" in given.only:
            print(surgery.table(surgery.measure(folder, given.gigabytes)))


if __name__ == "__main__":
    main()
