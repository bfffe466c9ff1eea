"""The room server beside its peers, in one run, and against the floors it was promised to reach.

    python -m bench.server --install                    fetch NATS, ws and socket.io once
    python -m bench.server [--only PART ...] [--runs 1] [--readers 1000 5000] [--json FILE]

    fanout    saturated, 200 B, 500 and 1,000 receivers, beside NATS, socket.io, ws and FastAPI's documented loop
    modest    20 messages/s to 500 receivers: CPU a delivery, p99
    stalled   one of eleven readers stops reading
    idle      memory of a connection that does nothing
    durable   messages a second on disk through sockets, of one process, in SQLite and in Redis
    nodes     CPU a delivery of one server on Redis and of two
    mediated  the raw p99 with no and with many mediated readers, and how these fare

Each part takes less than three minutes with one run. Tables go to stdout, ready to be pasted, progress to stderr. What
cannot be measured (a peer that is not there, a server that dies) is a row that says so, and exit code 1 in the end.

Servers run on core 0 and whoever talks to them on core 1, but for `mediated` and a stalled reader with Alex: there
Alex' process may use either, as it may where people use it. Each figure is the median of the runs, which go round all
servers in turn, so that a busy minute of the machine hits all alike. Where others work on the machine too, CPU for
each delivery is the figure to look at, and "per full core" its inverse: what was delivered also depends on them.
Cadence makes every message durable before it is delivered, and adds some 190 bytes to it (who, when, which seq).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from statistics import median

from bench.server import parts
from bench.server.parts import CROWD_CORE, KIB, SERVER_CORE
from bench.server.peers import NAMES, NotInstalled, install, pinned, running
from bench.server.tables import Cell, Missing, Table

SATURATED_S, MODEST_S, DURABLE_S, MEDIATED_S = 3.0, 5.0, 6.0, 20.0
FANOUT_RECEIVERS = (500, 1000)
MODEST_RATE, MODEST_RECEIVERS = 20.0, 500
MEDIATED_RATE = 20.0
NODES_RATE = 20.0
CHILD_S_MAX = 180.0
SIDES = (
    ("Cadence, rooms alone", "cadence", "rooms"),
    ("Cadence, with Alex on the same core", "cadence", "alex"),
    *((name, name, "") for name in NAMES if name != "cadence"),
    ("Cadence through ASGI, rooms alone", "cadence", "asgi"),
)
TROUBLE = (NotInstalled, RuntimeError, OSError, subprocess.SubprocessError, ConnectionError)

Figures = dict[str, float]


def crowd(name: str, receivers: int, seconds: float, rate: float, how: str = "alex") -> Figures:
    """One measurement of one server."""
    with running(name, SERVER_CORE, how) as server:
        asked = {"line": name, "port": server.port, "pids": server.pids, "others": server.mediators}
        asked |= {"receivers": receivers, "seconds": seconds, "rate": rate}
        return _child("crowd", json.dumps(asked))


def _child(module: str, argument: str, core: int | None = CROWD_CORE) -> Figures:
    command = [*pinned(core), sys.executable, "-m", f"bench.server.{module}", argument]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_S_MAX)
    if done.returncode:
        raise RuntimeError(f"expected figures of {module}, got: {done.stderr.strip()[-200:]}")
    found: Figures = json.loads(done.stdout)
    return found


def _again(
    label: str, runs: int, measure: Callable[[], Figures], kept: list[Figures], failed: dict[str, Missing]
) -> None:
    """Measure once more, unless this has failed before; a failure is kept as its text."""
    if label in failed:
        return
    try:
        kept.append(measure())
        _tell(f"  {label}: {len(kept)} of {runs}")
    except TROUBLE as error:
        failed[label] = Missing.of(error)
        _tell(f"  {label}: {failed[label]}")


def _medians(found: Sequence[Figures]) -> Figures:
    return {key: median(each[key] for each in found) for key in found[0]}


def _beside(receivers: int, seconds: float, rate: float, runs: int) -> dict[str, Figures | Missing]:
    found: dict[str, list[Figures]] = {label: [] for label, _, _ in SIDES}
    failed: dict[str, Missing] = {}
    for _ in range(runs):
        for label, name, how in SIDES:
            measure = partial(crowd, name, receivers, seconds, rate, how)
            _again(label, runs, measure, found[label], failed)
    return {label: failed.get(label) or _medians(each) for label, each in found.items()}


def fanout(options: argparse.Namespace) -> Table:
    sides = {count: _beside(count, SATURATED_S, 0.0, options.runs) for count in FANOUT_RECEIVERS}
    what = ("us CPU a delivery", "a second per full core", "delivered a second", "lost")
    table = Table("Saturated fan-out, texts of 200 bytes", ("server", *(f"{n}: {one}" for n in sides for one in what)))
    for label, _, _ in SIDES:
        cells: list[Cell] = []
        for beside in sides.values():
            one = beside[label]
            cells += [one, *[None] * 3] if isinstance(one, Missing) else [
                one["cpu_us"], round(1e6 / one["cpu_us"], -3), round(one["per_s"], -3), one["lost"]
            ]  # fmt: skip
        table.add(label, *cells)
    return table


def modest(options: argparse.Namespace) -> Table:
    columns = ("server", "us CPU a delivery", "p50 ms", "p99 ms", "Alex' process, of a core", "lost")
    table = Table(f"{MODEST_RATE:g} messages a second to {MODEST_RECEIVERS} receivers", columns)
    for label, one in _beside(MODEST_RECEIVERS, MODEST_S, MODEST_RATE, options.runs).items():
        keys = ("cpu_us", "p50_ms", "p99_ms", "others_core", "lost")
        table.add(label, *([one] if isinstance(one, Missing) else [one[key] for key in keys]))
    return table


def stalled(options: argparse.Namespace) -> Table:
    columns = ("", "the others got, %", "the server grew by, MiB", "while all read, before", "evicted after, s")
    table = Table("One reader of eleven stops reading, 1,000 messages of 2 kB a second", columns)
    for label, how in (("rooms alone", "rooms"), ("with Alex", "alex"), ("through ASGI", "asgi")):
        try:
            one = parts.stalled(how)
            evicted: Cell = "never" if one.evicted_s is None else one.evicted_s
            table.add(label, 100 * one.healthy_share, one.growth / KIB**2, one.growth_before / KIB**2, evicted)
        except TROUBLE as error:
            table.add(label, Missing.of(error))
        _tell(f"  {label}")
    return table


def idle(options: argparse.Namespace) -> Table:
    table = Table("Memory of a connection that does nothing, Alex' process included", ("", "KiB"))
    for label, what in (("accepted, not greeted", "accepted"), ("an agent", "agent"), ("a mediated human", "human")):
        try:
            table.add(label, parts.idle(what) / KIB)
        except TROUBLE as error:
            table.add(label, Missing.of(error))
        _tell(f"  {label}")
    return table


def durable(options: argparse.Namespace) -> Table:
    what = {"per_s": "a second", "server_us": "us CPU a message", "redis_us": "of Redis", "crowd_us": "of the crowd",
            "server_core": "server, of a core", "fsync_ms": "fsync ms"}  # fmt: skip
    asked = {
        f"{store}, {label}": {"store": store, "how": how, "seconds": DURABLE_S}
        for how, label in (("rooms", "rooms alone"), ("alex", "with Alex"))
        for store in ("sqlite", "redis")
    }
    return _children("Durable messages a second through sockets, one process", "durable", what, asked, options.runs)


def nodes(options: argparse.Namespace) -> Table:
    what = {"per_s": "delivered a second", "busiest_us": "busiest server, us CPU a delivery",
            "servers_us": "servers together", "redis_us": "Redis", "lost": "lost"}  # fmt: skip
    asked = {
        f"{f'{rate:g} a second' if rate else 'saturated'}, servers: {count}": {"nodes": count, "rate": rate}
        for rate, count in product((0.0, NODES_RATE), (1, 2))
    }
    return _children("Several servers on one Redis, 1,000 receivers", "nodes", what, asked, options.runs)


def _children(
    title: str, module: str, what: Mapping[str, str], asked: Mapping[str, Mapping[str, object]], runs: int
) -> Table:
    """A row for each way a module is asked to measure; of its figures those in `what`, under these names."""
    table = Table(title, ("", *what.values()))
    found: dict[str, list[Figures]] = {label: [] for label in asked}
    failed: dict[str, Missing] = {}
    for _ in range(runs):
        for label, each in asked.items():
            _again(label, runs, partial(_child, module, json.dumps(each)), found[label], failed)
    for label in asked:
        one = failed.get(label) or _medians(found[label])
        table.add(label, *([one] if isinstance(one, Missing) else [one.get(key) for key in what]))
    return table


def mediated(options: argparse.Namespace) -> Table:
    columns = ("mediated readers", "raw p99 alone, ms", "before them, ms", "floor", "looks late p50 / p99, at most s",
               "turns a second", "server, of a core", "Alex, of a core", "Alex, MiB", "messages behind, at most",
               "of a sample: gaps, not level, cut", "level after, s")  # fmt: skip
    table = Table(f"Raw p99 before mediated readers, {MEDIATED_RATE:g} messages a second", columns)
    for readers in options.readers:
        try:
            one = parts.mediated(readers, MEDIATED_RATE, MEDIATED_S, lambda text: _tell(f"  {text}"))
        except TROUBLE as error:
            table.add(f"{readers:,}", Missing.of(error))
            continue
        late, fared = f"{one.looks_p50_s:g} / {one.looks_p99_s:g}", one.fared
        told = f"{fared['gaps']}, {fared['behind']}, {fared['cut']} of {fared['sample']}"
        table.add(f"{readers:,}", one.alone_p99_ms, one.crowded_p99_ms, "met" if one.met else "missed", late,
                  one.turns_per_s, one.server_core, one.alex_core, one.alex_mib, one.behind_max, told,
                  fared["level_after_s"])  # fmt: skip
    return table


PARTS: dict[str, Callable[[argparse.Namespace], Table]] = {
    "fanout": fanout, "modest": modest, "stalled": stalled, "idle": idle, "durable": durable, "nodes": nodes,
    "mediated": mediated,
}  # fmt: skip


def _tell(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def _measured(name: str, options: argparse.Namespace) -> Table:
    """The table of a part; one that breaks in an unexpected way says so, and the others are measured all the same."""
    try:
        return PARTS[name](options)
    except Exception as error:
        traceback.print_exc()
        table = Table(name, ("part", "figures"))
        table.add(name, Missing.of(error))
        return table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.server", description="The room server beside its peers.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, default=1, help="of each figure; the median counts")
    parser.add_argument("--readers", type=int, nargs="+", default=[5000], help="mediated readers of `mediated`")
    parser.add_argument("--install", action="store_true", help="fetch the peers and end")
    parser.add_argument("--json", metavar="FILE", help="file to add each table to, one object a line")
    options = parser.parse_args()
    if options.install:
        install()
        return
    whole = True
    for name in options.only:
        _tell(name)
        before, began = os.getloadavg()[0], time.monotonic()
        table = _measured(name, options)
        took = time.monotonic() - began
        table.note = f"Load of the machine {before:.1f} before, {os.getloadavg()[0]:.1f} after; {took:.0f} s."
        whole &= table.whole
        print(table, flush=True)
        if options.json:
            with open(options.json, "a") as file:
                file.write(json.dumps(table.as_dict()) + "\n")
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
