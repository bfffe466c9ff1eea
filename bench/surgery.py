"""What surgery costs: `python -m bench.surgery [FOLDER] [--gigabytes 8] [--oracle]`.

A made-up OLMoE of the given size loses a quarter of its experts, in a process of its own that says how much memory it
took, side by side with `cp` of the very bytes that survive. Both are timed until the disk has them (`fsync`),
beginning with nothing of the source in memory and all of it read just before, in pairs whose order alternates; what
counts is the median of the pairs' ratios. Then a run is killed (-9) half way, resumed, and compared with the others
byte for byte. `--oracle` asks tiny models of every family, beside their originals (needs the extra `forge`).

FOLDER decides which disk is measured (default: the system's folder for temporary files); 3.5 times the size is
needed.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cadence.factory.plan import Plan
from cadence.factory.surgery.operation import operate

HIDDEN, INNER, EXPERTS, KEPT, TOP_K = 2_048, 1_024, 64, 48, 8
EXPERT_BYTES = 3 * HIDDEN * INNER * 2
SOURCE_SHARD_BYTES = 4 * 10**9
ROUNDS = 5
BLOCK = 2**24


@dataclass(frozen=True, slots=True)
class Figures:
    """One comparison. Seconds are until the disk has all bytes, pair by pair; sizes in bytes."""

    source_bytes: int
    survivor_bytes: int
    surgery_seconds: tuple[float, ...]
    cp_seconds: tuple[float, ...]
    peak_rss_bytes: int
    identical: bool  # all runs, the killed and resumed one included
    shards_resumed: int

    @property
    def ratios(self) -> list[float]:
        """Speed of surgery, of cp's, pair by pair."""
        return sorted(cp / own for own, cp in zip(self.surgery_seconds, self.cp_seconds, strict=True))

    @property
    def ratio(self) -> float:
        """Their median."""
        return statistics.median(self.ratios)


def tensors(layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of an OLMoE, in the order in which writers sort them."""
    names: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (50_304, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for layer in range(layers):
        at = f"model.layers.{layer}"
        names |= {f"{at}.self_attn.{part}_proj.weight": (HIDDEN, HIDDEN) for part in "qkvo"}
        names[f"{at}.mlp.gate.weight"] = (EXPERTS, HIDDEN)
        for expert in range(EXPERTS):
            names |= {f"{at}.mlp.experts.{expert}.{part}_proj.weight": (INNER, HIDDEN) for part in ("gate", "up")}
            names[f"{at}.mlp.experts.{expert}.down_proj.weight"] = (HIDDEN, INNER)
    yield from sorted(names.items())


def make(folder: Path, gigabytes: float) -> Path:
    """A checkpoint of about that size, of bytes that are numbers and do not repeat within a tensor."""
    folder.mkdir(parents=True)
    layers = max(1, round(gigabytes * 1e9 / (EXPERTS * EXPERT_BYTES + 4 * 2 * HIDDEN * HIDDEN)))
    config = {"model_type": "olmoe", "architectures": ["OlmoeForCausalLM"], "num_experts": EXPERTS}
    sizes = {"num_experts_per_tok": TOP_K, "num_hidden_layers": layers, "hidden_size": HIDDEN}
    (folder / "config.json").write_text(json.dumps(config | sizes))
    (folder / "tokenizer.json").write_text("{}")
    noise = bytearray(os.urandom(BLOCK))
    noise[1::2] = bytes(byte & 0x3F for byte in noise[1::2])  # as bf16: all below 2, and none NaN
    shards: list[list[tuple[str, tuple[int, ...]]]] = [[]]
    room = SOURCE_SHARD_BYTES
    for name, shape in tensors(layers):
        size = nbytes(shape)
        if size > room and shards[-1]:
            shards.append([])
            room = SOURCE_SHARD_BYTES
        shards[-1].append((name, shape))
        room -= size
    weight_map = {}
    for at, shard in enumerate(shards):
        file = f"model-{at + 1:05d}-of-{len(shards):05d}.safetensors"
        write_shard(folder / file, shard, memoryview(noise))
        weight_map |= {name: file for name, _ in shard}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def write_shard(path: Path, shard: list[tuple[str, tuple[int, ...]]], noise: memoryview) -> None:
    header, end = {}, 0
    for name, shape in shard:
        begin, end = end, end + nbytes(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for number, (_, shape) in enumerate(shard):
            left, at = nbytes(shape), number * 4_098 % BLOCK  # no two tensors are alike
            while left:
                part = noise[at : at + left]
                file.write(part)
                left, at = left - len(part), 0
        file.flush()
        os.fsync(file.fileno())


def nbytes(shape: tuple[int, ...]) -> int:
    size = 2
    for n in shape:
        size *= n
    return size


def plan_for(folder: Path) -> Plan:
    """Every fourth expert goes."""
    layers = json.loads((folder / "config.json").read_text())["num_hidden_layers"]
    keep = {layer: tuple(e for e in range(EXPERTS) if (e + layer) % 4) for layer in range(layers)}
    return Plan("olmoe", "made up", EXPERTS, keep)


def forget(folder: Path) -> None:
    """Nothing of these files is in memory afterwards, so that each run reads from the disk.

    They have been read once before, as both sides' disks may have caches of their own, and what the comparison has just
    read would come from there and the original not.
    """
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            while file.read(BLOCK):
                pass
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def child(source: Path, plan: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.surgery", "--child", str(source), str(plan), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_child(source: Path, plan: Path, out: Path) -> None:
    """Operate, and print what it took; memory is the most this process ever held."""
    began = time.perf_counter()
    outcome = operate(source, Plan.from_json(plan.read_text()), out, shard_bytes_max=10**9)
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "found": outcome.shards_found}))


def cp(source: Path, to: Path) -> float:
    """Seconds until `cp` has returned and the disk has it all."""
    forget(source)
    began = time.perf_counter()
    subprocess.run(["cp", "-r", str(source), str(to)], check=True)
    for path in to.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    return time.perf_counter() - began


def operated(source: Path, plan: Path, out: Path) -> tuple[float, int]:
    """Seconds and peak memory of one surgery."""
    forget(source)
    told = json.loads(child(source, plan, out).communicate()[0])
    return float(told["seconds"]), int(told["peak"])


def same(one: Path, other: Path) -> bool:
    """Byte for byte, names included."""
    names = sorted(path.name for path in one.iterdir())
    if names != sorted(path.name for path in other.iterdir()):
        return False
    return all(filecmp.cmp(one / name, other / name, shallow=False) for name in names)


def remove(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    os.sync()


def killed_and_resumed(source: Path, plan: Path, out: Path, total: int) -> int:
    """Kill -9 once about half is written, then run again; the number of shards that were there already."""
    partial = out.with_name(f"{out.name}.partial")
    process = child(source, plan, out)
    while process.poll() is None:
        written = sum(path.stat().st_size for path in partial.glob("*")) if partial.is_dir() else 0
        if written > total / 2:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    process.communicate()
    if process.returncode != -signal.SIGKILL or out.exists():
        raise SystemExit("the run ended before it could be killed: measure a larger model")
    again, _ = child(source, plan, out).communicate()
    return int(json.loads(again)["found"])


def measure(folder: Path, gigabytes: float = 8.0, rounds: int = ROUNDS) -> Figures:
    """Surgery and cp in turns, then the killed run. Everything made is removed again."""
    source, straight, again, copied = (folder / name for name in ("whole", "straight", "again", "copied"))
    plan = folder / "plan.json"
    try:
        make(source, gigabytes)
        plan.write_text(plan_for(source).to_json())
        _, peak = operated(source, plan, straight)
        size = sum(path.stat().st_size for path in straight.iterdir())
        surgery, copying, identical = [], [], True
        for number in range(rounds):
            if number % 2:
                copying.append(cp(straight, copied))
            seconds, held = operated(source, plan, again)
            surgery.append(seconds)
            peak = max(peak, held)
            if not number % 2:
                copying.append(cp(straight, copied))
            print(f"  pair {number + 1}: surgery {surgery[-1]:.1f} s, cp {copying[-1]:.1f} s", file=sys.stderr)
            identical = identical and same(straight, again)
            remove(copied)
            remove(again)
        forget(source)
        shards = killed_and_resumed(source, plan, again, size)
        whole = sum(path.stat().st_size for path in source.iterdir())
        identical = identical and same(straight, again)
        return Figures(whole, size, tuple(surgery), tuple(copying), peak, identical, shards)
    finally:
        for path in (source, straight, copied, again, again.with_name("again.partial")):
            remove(path)


def table(figures: Figures) -> str:
    """The figures beside what is asked of them."""
    gb = figures.survivor_bytes / 1e9
    own, other = statistics.median(figures.surgery_seconds), statistics.median(figures.cp_seconds)
    ratios = figures.ratios
    rows = [
        ("source", f"{figures.source_bytes / 1e9:.2f} GB", ""),
        ("survivors", f"{gb:.2f} GB", ""),
        ("surgery, until the disk has it", f"{own:.1f} s, {gb / own:.2f} GB/s", ""),
        ("cp, until the disk has it", f"{other:.1f} s, {gb / other:.2f} GB/s", ""),
        ("speed of surgery, of cp's", f"{figures.ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})", ">= 0.9"),
        ("peak memory", f"{figures.peak_rss_bytes / 1e6:.0f} MB", "<= 600 MB"),
        ("killed, resumed, identical bytes", "yes" if figures.identical else "NO", "yes"),
        ("shards a resumed run found whole", str(figures.shards_resumed), ""),
    ]
    return "\n".join(f"{name:36} {found:24} {asked}".rstrip() for name, found, asked in rows)


def oracle(folder: Path) -> Iterator[tuple[str, float, float, bool]]:
    """Each kind of model: the largest difference of a logit in float64 and in float32, and whether both hold."""
    from cadence.factory.oracle import compare
    from tests.factory.test_oracle import FAMILIES, tiny

    for model_type in FAMILIES:
        whole, plan = tiny(model_type, folder / model_type)
        half = folder / model_type / "half"
        operate(whole, plan, half)
        exact, single = compare(whole, half, plan, "float64"), compare(whole, half, plan, "float32")
        yield model_type, exact.difference, single.difference, exact.holds and single.holds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.surgery")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--child", nargs=3, type=Path)
    given = parser.parse_args()
    if given.child:
        run_child(*given.child)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        if given.oracle:
            for name, exact, single, holds in oracle(Path(folder)):
                print(f"{name:20} float64 {exact:.1e}   float32 {single:.1e}   {'holds' if holds else 'DOES NOT HOLD'}")
            return
        print(table(measure(Path(folder), given.gigabytes, given.rounds)))


if __name__ == "__main__":
    main()
