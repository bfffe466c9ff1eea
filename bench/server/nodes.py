"""What a second server on the same Redis is worth: `python -m bench.server.nodes '{"nodes": 2}'` prints JSON.

The same crowd, spread over one server or two that share the room by Redis, is told as much as it can take, or `rate`
messages a second. On a machine with fewer free cores than there are processes the deliveries a second say nothing, so
the CPU of the busiest server for each delivery of all of them is what counts: who needs half as much for its half
carries twice as many people on a core of its own. Each server may have as many deliveries on their way as one has.

    {"nodes": 1 or 2, "receivers": 1000, "seconds": 4, "rate": 0, "how": "rooms" or "alex"}
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.server import crowd as crowds
from bench.server.crowd import IN_FLIGHT, SETTLE_S, WARM_UP_S, Crowd, cpu_s
from bench.server.lines import LINES, TEXT_BYTES, Cadence
from bench.server.peers import running
from tests.redis_server import RedisServer

CORES = (0, 1)


@dataclass(frozen=True, slots=True)
class Spread(Cadence):
    """Who dials comes in at one server after the other."""

    ports: Any = field(default_factory=itertools.count)

    def dial(self, port: int) -> socket.socket:
        return Cadence.dial(self, next(self.ports))


def measure(
    nodes: int, receivers: int = 1000, seconds: float = 4.0, rate: float = 0.0, how: str = "rooms"
) -> dict[str, Any]:
    """CPU of each server, and of Redis, in microseconds for each delivery of all servers together."""
    crowds.IN_FLIGHT = IN_FLIGHT * nodes
    with ExitStack() as stack:
        redis = RedisServer(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        redis.start()
        stack.callback(redis.kill)
        more = {"CADENCE_REDIS": redis.url}
        servers = [stack.enter_context(running("cadence", CORES[at], how, more=more)) for at in range(nodes)]
        LINES["nodes"] = Spread("/ws", "cadence.v1", itertools.cycle([server.port for server in servers]))
        crowd = Crowd("nodes", 0, receivers, TEXT_BYTES)
        crowd.pass_time(SETTLE_S)
        speak = partial(crowd.steadily, rate=rate) if rate else crowd.saturate
        speak(WARM_UP_S)
        pids = [*(server.pids for server in servers), [redis.pid]]
        heard, used, began = crowd.heard, [cpu_s(each) for each in pids], time.monotonic()
        speak(seconds)
        wall, heard = time.monotonic() - began, crowd.heard - heard
        spent = [(cpu_s(each) - before) * 1e6 / heard for each, before in zip(pids, used, strict=True)]
        lost = crowd.rest()
    *each, store = spent
    return {"per_s": heard / wall, "busiest_us": max(each), "servers_us": sum(each), "redis_us": store, "lost": lost}


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
