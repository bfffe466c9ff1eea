"""The room server beside its peers, in one run, and against the floors it was promised to reach.

    python -m bench.server --install                    fetch NATS, ws and socket.io once
    python -m bench.server [--only PART ...] [--runs 3] [--readers 5000] [--json]

    fanout    saturated, 200 B, 500 and 1,000 receivers, beside NATS, socket.io, ws and FastAPI's documented loop
    modest    20 messages/s to 500 receivers: CPU a delivery, p99
    stalled   one of eleven readers stops reading
    idle      memory of a connection that does nothing
    durable   messages a second on disk through sockets, of one process, in SQLite and in Redis
    nodes     CPU a delivery of one server on Redis and of two
    mediated  the raw p99 with no and with many mediated readers

Servers run on core 0 and whoever talks to them on core 1. Each figure is the median of the runs, which go round
all servers in turn, so that a busy minute of the machine hits all alike. Where others work on the machine too, CPU for
each delivery is the figure to look at, and "per full core" its inverse: what was delivered also depends on them.
Cadence makes every message durable before it is delivered, and adds some 190 bytes to it (who, when, which seq).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from statistics import median
from typing import Any

from bench.server import parts
from bench.server.parts import CROWD_CORE, KIB, SERVER_CORE
from bench.server.peers import NAMES, install, running

SATURATED_S, MODEST_S, DURABLE_S, MEDIATED_S = 3.0, 5.0, 6.0, 20.0
MODEST_RATE, MODEST_RECEIVERS = 20.0, 500
MEDIATED_RATE = 20.0
NODES_RATE = 20.0
CHILD_S_MAX = 180.0


def crowd(name: str, receivers: int, seconds: float, rate: float, how: str = "alex") -> dict[str, Any]:
    """One measurement of one server."""
    with running(name, SERVER_CORE, how) as server:
        asked = {"line": name, "port": server.port, "pids": server.pids}
        asked |= {"receivers": receivers, "seconds": seconds, "rate": rate}
        return _child("crowd", json.dumps(asked))


def _child(module: str, argument: str, core: int | None = CROWD_CORE) -> dict[str, Any]:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, sys.executable, "-m", f"bench.server.{module}", argument]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_S_MAX)
    if done.returncode:
        raise RuntimeError(f"expected figures of {module} {argument}, got: {done.stderr[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _medians(found: list[dict[str, Any]]) -> dict[str, float]:
    return {key: median(each[key] for each in found) for key in found[0]}


def _beside(receivers: int, seconds: float, rate: float, runs: int) -> dict[str, dict[str, float]]:
    sides = [("cadence, rooms alone", "cadence", "rooms"), ("cadence, with Alex", "cadence", "alex")]
    sides += [(name, name, "") for name in NAMES if name != "cadence"]
    sides.append(("cadence, rooms, ASGI", "cadence", "asgi"))
    found: dict[str, list[dict[str, Any]]] = {label: [] for label, _, _ in sides}
    for _ in range(runs):
        for label, name, how in sides:
            found[label].append(crowd(name, receivers, seconds, rate, how))
    return {label: _medians(each) for label, each in found.items()}


def fanout(options: argparse.Namespace) -> dict[str, Any]:
    return {str(count): _beside(count, SATURATED_S, 0.0, options.runs) for count in (500, 1000)}


def modest(options: argparse.Namespace) -> dict[str, Any]:
    return _beside(MODEST_RECEIVERS, MODEST_S, MODEST_RATE, options.runs)


def stalled(options: argparse.Namespace) -> dict[str, Any]:
    found = {}
    for how in ("rooms", "asgi"):
        one = parts.stalled(how)
        found[how] = {
            "healthy_percent": 100 * one.healthy_share,
            "growth_mib": one.growth / KIB / KIB,
            "growth_while_all_read_mib": one.growth_before / KIB / KIB,
            "evicted_s": one.evicted_s,
        }
    return found


def idle(options: argparse.Namespace) -> dict[str, Any]:
    return {what: {"kib": parts.idle(what) / KIB} for what in ("accepted", "agent", "human")}


def durable(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.runs):
        for store, how in (("sqlite", "rooms"), ("redis", "rooms"), ("sqlite", "alex"), ("redis", "alex")):
            asked = json.dumps({"store": store, "how": how, "seconds": DURABLE_S})
            found.setdefault(f"{store}, {how}", []).append(_child("durable", asked))
    return {label: _medians(each) for label, each in found.items()}


def nodes(options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.runs):
        for rate, count in product((0.0, NODES_RATE), (1, 2)):
            label = f"{f'{rate:g} a second' if rate else 'saturated'}, servers: {count}"
            found.setdefault(label, []).append(_child("nodes", json.dumps({"nodes": count, "rate": rate})))
    return {label: _medians(each) for label, each in found.items()}


def mediated(options: argparse.Namespace) -> dict[str, Any]:
    alone, crowded = parts.mediated(options.readers, MEDIATED_RATE, MEDIATED_S)
    return {f"{options.readers} readers": {"alone_p99_ms": alone, "crowded_p99_ms": crowded}}


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "fanout": fanout, "modest": modest, "stalled": stalled, "idle": idle, "durable": durable, "nodes": nodes,
    "mediated": mediated,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.server", description="The room server beside its peers.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--runs", type=int, default=3, help="of each figure; the median counts")
    parser.add_argument("--readers", type=int, default=5000, help="mediated readers of the part `mediated`")
    parser.add_argument("--install", action="store_true", help="fetch the peers and end")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.install:
        install()
        return
    for name in options.only:
        before = os.getloadavg()[0]
        found = {name: PARTS[name](options), "load": [round(before, 1), round(os.getloadavg()[0], 1)]}
        print(json.dumps(found) if options.json else _table(name, found), flush=True)


def _table(name: str, found: dict[str, Any]) -> str:
    lines = [f"{name}   (load of the machine {found['load'][0]} before, {found['load'][1]} after)"]
    for label, figures in _rows(found[name], ""):
        shown = "   ".join(f"{key} {_number(value)}" for key, value in figures.items())
        lines.append(f"  {label:<28} {shown}")
    return "\n".join(lines)


def _rows(found: dict[str, Any], above: str) -> list[tuple[str, dict[str, Any]]]:
    if all(not isinstance(value, dict) for value in found.values()):
        if "cpu_us" in found and "deliveries" in found:
            found = {**found, "per_full_core": 1e6 / found["cpu_us"]}
        return [(above, found)]
    return [row for key, value in found.items() for row in _rows(value, f"{above} {key}".strip())]


def _number(value: float | None) -> str:
    return "never" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"


if __name__ == "__main__":
    main()
