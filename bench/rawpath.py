"""How long a message takes to everybody who is not mediated, while nobody is mediated and while 200 are.

One server, one talk at a steady rate: alone, then before a crowd of mediated readers in a process of their own, then
alone again. An agent and a raw human listen all the time.

    python -m bench.rawpath URL COUNT      is that crowd: it says "there" and stays until its input ends
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from bench.figures import rank
from bench.serving import ROOM, Serving
from tests.stranger import Stranger, dial

CROWD = 200
CADENCES_S = (1, 5, 10, 30)
IN_ONE_PROCESS = ("--mediators", "0")
RATES_PER_S = (5, 25)  # messages: about twenty and a hundred times a spoken conversation
ALONE_S, CROWDED_S = 12.0, 24.0
WARM_UP_S = 3.0
START_S_MAX = 60.0
RATIO_MAX = 1.2
LATER_S_MAX = 0.003


@dataclass(slots=True)
class RawPath:
    """Seconds from `say` to `message`, for the agent and the raw human together; CPU is the server's."""

    alone: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    cpu_alone: float = 0.0  # of a core, mediators counted in
    cpu_crowded: float = 0.0

    @property
    def p99(self) -> tuple[float, float]:
        return rank(self.alone, 0.99), rank(self.crowded, 0.99)

    @property
    def met(self) -> bool:
        alone, crowded = self.p99
        return crowded <= RATIO_MAX * alone or crowded - alone <= LATER_S_MAX


class _Probe:
    """Speaks at a steady rate and listens on two raw connections."""

    def __init__(self, lines: Sequence[str], rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._lines: Iterator[str] = cycle(lines)
        self.speaker = Stranger("Speaker", "agent")
        self.listeners = [Stranger("Listener", "agent"), Stranger("Raw human")]

    async def open(self, url: str) -> None:
        for one in (self.speaker, *self.listeners):
            await one.open(await dial(url))
            await one.join(ROOM, view={"mode": "raw"} if one.kind == "human" else None)

    async def talk(self, phase: str, seconds: float) -> list[float]:
        """Speak for so long; answers the latencies."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        ids: list[str] = []
        while (due := len(ids) / self._rate) < seconds:
            await asyncio.sleep(max(0.0, began + due - loop.time()))
            ids.append(f"{phase}-{len(ids)}")
            frame = {"type": "say", "room": ROOM, "id": ids[-1], "text": next(self._lines), "spoken": True}
            await self.speaker.send({**frame, "ref": ids[-1]})
        for one in self.listeners:
            await one.until(lambda frame: frame["type"] == "message" and frame["id"] == ids[-1])
        sent = {seen.frame["id"]: seen.at for seen in self.speaker.diary if seen.frame.get("type") == "say"}
        wanted = set(ids)
        heard = [seen for one in self.listeners for seen in one.diary if seen.frame.get("type") == "message"]
        return [seen.at - sent[seen.frame["id"]] for seen in heard if seen.frame["id"] in wanted]


async def measure(lines: Sequence[str], rate_per_s: float, *options: str) -> RawPath:
    """Alone, crowded, alone, on one server, started with `options`.

    `lines` are what is said, again and again, so many messages a second.
    """
    found = RawPath()
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder), *options)
        try:
            await serving.start()
            probe = _Probe(lines, rate_per_s)
            await probe.open(serving.url)
            await probe.talk("warm", WARM_UP_S)
            used = serving.cpu_s()
            found.alone += await probe.talk("before", ALONE_S / 2)
            found.cpu_alone = (serving.cpu_s() - used) / (ALONE_S / 2)
            crowd = await _crowd(serving.url)
            await probe.talk("arriving", WARM_UP_S)
            used = serving.cpu_s()
            found.crowded += await probe.talk("crowded", CROWDED_S)
            found.cpu_crowded = (serving.cpu_s() - used) / CROWDED_S
            await crowd.communicate(b"")  # without input, Python 3.11 leaves its stdin open
            await probe.talk("leaving", WARM_UP_S)
            found.alone += await probe.talk("after", ALONE_S / 2)
            for one in (probe.speaker, *probe.listeners):
                await one.cut()
        finally:
            await serving.end()
    return found


async def _crowd(url: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    crowd = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.rawpath", url, str(CROWD), stdin=pipe, stdout=pipe
    )
    assert crowd.stdout is not None
    async with asyncio.timeout(START_S_MAX):
        said = await crowd.stdout.readline()
    if said != b"there\n":
        raise RuntimeError(f"expected a crowd of {CROWD} to say that it is there, got {said!r}")
    return crowd


async def _stay(url: str, count: int) -> None:
    readers = [Stranger(f"Reader {n}") for n in range(count)]
    for n, reader in enumerate(readers):
        await reader.open(await dial(url))
        await reader.join(ROOM, view={"cadence_s": CADENCES_S[n % len(CADENCES_S)]})
    print("there", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for reader in readers:
        await reader.cut()


if __name__ == "__main__":
    asyncio.run(_stay(sys.argv[1], int(sys.argv[2])))
