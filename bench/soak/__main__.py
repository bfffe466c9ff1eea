"""A room at half load for an hour, and whether anything grows.

    python -m bench.soak [--minutes 60] [--share 0.5 | --rate R] [--save docs/soak.svg] [--json samples.jsonl]

One real `cadence serve` with Alex in a process of his own, as is the default, and people in two rooms (`people`):
agents, raw readers, mediated readers who stay and who come and go, typing, reads, questions, redactions, views.
The load is chosen so that all processes of the server together use `--share` of one core: the CPU for each message is
measured at two rates first, and the rate follows from it. Samples every ten seconds; what comes before the first fifth
of the time is over is warm-up (caches fill) and not part of any line. Exit code 1 if memory or latency certainly
grows, or anything was logged as an error, refused for another reason than the limits, or closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.figures import rank
from bench.soak.people import People
from bench.soak.picture import Panel, draw
from bench.soak.slopes import BLOCKS, Slope, slope
from bench.soak.watching import Soaked

SAMPLE_S, SAMPLES_MIN = 10.0, 40  # a short run is looked at more often
RATES_TRIED, TRIED_S, SETTLE_S = (5.0, 15.0), 20.0, 10.0  # messages a second
RATE_MIN, RATE_MAX = 1.0, 400.0
WARM_SHARE = 0.2
LAWFUL = ("rate_limited", "not_found", "conflict")  # refusals that a crowd of chance brings about
LATENCIES = ("delivery p50", "delivery p99", "said p50", "said p99", "answer p50")
MEMORY_MIB_PER_HOUR_MAX = 2.0  # a line that certainly rises by less is shown, and is no fault
LATENCY_MS_PER_HOUR_MAX = 5.0

Samples = list[dict[str, float]]


async def soak(options: argparse.Namespace, server: Soaked) -> tuple[Samples, dict[str, int]]:
    """Live for so long; returns the samples and what became of everything."""
    people = People(server.url, options.seed)
    people.rate = options.rate or RATES_TRIED[0]
    await people.start()
    await asyncio.sleep(SETTLE_S)
    if not options.rate:
        people.rate = await _rate(people, server, options.share)
    _tell(f"{people.rate:.1f} messages a second")
    samples: Samples = []
    people.tally.take()
    began, every = time.monotonic(), min(SAMPLE_S, options.minutes * 60 / SAMPLES_MIN)
    used = server.cpu_s()
    while time.monotonic() - began < options.minutes * 60:
        await asyncio.sleep(max(0.0, began + every * (len(samples) + 1) - time.monotonic()))
        if (trouble := people.trouble()) is not None:
            raise RuntimeError(f"somebody stopped: {type(trouble).__name__}: {trouble}") from trouble
        found = {"at": time.monotonic() - began, "load": os.getloadavg()[0], "rate": people.rate}
        found |= await asyncio.to_thread(server.sample)
        cpu, used = server.cpu_s() - used, server.cpu_s()
        found |= {"cores": cpu / every, "messages": people.tally.became["said"]}
        for what, delays in zip(("delivery", "said", "answer"), people.tally.take(), strict=True):
            for share in (0.5, 0.99):
                found[f"{what} p{share * 100:.0f}"] = 1000 * rank(delays, share)
        samples.append(found)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(found) + "\n")
        if len(samples) % 30 == 0:
            _tell(_line(found))
    became = dict(people.tally.became)
    await people.stop()
    return samples, became


async def _rate(people: People, server: Soaked, share: float) -> float:
    """Messages a second at which all processes together use `share` of a core, by two rates that are tried."""
    used = []
    for rate in RATES_TRIED:
        people.rate = rate
        await asyncio.sleep(2.0)
        before, said, began = server.cpu_s(), people.tally.became["said"], time.monotonic()
        await asyncio.sleep(TRIED_S)
        wall = time.monotonic() - began
        used.append(((people.tally.became["said"] - said) / wall, (server.cpu_s() - before) / wall))
    (few, idle), (many, busy) = used
    each = max(1e-5, (busy - idle) / max(1e-9, many - few))
    _tell(f"CPU for each message {each * 1e3:.2f} ms, without any {idle - each * few:.3f} of a core")
    return min(RATE_MAX, max(RATE_MIN, (share - (idle - each * few)) / each))


def report(samples: Samples, became: dict[str, int], errors: list[dict[str, object]], save: Path | None) -> bool:
    """Print the table, save the picture; returns whether all is well."""
    warm_s = WARM_SHARE * samples[-1]["at"]
    after = [sample for sample in samples if sample["at"] >= warm_s]
    held = [key for key in samples[0] if key.endswith((" rss", " pss", " heap", " fds"))]
    asked = [*held, "server tasks", "alex tasks", "readers", "behind", "unsent", "cores", "load", "log", *LATENCIES]
    names = [name for name in asked if all(name in sample for sample in after)]
    lines = {name: slope([one["at"] for one in after], [one[name] for one in after]) for name in names}
    end = samples[-1]
    print(f"{end['at'] / 60:.0f} minutes, {end['rate']:.1f} messages a second, {end['messages']:,.0f} said")
    print(f"the first {warm_s / 60:.0f} minutes are left out; lines through {BLOCKS} means, 95 % intervals")
    print(f"{'':<18} {'mean':>9} {'highest':>9} {'per hour':>9} {'give or take':>13}")
    for name, line in lines.items():
        highest = max(one[name] for one in after)
        grows = "  grows" if _faulty(name, line) else ""
        print(f"{name:<18} {line.mean:>9.2f} {highest:>9.2f} {line.per_hour:>+9.2f} {line.margin:>13.2f}{grows}")
    print("  " + ", ".join(f"{name} {number:,}" for name, number in sorted(became.items())))
    bad = [name for name in became if " " in name and name.rpartition(" ")[2] not in LAWFUL]
    print(f"logged as errors: {len(errors)} {errors[:2] if errors else ''}")
    if save is not None:
        times = [one["at"] for one in samples]
        draw([Panel(_title(name), times, [one.get(name, 0.0) for one in samples], lines.get(name), warm_s)
              for name in _shown(names)], save)  # fmt: skip
    return not (bad or errors or any(_faulty(name, line) for name, line in lines.items()))


def _faulty(name: str, line: Slope) -> bool:
    """Whether something certainly grows that must not, by more than is worth a word."""
    bound = MEMORY_MIB_PER_HOUR_MAX if name.endswith((" rss", " heap")) else LATENCY_MS_PER_HOUR_MAX
    watched = name.endswith((" rss", " heap", " fds")) or name in ("server tasks", "alex tasks", "behind", *LATENCIES)
    return watched and line.grows and line.per_hour > bound


def _shown(names: list[str]) -> list[str]:
    kept = [name for name in names if name.endswith((" rss", " fds")) or name in LATENCIES]
    return [*kept, "server tasks", "alex tasks", "load", "log"]


def _title(name: str) -> str:
    unit = "ms" if name in LATENCIES else "MiB" if name.endswith("rss") or name == "log" else ""
    return f"{name}{', ' if unit else ''}{unit}"


def _line(found: dict[str, float]) -> str:
    rss = ", ".join(f"{key} {value:.1f}" for key, value in found.items() if key.endswith(" rss"))
    delivered = f"delivery {found['delivery p50']:.1f} / {found['delivery p99']:.1f} ms"
    tasks = f"tasks {found['server tasks']:.0f}, {found['alex tasks']:.0f}"
    used = f"{found['cores']:.2f} cores, load {found['load']:.1f}"
    return f"{found['at'] / 60:4.0f} min  {rss} MiB, {used}, {delivered}, {tasks}"


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--share", type=float, default=0.5, help="of one core, of all the server's processes together")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second, instead of --share")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="SVG to write")
    parser.add_argument("--json", type=Path, help="file to add each sample to")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))  # and the server with us
    with tempfile.TemporaryDirectory() as folder:
        server = Soaked(Path(folder))
        errors: list[dict[str, object]] = []
        try:
            samples, became = uvloop.run(soak(options, server))
        finally:
            errors = server.end()
    sys.exit(0 if report(samples, became, errors, options.save) else 1)


if __name__ == "__main__":
    main()
