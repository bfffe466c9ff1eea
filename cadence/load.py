"""A load generator for any server that speaks `cadence.v1`: what `cadence load` does.

Receivers and senders are agents with a connection each, as a stranger's would be. Senders keep to a clock, whatever the
server does (an open loop), so that a server that falls behind shows it as latency instead of slowing its own load.
Each receiver checks what it gets: the seqs of the room must rise, and every acknowledged message must come once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from cadence.duplex import Closed, Duplex
from cadence.rooms.wire import Hello, Join, Say, encode

OPENING_AT_ONCE = 32  # connections; a server greets a crowd one after the other anyway
OPEN_SECONDS_MAX = 60.0
REST_SECONDS_MAX = 10.0  # without anything new, until what is on its way counts as lost
LOOK_SECONDS = 0.1
LATENCIES_MAX = 1_000_000  # kept of each kind; what comes after is not timed

Dial = Callable[[], Awaitable[Duplex]]


class LoadError(Exception):
    """The load cannot be made; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who does what: `rate` is messages a second of all senders together, `size` the bytes of each text."""

    room: str
    receivers: int
    senders: int
    rate: float
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Report:
    """`lost` deliveries never came to receivers that were there; `cut` receivers were not, from some moment on."""

    said: int
    acknowledged: int
    refused: dict[str, int]
    deliveries: int
    lost: int
    twice: int
    disordered: int
    cut: int
    seconds: float
    acknowledgement: Latency
    delivery: Latency

    @property
    def clean(self) -> bool:
        """Whether everybody got everything once and in order."""
        return not (self.refused or self.lost or self.twice or self.disordered or self.cut)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        def of(latency: Latency) -> str:
            return f"p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms, max {latency.max:.1f} ms"

        refused = ", ".join(f"{count} {code}" for code, count in self.refused.items()) or "none"
        return "\n".join(
            (
                f"{self.said} messages in {self.seconds:.1f} s, {self.acknowledged} acknowledged, refused: {refused}",
                f"acknowledged after  {of(self.acknowledgement)}",
                f"delivered after     {of(self.delivery)}",
                f"{self.deliveries} deliveries, {self.deliveries / max(self.seconds, 1e-9):,.0f} a second",
                f"lost {self.lost}, twice {self.twice}, out of order {self.disordered}, receivers cut off {self.cut}",
            )
        )


class _Frame(msgspec.Struct):
    """As much of a server's frame as matters here."""

    type: str = ""
    id: str = ""
    seq: int = 0
    ref: str | UnsetType = UNSET
    code: str = ""
    message: msgspec.Raw = msgspec.Raw(b"")


_decoder = msgspec.json.Decoder(_Frame)


@dataclass(slots=True)
class _Tally:
    """What is known of all connections together. Times are the loop's seconds."""

    run: str
    sent_at: dict[str, float] = field(default_factory=dict)
    acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    disordered: int = 0
    acknowledgements: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)


class _Peer:
    """One connection in the room. `heard` counts the messages of this run."""

    def __init__(self, duplex: Duplex, tally: _Tally, listens: bool) -> None:
        self._duplex, self._tally, self._listens = duplex, tally, listens
        self._last = 0  # seq
        self.heard = 0
        self.cut = False

    @classmethod
    async def enter(cls, dial: Dial, plan: Plan, tally: _Tally, name: str, token: str | None, listens: bool) -> _Peer:
        """Connect, say hello and join; raises `LoadError`."""
        duplex: Duplex | None = None
        try:
            async with asyncio.timeout(OPEN_SECONDS_MAX):
                duplex = await dial()
                await duplex.send(encode(Hello(kind="agent", name=name, token=token or UNSET)).decode())
                await _expect(duplex, "welcome")
                await duplex.send(encode(Join(room=plan.room)).decode())
                await _expect(duplex, "joined")
        except BaseException as error:
            if duplex is not None:
                await duplex.close()
            if isinstance(error, OSError | TimeoutError | Closed):
                why = str(error) or "it took too long"
                raise LoadError(f"expected to enter `{plan.room}` as an agent, but: {why}") from None
            raise
        return cls(duplex, tally, listens)

    async def listen(self) -> None:
        """Take what comes until the connection ends."""
        loop, tally = asyncio.get_running_loop(), self._tally
        try:
            while True:
                frame = _decoder.decode(await self._duplex.receive())
                if frame.type == "message":
                    if self._listens:
                        self._hear(frame, loop.time())
                elif frame.ref is not UNSET and frame.ref in tally.sent_at:
                    self._answered(frame, loop.time() - tally.sent_at[frame.ref])
        except Closed:
            self.cut = True

    async def speak(self, plan: Plan, number: int, began: float) -> None:
        """Say this sender's share, on time."""
        loop, tally, count = asyncio.get_running_loop(), self._tally, 0
        every = plan.senders / plan.rate
        while (due := number / plan.rate + count * every) < plan.seconds and not self.cut:
            await asyncio.sleep(max(0.0, began + due - loop.time()))
            count += 1
            id = f"{tally.run}-{number}-{count}"
            tally.sent_at[id] = loop.time()
            try:
                await self._duplex.send(encode(Say(room=plan.room, id=id, text=_text(plan.size), ref=id)).decode())
            except Closed:
                self.cut = True

    async def leave(self) -> None:
        await self._duplex.close()

    def _answered(self, frame: _Frame, after: float) -> None:
        if frame.type == "said":
            self._tally.acknowledged += 1
            if len(self._tally.acknowledgements) < LATENCIES_MAX:
                self._tally.acknowledgements.append(after)
        elif frame.type == "error":
            self._tally.refused[frame.code] += 1

    def _hear(self, frame: _Frame, now: float) -> None:
        tally = self._tally
        sent_at = tally.sent_at.get(frame.id)
        if frame.seq <= self._last:
            tally.twice += frame.seq == self._last
            tally.disordered += frame.seq < self._last
            return
        self._last = frame.seq
        if sent_at is not None:
            self.heard += 1
            if len(tally.deliveries) < LATENCIES_MAX:
                tally.deliveries.append(now - sent_at)


async def load(plan: Plan, dial: Dial, *, run: str, token: str | None = None) -> Report:
    """Put `plan` on a server, connecting with `dial`; raises `LoadError`. `run` makes names and ids new.

    The room must be one where nobody minds: what is said there stays in its log.
    """
    tally, gate = _Tally(run), asyncio.Semaphore(OPENING_AT_ONCE)

    async def enter(what: str, number: int) -> _Peer:
        async with gate:
            name = f"Load {what} {run} {number}"
            return await _Peer.enter(dial, plan, tally, name, token, listens=what == "ear")

    entering = [asyncio.ensure_future(enter("ear", number)) for number in range(plan.receivers)]
    entering += [asyncio.ensure_future(enter("mouth", number)) for number in range(plan.senders)]
    try:
        peers = await asyncio.gather(*entering)
    except LoadError:
        for each in entering:
            each.cancel()
        entered = await asyncio.gather(*entering, return_exceptions=True)
        await _leave([each for each in entered if isinstance(each, _Peer)])
        raise
    receivers, senders = peers[: plan.receivers], peers[plan.receivers :]
    listening = [asyncio.ensure_future(peer.listen()) for peer in peers]
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(sender.speak(plan, number, began) for number, sender in enumerate(senders)))
    seconds = loop.time() - began
    await _rest(tally, receivers)
    cut = sum(peer.cut for peer in receivers)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    await _leave(peers)
    return _report(tally, receivers, cut, seconds)


async def _leave(peers: Sequence[_Peer]) -> None:
    await asyncio.gather(*(peer.leave() for peer in peers))


async def _rest(tally: _Tally, receivers: Sequence[_Peer]) -> None:
    """Wait for what is on its way, as long as anything comes."""
    loop = asyncio.get_running_loop()
    seen, since = -1, loop.time()
    while loop.time() - since < REST_SECONDS_MAX:
        heard = sum(peer.heard for peer in receivers)
        answered = tally.acknowledged + tally.refused.total()
        there = [peer for peer in receivers if not peer.cut]
        if answered == len(tally.sent_at) and all(peer.heard >= tally.acknowledged for peer in there):
            return
        if heard + answered != seen:
            seen, since = heard + answered, loop.time()
        await asyncio.sleep(LOOK_SECONDS)


def _report(tally: _Tally, receivers: Sequence[_Peer], cut: int, seconds: float) -> Report:
    return Report(
        said=len(tally.sent_at),
        acknowledged=tally.acknowledged,
        refused=dict(tally.refused),
        deliveries=sum(peer.heard for peer in receivers),
        lost=sum(max(0, tally.acknowledged - peer.heard) for peer in receivers if not peer.cut),
        twice=tally.twice,
        disordered=tally.disordered,
        cut=cut,
        seconds=seconds,
        acknowledgement=_latency(tally.acknowledgements),
        delivery=_latency(tally.deliveries),
    )


def _latency(seconds: Sequence[float]) -> Latency:
    ordered = sorted(seconds) or [0.0]
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.5, 0.99))
    return Latency(round(p50, 3), round(p99, 3), round(ordered[-1] * 1000, 3))


async def _expect(duplex: Duplex, type: str) -> None:
    while (frame := _decoder.decode(await duplex.receive())).type != type:
        if frame.type == "error":
            raise LoadError(f"expected `{type}`, got {frame.code}: {msgspec.json.decode(frame.message)}")


def _text(size: int) -> str:
    return ("load " * (size // 5 + 1))[:size]
