"""How long one reader's digest takes: `python -m bench.digest [FILE]`.

FILE is a QMSum file (one meeting a line) or a script (one message a line); without it, made-up sentences. Prints one
line: the median time, in milliseconds of CPU, to rank so many units and select from them.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from cadence.lod.digest import SpeakerMemory, rank
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse

UNITS = ((100, 28), (600, 320), (2_000, 40))  # how many wait, and the words of the budget
REPEATS = 25
SECONDS_BETWEEN = 3.0


def spoken(path: Path) -> Iterator[tuple[str, str, bool]]:
    """Speaker, text and whether it was spoken, of every message in a file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "meeting_transcripts" in entry:
            for said in entry["meeting_transcripts"]:
                yield said["speaker"], said["content"], True
        else:
            yield entry["from"], entry["text"], bool(entry.get("spoken"))


def made_up() -> Iterator[tuple[str, str, bool]]:
    """Endless sentences of words that are used as unevenly as real ones."""
    chance = random.Random(1)
    words = [f"{'bcdfgklmprst'[i % 12]}{'aeiou'[i % 5]}{i}" for i in range(3_000)]
    while True:
        picked = [words[min(int(chance.paretovariate(0.6)), len(words)) - 1] for _ in range(chance.randint(4, 24))]
        yield f"speaker-{chance.randrange(12)}", " ".join(picked) + ".", False


def units_of(messages: Iterator[tuple[str, str, bool]], wanted: int) -> list[Unit]:
    """The first units of a conversation, fewer if it ends before."""

    def units() -> Iterator[Unit]:
        for seq, (speaker, text, aloud) in enumerate(messages, 1):
            yield from parse(Source(seq, speaker, seq * SECONDS_BETWEEN, text, spoken=aloud)).units

    return list(islice(units(), wanted))


def median_ms(units: list[Unit], budget: float, background: Background) -> float:
    """What one digest costs, in milliseconds of CPU."""
    attention = np.linspace(0.1, 1.0, len(units))
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        rank(units, attention, background, SpeakerMemory(), 0.0, budget).select(budget)
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


def main() -> None:
    most = max(count for count, _ in UNITS)
    units = units_of(spoken(Path(sys.argv[1])) if len(sys.argv) > 1 else made_up(), most)
    background = Background()
    for unit in units:
        background.add(unit.terms)
    figures = (
        f"{min(count, len(units))} units x {budget} words {median_ms(units[:count], budget, background):.2f} ms"
        for count, budget in UNITS
    )
    print("digest, median CPU:", " · ".join(figures))


if __name__ == "__main__":
    main()
