"""Whether minds are as fast before a thousand readers as before none, outlive a kill, and have prompts that share much.

    python -m bench.minds [--minds 1,4,16,64] [--readers 0,1,100,1000] [--seconds 20] [--only PART ...] [--json]
    python -m bench.minds --endpoint URL --model NAME        both on a real vLLM: its prefix cache, over 50 calls of one
                                                             mind, and the speed of minds that it serves

Speed: a real server (`bench.thinking`), its minds on a scripted model of 1,000 tokens/s each in pieces of 50 ms. A
thought is mostly thinking: the more minds, the longer, so that a room says about `ROOM_MESSAGES_PER_S` whatever their
number; a guest adds two a second. Before none, then before more and more mediated readers (in a process of their own,
cadences of 1, 5, 10 and 30 s mixed), then before none again. Where the event loop is busy more than 60 % the row is
saturated: it is reported, and its ratio is no criterion.

A real endpoint counts its tokens itself, those of all minds together. There a person asks the minds in turns, so that
whatever a weak model says to them, none is silent for long. Where all of the machine's cores are busy, an endpoint on
them has none to itself, and its row is saturated too. Exit code 1 if a criterion is not met.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count, cycle
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.crowd import Crowd
from bench.prefixes import CALLS, GENERATED, counted, on_endpoint, on_fake
from bench.thinking import TOKENS_PER_S
from tests.stranger import Closed, Stranger, dial

ROOM = "meeting"
ROOM_MESSAGES_PER_S = 4.0  # of all minds together
GUEST_SECONDS = 0.5  # between two messages of the guest, who keeps even a single mind busy
ASKED_AT_ONCE = 8  # minds that a person asks in one message: enough that sixty-four on a GPU are never idle for long
THOUGHT_TOKENS_MIN = 1_000
ENDPOINT_CONTEXT_TOKENS = 1_024  # prompts stay short, so that thinking is measured rather than reading
ENDPOINT_THOUGHT_TOKENS = 256
START_SECONDS_MAX = 90.0
SETTLE_SECONDS = 6.0
RATIO_MIN = 0.98
BUSY_MAX = 0.6
MACHINE_BUSY_MAX = 0.8  # of all cores; above it an endpoint on the same machine has no core to itself
SHARE_MIN = 0.6
KILLS = 3
PARTS = ("prompts", "kills", "speed")
TABLE_WIDTH_MIN = 140


@dataclass(frozen=True)
class Row:
    """One line of the table. `met` None: reported, no criterion."""

    what: str
    floor: str
    measured: str
    met: bool | None


@dataclass(frozen=True)
class Found:
    """What was measured before so many readers: tokens a second of one mind, or of an endpoint, and shares of time."""

    readers: int
    tokens: float
    busy: float  # the event loop
    machine_busy: float  # all cores

    def saturated(self, real: bool) -> bool:
        """Whether there was no room for the minds to be as fast as they can."""
        return self.busy > BUSY_MAX or real and self.machine_busy > MACHINE_BUSY_MAX


def machine_cpu_s() -> float:
    """Seconds that all cores together have worked; 0 where the system does not tell."""
    try:
        user, nice, system, _idle, _waiting, *interrupts = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    except (OSError, ValueError):
        return 0.0
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


class Thinking:
    """A server of `minds` minds in a process of its own, on data that outlives it.

    They think `thought_tokens` at a time with a scripted model, or with the `endpoint` (URL and name), which then
    counts the tokens.
    """

    def __init__(self, folder: Path, minds: int, thought_tokens: int, endpoint: tuple[str, str] | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.names = [f"mind{n}" for n in range(1, minds + 1)]
        self._place, self._data, self._tokens = folder / "place", folder / "data", thought_tokens
        self._endpoint = endpoint
        for content in ("rooms", "personas", "models"):
            (self._place / content).mkdir(parents=True)
        if endpoint is not None:
            url, served = map(json.dumps, endpoint)
            card = f"endpoint = {url}\nserved = {served}\ncontext_tokens = {ENDPOINT_CONTEXT_TOKENS}\n"
            (self._place / "models" / "endpoint.toml").write_text(card)
        members = json.dumps(self.names)
        (self._place / "rooms" / f"{ROOM}.toml").write_text(f'title = "The meeting"\nmembers = {members}\n')
        for name in self.names:
            (self._place / "personas" / f"{name}.md").write_text(
                f'+++\nname = "{name.title()}"\npronouns = "it/its"\ninterests = ["figures"]\n'
                f'model = "{name if endpoint is None else "endpoint"}"\n'
                f"answer_tokens = {thought_tokens + 100}\n+++\nYou are {name}. You talk in figures.\n"
            )
        self._child: asyncio.subprocess.Process | None = None
        self._told: list[dict[str, float]] = []
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def start(self) -> None:
        """Start, and wait until it can be reached."""
        arguments = [self._place, self._data, self.port, self._tokens if self._endpoint is None else 0]
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.thinking",
            *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(ready))
        async with asyncio.timeout(START_SECONDS_MAX):
            await ready.wait()

    async def _read(self, ready: asyncio.Event) -> None:
        assert self._child is not None and self._child.stdout is not None
        async for line in self._child.stdout:
            if line.startswith(b"{"):
                self._told.append(json.loads(line))
                self._news.set()
            elif b"#ticket=" in line:
                ready.set()

    async def measure(self, readers: int, seconds: float) -> Found:
        """Tokens a second, and how busy loop and machine were, over so long before so many readers."""
        first, before = await self._counting(), machine_cpu_s()
        last = first
        while last["at"] - first["at"] < seconds:
            last = await self._counting()
        took = last["at"] - first["at"]
        tokens = (last["tokens"] - first["tokens"]) / took
        each = tokens if self._endpoint else tokens / len(self.names)
        return Found(
            readers,
            each,
            busy=(last["cpu_s"] - first["cpu_s"]) / took,
            machine_busy=(machine_cpu_s() - before) / took / (os.cpu_count() or 1),
        )

    async def _counting(self) -> dict[str, float]:
        told = await self._next()
        if self._endpoint is None:
            return told
        count = await asyncio.to_thread(counted, self._endpoint[0], GENERATED)
        return told | {"tokens": count[GENERATED]}

    async def _next(self) -> dict[str, float]:
        self._news.clear()
        async with asyncio.timeout(START_SECONDS_MAX):
            await self._news.wait()
        return self._told[-1]

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server; SIGKILL is the crash."""
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(how)
            await self._child.wait()
        if self._reading is not None:
            await self._reading
        self._child = None


async def _talk(url: str) -> None:
    """A guest who always has another figure, until cancelled."""
    guest = Stranger("Guest", "agent")
    await guest.open(await dial(url))
    await guest.join(ROOM)
    for number in count():
        await guest.say(ROOM, f"The figures of day {number} are {number * 7919 % 10007} boats and {number * 31} sails.")
        guest.diary.clear()
        await asyncio.sleep(GUEST_SECONDS)


async def _ask(url: str, names: Sequence[str]) -> None:
    """A person who asks some of them after others, until cancelled."""
    person = Stranger("Pip")
    await person.open(await dial(url))
    await person.join(ROOM, view={"mode": "raw"})
    asked = cycle(batched_names(names))
    for number in count():
        whom = " ".join(f"@{name.title()}" for name in next(asked))
        await person.say(ROOM, f"{whom} what would you do on day {number} with {number * 7919 % 10007} boats?")
        person.diary.clear()
        await asyncio.sleep(GUEST_SECONDS)


def batched_names(names: Sequence[str]) -> list[Sequence[str]]:
    """Who is asked together."""
    return [names[at : at + ASKED_AT_ONCE] for at in range(0, len(names), ASKED_AT_ONCE)]


async def speed(
    minds: int, readers: Sequence[int], seconds: float, progress: Progress, endpoint: tuple[str, str] | None = None
) -> list[Row]:
    """A row for each number of readers; the ratio is to the mean of the two times without any."""
    thought = max(THOUGHT_TOKENS_MIN, round(minds * TOKENS_PER_S / ROOM_MESSAGES_PER_S))
    if endpoint is not None:
        thought = ENDPOINT_THOUGHT_TOKENS
    steps = [0, *(number for number in readers if number), 0]
    bar = progress.add_task(f"{minds} minds", total=len(steps))
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Thinking(Path(folder), minds, thought, endpoint)
        await server.start()
        guest = asyncio.create_task(_ask(server.url, server.names) if endpoint else _talk(server.url))
        try:
            for number in steps:
                progress.update(bar, description=f"{minds} minds, {number} readers")
                crowd = await Crowd.gather(server.url, ROOM, number) if number else None
                await asyncio.sleep(SETTLE_SECONDS)
                found.append(await server.measure(number, seconds))
                if crowd is not None:
                    await crowd.leave()
                    await asyncio.sleep(SETTLE_SECONDS)
                progress.advance(bar)
        finally:
            guest.cancel()
            await asyncio.wait([guest])
            await server.end()
    rows = _rows(minds, thought, found, endpoint is not None)
    for row in rows:
        progress.console.print(row.what, row.measured, sep=": ")
    return rows


def _rows(minds: int, thought: int, found: Sequence[Found], real: bool) -> list[Row]:
    alone = [each for each in found if not each.readers]
    base = sum(each.tokens for each in alone) / len(alone)
    apart = "/".join(f"{each.tokens:.0f}" for each in alone)
    busy_alone = max(each.busy for each in alone)
    whose = "of all" if real else "each"
    what = f"{minds} minds, {'an endpoint' if real else f'thoughts of {thought:,} tokens'}"
    rows = [Row(f"{what}, no readers", "reported", f"{apart} tokens/s {whose}, loop {busy_alone:.0%} busy", None)]
    for each in found:
        if each.readers:
            ratio, saturated = each.tokens / base if base else 0.0, each.saturated(real)
            machine = f", machine {each.machine_busy:.0%}" if real else ""
            measured = f"{each.tokens:.0f} tokens/s {whose}, ratio {ratio:.3f}, loop {each.busy:.0%} busy{machine}"
            floor, met = ("saturated", None) if saturated else (f">= {RATIO_MIN}", ratio >= RATIO_MIN)
            rows.append(Row(f"{what}, {each.readers:,} readers", floor, measured, met))
    return rows


async def survival(progress: Progress) -> Row:
    """Ask every mind, kill the server in the middle of their thoughts, start it again: who was asked, answers once."""
    bar = progress.add_task("kills in the middle of thoughts", total=KILLS)
    asked: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        server = Thinking(Path(folder), 4, 3_000)
        await server.start()
        person = Stranger("Pip")
        await person.open(await dial(server.url))
        await person.join(ROOM, view={"mode": "raw"})
        try:
            for turn in range(KILLS):
                await asyncio.sleep(SETTLE_SECONDS)
                for name in server.names:
                    said = await person.say(ROOM, f"@{name.title()} what are the figures of {turn} and {name}?")
                    asked.append((said["seq"], name))
                    await asyncio.sleep(0.3)
                await asyncio.sleep(1.0)
                await server.end(signal.SIGKILL)
                await person.over()
                await server.start()
                await person.open(await dial(server.url))
                await person.join(ROOM)
                progress.advance(bar)
            await asyncio.sleep(6 * SETTLE_SECONDS)
            log = await person.messages(ROOM)
        finally:
            await server.end()
            try:
                await person.over()
            except (Closed, TimeoutError):
                pass
    answers = [[one["from"]["id"] for one in log if one.get("reply_to") == seq] for seq, _ in asked]
    kept = {one["seq"] for one in log}
    lost = sum(seq not in kept for seq, _ in asked)
    wrong = sum(found.count(name) != 1 for found, (_, name) in zip(answers, asked, strict=True))
    doubled = len(log) - len({(one["from"]["id"], one["id"]) for one in log})
    measured = f"{KILLS} kills, {len(asked)} questions: {lost} lost, {wrong} not answered once, {doubled} said twice"
    return Row("kill -9 in the middle of thoughts", "0, 0, 0", measured, lost == wrong == doubled == 0)


async def run(given: argparse.Namespace, progress: Progress) -> list[Row]:
    """All rows."""
    endpoint = (given.endpoint, given.model) if given.endpoint else None
    rows: list[Row] = []
    if "prompts" in given.only and endpoint is not None:
        rows.append(_share("prefix-cache hits by the endpoint's own count", await on_endpoint(*endpoint)))
    elif "prompts" in given.only:
        rows.append(_share("prompt shared with the call before (fake)", on_fake()))
    if "kills" in given.only and endpoint is None:
        rows.append(await survival(progress))
    for minds in given.minds if "speed" in given.only else ():
        rows += await speed(minds, given.readers, given.seconds, progress, endpoint)
    return rows


def _share(what: str, share: float) -> Row:
    return Row(f"{what}, {CALLS} calls of one mind", f">= {SHARE_MIN:.0%}", f"{share:.1%}", share >= SHARE_MIN)


def main() -> int:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",") if part]

    parser = argparse.ArgumentParser(prog="python -m bench.minds", description=__doc__)
    parser.add_argument("--minds", type=numbers, default=[1, 4, 16, 64])
    parser.add_argument("--readers", type=numbers, default=[0, 1, 100, 1000])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--endpoint", help="measure on this vLLM instead: http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default="", help="the name under which it serves")
    parser.add_argument("--json", action="store_true", help="print one JSON list of rows")
    given = parser.parse_args()
    with Progress(console=Console(stderr=True), disable=given.json) as progress:
        found = asyncio.run(run(given, progress))
    if given.json:
        print(json.dumps([asdict(row) for row in found]))
    else:
        table = Table("what", "floor", "measured", "met", title="Minds")
        for row in found:
            table.add_row(row.what, row.floor, row.measured, {None: "-", True: "yes", False: "NO"}[row.met])
        Console(width=max(Console().width, TABLE_WIDTH_MIN)).print(table)
    return 1 if any(row.met is False for row in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
