"""Fuzz the server: `python -m bench.fuzz [--frames 10000000] [--seed 1] [--workers 1]`.

Bent frames of every type (`tests/fuzz/frames.py`, seeded) go to whole servers, each of which must keep the laws of
`tests/fuzz/house.py`; a fresh server for every `PER_SERVER` frames, named by its seed, so that a fault can be played
again with `--seed N --frames 20000`. Memory is read after each, and its slope is told: what leaks grows.

`--atheris SECONDS` lets a coverage-guided fuzzer loose on the decoders (`pip install atheris`, Linux, Python 3.11 to
3.13). `--http EXAMPLES` runs schemathesis (extra `bench`) against the HTTP API of a real server, as a host.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

PER_SERVER = 20_000
MESSAGE_CHARS_MAX = 400  # of an error
BODIES = (  # to begin from, one of each kind that is no frame
    b'{"model":"alex","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true,"since":3}',
    b'{"room":"lab","title":"The lab","public":false,"pods":["a"],"keep_days":3,"view":{"cadence_s":3,"mode":"raw"}}',
    b'{"user":"ada","name":"Ada","role":"member"}',
    b'{"kind":"agent","name":"Ada","role":"guest","days":3}',
    b'"lock locked" -bob from:ada before:2031-01-01',
)
WARM_SERVERS = 5  # of each worker, before memory is compared: caches fill
HTTP_CHECKS = "not_a_server_error"
# A path of the protocol that this server does not offer answers 503, by the protocol; only what is offered is asked.
HTTP_SETTINGS = "[phases.coverage]\nunexpected-methods = ['TRACE']\n"


def main() -> None:
    options = _options()
    if options.frames:
        frames(options.frames, options.seed, options.workers)
    if options.atheris:
        subprocess.run([sys.executable, "-m", "bench.fuzz", "--atheris-now", str(options.atheris)], check=True)
    if options.atheris_now:
        atheris_on_decoder(options.atheris_now)
    if options.http:
        sys.exit(http(options.http, options.seed))


def frames(count: int, seed: int, workers: int) -> None:
    """Send `count` bent frames, and print what became of them."""
    seeds = range(seed, seed + -(-count // PER_SERVER))
    began, became, memory = time.monotonic(), Counter[str](), dict[int, list[float]]()
    with ProcessPoolExecutor(workers) as pool:
        for number, (found, worker, mib) in enumerate(pool.map(_one_server, seeds), 1):
            became.update(found)
            memory.setdefault(worker, []).append(mib)
            if number % 25 == 0:
                rate = number * PER_SERVER / (time.monotonic() - began)
                print(f"{number * PER_SERVER:>12,} frames, {rate:,.0f}/s, {mib:.0f} MiB", flush=True)
    print(f"{len(seeds) * PER_SERVER:,} frames to {len(seeds)} servers, seeds {seeds[0]} to {seeds[-1]}: no law broken")
    print("  " + ", ".join(f"{name} {number:,}" for name, number in became.most_common()))
    for worker, read in memory.items():
        warm = read[min(WARM_SERVERS, len(read) - 1) :]
        slope = (warm[-1] - warm[0]) / max(1, len(warm) - 1)
        print(f"  memory of worker {worker}: {warm[0]:.1f} MiB, at the end {warm[-1]:.1f} ({slope:+.3f} a server)")


def _one_server(seed: int) -> tuple[Counter[str], int, float]:
    from tests.clock import VirtualLoop
    from tests.fuzz.house import Broken, hold

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            became = runner.run(hold(seed, PER_SERVER))
    except Broken as broken:
        raise SystemExit(f"seed {seed}: {broken}") from None
    gc.collect()
    return became, os.getpid(), _resident_mib()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def atheris_on_decoder(seconds: int) -> None:
    """Coverage-guided inputs for all that decodes what a stranger sends: a value or a short printable `WireError`."""
    try:
        import atheris  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        sys.exit("expected atheris, it is not installed. pip install atheris (Linux, CPython 3.11 to 3.13)")
    with atheris.instrument_imports(include=["cadence.rooms.wire", "cadence.rooms.query"]):
        from cadence.rooms.query import parse
        from cadence.rooms.wire import WireError, decode_request
        from cadence.rooms.wire.completions import decode_completion
        from cadence.rooms.wire.hosting import Forget, Invite, NewRoom, NewToken, RoomPatch, decode_body
    from tests.fuzz.frames import bent

    became, until = Counter[str](), time.monotonic() + seconds
    bodies = (NewRoom, RoomPatch, Invite, NewToken, Forget)

    def one(data: bytes) -> None:
        for name, decode in (
            ("frame", decode_request),
            ("body", lambda each: decode_body(each, bodies[len(each) % len(bodies)])),
            ("completion", decode_completion),
            ("query", lambda each: parse(each.decode("utf-8", "replace"))),
        ):
            try:
                decode(data)
                became[f"{name} taken"] += 1
            except WireError as error:
                became[f"{name} refused"] += 1
                assert error.message.isprintable() and len(error.message) <= MESSAGE_CHARS_MAX, (name, error.message)
        if time.monotonic() > until:
            print(f"atheris: {became.total() // 4:,} inputs, no law broken: {dict(became)}", flush=True)
            os._exit(0)

    corpus = Path(tempfile.mkdtemp(prefix="frames-"))
    for number in range(300):
        (corpus / str(number)).write_bytes(bent(Random(number), ["ada"]))
    for number, body in enumerate(BODIES):
        (corpus / f"body {number}").write_bytes(body)
    atheris.Setup([sys.argv[0], str(corpus), "-max_len=4096", "-verbosity=0", "-timeout=20"], one)
    atheris.Fuzz()


def http(examples: int, seed: int) -> int:
    """Run schemathesis against a real server, with any names, then with those of what is there; returns its code."""
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as (url, token):
        reader = asyncio.run(_inhabit(url.replace("http", "ws", 1) + "/ws"))
        there = {"path.room": "hall", "path.reader": reader, "path.turn": 1, "path.id": reader, "path.user": reader}
        worst = 0
        for known in ({}, there):
            settings = Path(folder) / "schemathesis.toml"
            names = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in known.items()]
            settings.write_text("\n".join(["[parameters]", *names, HTTP_SETTINGS]))
            worst = max(worst, _schemathesis(url, token, settings, examples, seed))
        return worst


def _schemathesis(url: str, token: str, settings: Path, examples: int, seed: int) -> int:
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings)),
            *("run", f"{url}/openapi.json"),
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", HTTP_CHECKS, "--max-examples", str(examples), "--seed", str(seed)),
            *("--phases", "examples,coverage,fuzzing", "--no-color", "--generation-database", "none"),
        ]
    ).returncode


async def _inhabit(url: str) -> str:
    """Have somebody read the hall, and be told a turn; returns their id."""
    from tests.stranger import Stranger, dial

    reader, speaker = Stranger("Reader"), Stranger("Speaker", "agent")
    for one in (reader, speaker):
        await one.open(await dial(url))
        await one.join("hall", view={"cadence_s": 1} if one is reader else None)
    for number in range(20):
        await speaker.say("hall", f"Shard {number} moved to the second hall before noon.")
    await reader.until(lambda frame: frame["type"] == "turn")
    for one in (reader, speaker):
        await one.cut()
    return reader.id


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, str]]:
    """A `cadence serve` of its own, on loopback; yields its address and the host's token."""
    rooms = folder / "place" / "rooms"
    rooms.mkdir(parents=True)
    (rooms / "hall.toml").write_text('title = "The hall"\n')
    hosted = [
        "bench.server.hosted",
        "alex",
        "serve",
        str(folder / "place"),
    ]  # no limits
    command = [sys.executable, "-m", *hosted, "--data", str(folder / "data")]
    with (folder / "err").open("w") as errors:
        server = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1].partition("/#")[0]
            yield url, (folder / "data/host-token").read_text().strip()
        finally:
            server.terminate()
            server.wait(30)
            told = [json.loads(line) for line in (folder / "err").read_text().splitlines() if line.startswith("{")]
            faults = [line for line in told if line.get("level") in ("error", "critical")]
            print(f"the server ended with {server.returncode}; logged as errors: {len(faults)} {faults[:2]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--atheris", type=int, default=0, metavar="SECONDS")
    parser.add_argument("--atheris-now", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--http", type=int, default=0, metavar="EXAMPLES")
    options = parser.parse_args()
    if not (options.frames or options.atheris or options.atheris_now or options.http):
        options.frames = 10_000_000
    return options


if __name__ == "__main__":
    main()
