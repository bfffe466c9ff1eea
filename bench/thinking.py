"""The server that `bench.minds` measures: a real `cadence serve` whose minds think with a scripted model.

    python -m bench.thinking PLACE DATA PORT TOKENS

TOKENS is how many tokens a thought has; with 0 minds think with their cards' models. Once a second it prints a line
of JSON: the time, the tokens thought so far by all minds, the messages they said, and the CPU the event loop's thread
has used. Everything else is `cadence serve`.

The fake keeps the pace of an endpoint, not that of our loop: a piece is due 50 ms after the one before was due, so that
a loop that comes late is given what waited. A real endpoint does not stop either.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from cadence.app import serve
from cadence.models.chat import TOKEN_CHARS, Call, ChatModel, Done, Piece
from cadence.models.scripted import CHUNK_SECONDS, ScriptedModel
from cadence.settings import load

TOKENS_PER_S = 1_000.0
SAID_TOKENS = 40  # of each thought; the rest is thinking, which nobody is told
TELL_SECONDS = 1.0

WORDS = (
    "harbour bridge engine candle orchard violin marble copper silver winter meadow falcon granite lantern compass"
    " anchor barrel cipher dynamo ember fabric glacier hinge ivory jungle kettle ladder magnet nectar oyster pillar"
).split()


class Metronome:
    """How a fake endpoint waits: from due time to due time, whenever it was asked."""

    def __init__(self) -> None:
        self._due = 0.0

    def begin(self) -> None:
        """A call comes in."""
        self._due = asyncio.get_running_loop().time()

    async def __call__(self, seconds: float) -> None:
        self._due += seconds
        wait = self._due - asyncio.get_running_loop().time()
        if wait > 0.0:  # else it lies in the socket's buffer, and is read at once with what came before
            await asyncio.sleep(wait)


class Tally:
    """What all minds did so far. Written by the loop, read by a thread: plain numbers."""

    def __init__(self) -> None:
        self.tokens = 0
        self.thoughts = 0


def model(name: str, tokens: int, tally: Tally) -> ChatModel:
    """A mind's model: it always has something new to say, after thinking for all but the last of `tokens`."""
    chance, metronome = random.Random(name), Metronome()
    thinking = "<think>" + "and so on " * (max(0, tokens - SAID_TOKENS) * TOKEN_CHARS // 10) + "</think>"

    def script(call: Call) -> str:
        metronome.begin()
        tally.thoughts += 1
        words = " ".join(f"{chance.choice(WORDS)} {chance.randrange(10_000)}" for _ in range(14))
        return f"{thinking}The figures are {words}."

    return Counted(script, tally, name, metronome)


class Counted(ScriptedModel):
    """Counts the tokens that it gives, piece by piece."""

    def __init__(self, script: Callable[[Call], str], tally: Tally, name: str, metronome: Metronome) -> None:
        super().__init__(script, name=name, tokens_s=TOKENS_PER_S, chunk_s=CHUNK_SECONDS, sleep=metronome)
        self._tally = tally

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`."""
        async for part in super().stream(call):
            if isinstance(part, Piece):
                self._tally.tokens += len(part.text) // TOKEN_CHARS
            yield part


def tell(tally: Tally, loop_thread: int) -> None:
    """Print the figures, once a second, from a thread of its own."""
    while True:
        cpu_s = time.clock_gettime(time.pthread_getcpuclockid(loop_thread))
        figures = {"at": time.monotonic(), "tokens": tally.tokens, "thoughts": tally.thoughts, "cpu_s": cpu_s}
        print(json.dumps(figures), flush=True)
        time.sleep(TELL_SECONDS)


def main() -> int:
    """Serve until a signal ends it."""
    place, data, port, tokens = sys.argv[1:5]
    tally = Tally()
    threading.Thread(target=tell, args=(tally, threading.get_ident()), daemon=True).start()
    settings = load(place=Path(place), data=Path(data), port=int(port))
    return serve(settings, (lambda name: model(name, int(tokens), tally)) if int(tokens) else None)


if __name__ == "__main__":
    raise SystemExit(main())
