"""What `cadence.client` costs an agent, beside a bare loop over the same socket, in one run at one real server.

    python -m bench.client [--messages N]

Heard: a backlog of N messages, replayed as fast as it is taken; CPU and wall time of this process for each message.
Said: some hundred messages, one after the other. A reader who takes nothing for a while: what waits, and what is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.serving import ROOM, Serving
from cadence.client import Client
from cadence.rooms.wire import After, Message

SAID = 300  # fewer than a burst may have: the bare loop knows nothing of limits
SLOW_S = 2.0  # in which more comes than a reader keeps
ROUNDS = 5  # of each, in turns; the middle one counts
TEXT = "Number {}: the ledger double-books appointments every Tuesday, and nobody has counted how many."


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds for each message, of this process."""

    cpu_s: float
    wall_s: float


async def cost(messages: int, work: Callable[[], Awaitable[None]]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Cost((time.process_time() - cpu) / messages, (time.perf_counter() - wall) / messages)


class Bare:
    """A socket and JSON, and nothing else: no types, no memory, no way back."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _open(self) -> connect:
        # What is left unread at the end would hold up a polite goodbye.
        protocols = [Subprotocol("cadence.v1")]
        return connect(self._url, subprotocols=protocols, compression=None, max_size=1 << 22, close_timeout=0.01)

    async def hear(self, epoch: str, count: int) -> None:
        async with self._open() as socket:
            await socket.send(json.dumps({"type": "hello", "kind": "agent"}))
            await socket.send(json.dumps({"type": "join", "room": ROOM, "after": {"epoch": epoch, "seq": 0}}))
            async for text in socket:
                count -= json.loads(text)["type"] == "message"
                if count == 0:
                    return

    async def say(self, count: int) -> None:
        async with self._open() as socket:
            await socket.send(json.dumps({"type": "hello", "kind": "agent"}))
            await socket.send(json.dumps({"type": "join", "room": ROOM}))
            for number in range(count):
                text = TEXT.format(number)
                await socket.send(json.dumps({"type": "say", "room": ROOM, "id": f"{number}", "text": text}))
                while json.loads(await socket.recv())["type"] != "said":
                    pass


class Ours:
    def __init__(self, url: str) -> None:
        self._url = url

    async def hear(self, epoch: str, count: int) -> None:
        async with Client(self._url) as client:
            async for _ in await client.join(ROOM, after=After(epoch, 0)):
                count -= 1
                if count == 0:
                    return

    async def say(self, count: int) -> None:
        async with Client(self._url) as client:
            room = await client.join(ROOM)
            for number in range(count):
                await room.say(TEXT.format(number))


async def fill(url: str, count: int) -> str:
    """Say `count` messages; returns the room's epoch."""
    async with Client(url, name="Filler") as client:
        room = await client.join(ROOM)
        saids = [await asyncio.gather(*[room.say(TEXT.format(n)) for n in range(start, min(start + 100, count))])
                 for start in range(0, count, 100)]  # fmt: skip
        return saids[0][0].epoch


async def slow(url: str, epoch: str, count: int) -> tuple[int, bool]:
    """The most that waited for a reader who took nothing at first, and whether every message came in its order."""
    async with Client(url) as client:
        room = await client.join(ROOM, after=After(epoch, 0))
        await asyncio.sleep(SLOW_S)
        most, seqs = len(room.inbox), []
        async for event in room.events():
            most = max(most, len(room.inbox))
            if isinstance(event, Message):
                seqs.append(event.seq)
            if len(seqs) == count:
                break
        return most, seqs == list(range(1, count + 1))


async def run(messages: int) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        await serving.start()
        try:
            epoch = await fill(serving.url, messages)
            bare, ours, said = Bare(serving.url), Ours(serving.url), SAID
            most, whole = await slow(serving.url, epoch, messages)
            costs: dict[str, list[Cost]] = {"bare heard": [], "ours heard": [], "bare said": [], "ours said": []}
            for _ in range(ROUNDS):
                for name, one in (("bare", bare), ("ours", ours)):
                    costs[f"{name} heard"].append(await cost(messages, lambda one=one: one.hear(epoch, messages)))  # type: ignore[misc]
                for name, one in (("bare", bare), ("ours", ours)):
                    costs[f"{name} said"].append(await cost(said, lambda one=one: one.say(said)))  # type: ignore[misc]
        finally:
            await serving.end()
    table = Table(
        "what", "CPU µs", "wall µs", title=f"{messages} messages heard, {said} said, {ROUNDS} rounds, medians"
    )
    middle = {}
    for name, found in costs.items():
        cpu, wall = (sorted(values)[ROUNDS // 2] for values in ([c.cpu_s for c in found], [c.wall_s for c in found]))
        middle[name] = (cpu, wall)
        table.add_row(name, f"{cpu * 1e6:.0f}", f"{wall * 1e6:.0f}")
    for what in ("heard", "said"):
        ratios = [ours / bare for ours, bare in zip(middle[f"ours {what}"], middle[f"bare {what}"], strict=True)]
        table.add_row(f"ours / bare, {what}", *(f"{ratio:.2f}" for ratio in ratios))
    table.add_row("most that waited for a slow reader", str(most), "nothing lost" if whole else "SOMETHING LOST")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000, help="at most 10,000, which a server replays")
    Console().print(asyncio.run(run(parser.parse_args().messages)))
