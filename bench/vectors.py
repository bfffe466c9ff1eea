"""What vectors cost: `python -m bench.vectors [FILE] [--data DIR]`.

FILE as for `bench.digest`; without it, made-up sentences. Prints two lines. How many units a second one thread encodes,
in batches and alone (real, if the extra and its tokenizer are there, else skipped). And what vectors add to one
digest, median CPU: the facility gain kept up to date over so many picks, and the closeness to 96 shown units.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from bench.digest import made_up, spoken, units_of
from cadence.lod.vectors import Facility, Matrix, max_cosine
from cadence.models.encoder import Encoder, MiniLmEncoder, missing
from cadence.models.fake_encoder import FakeEncoder
from cadence.settings import data_home

UNITS = ((100, 6), (600, 32), (2_000, 16))  # how many wait, and how many are picked
SHOWN = 96
ENCODED = 512
REPEATS = 15


def per_second(encoder: Encoder, texts: Sequence[str], batch: int) -> float:
    """Texts encoded in a second of CPU, `batch` at a time."""
    began = time.process_time()
    for first in range(0, len(texts), batch):
        encoder.encode(texts[first : first + batch])
    return len(texts) / (time.process_time() - began)


def median_ms(work: Callable[[], object]) -> float:
    """What `work` costs, in milliseconds of CPU."""
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


def digest(vectors: Matrix, picks: int) -> None:
    """What one digest asks of vectors."""
    facility = Facility(vectors, np.linspace(0.1, 1.0, len(vectors)))
    novelty = 1.0 - max_cosine(vectors, vectors[:SHOWN])
    for _ in range(picks):
        facility.take(int((facility.gain() * novelty).argmax()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.vectors")
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--data", type=Path, default=data_home())
    given = parser.parse_args()
    most = max(count for count, _ in UNITS)
    units = units_of(spoken(given.file) if given.file else made_up(), most)
    texts = [unit.text or "block" for unit in units]
    if (why := missing(given.data)) is None:
        encoder = MiniLmEncoder(given.data)
        began = time.perf_counter()
        encoder.encode(["the first one loads it"])
        loading = time.perf_counter() - began
        rates = (f"{per_second(encoder, texts[:ENCODED], n):.0f}/s by {n}" for n in (32, 1))
        print("encoder, one thread:", " · ".join(rates), f"· loaded in {loading:.1f} s")
    else:
        print("encoder: skipped,", why)
    vectors = FakeEncoder().encode(texts) if why else encoder.encode(texts)
    figures = (
        f"{min(count, len(units))} units x {picks} picks {median_ms(partial(digest, vectors[:count], picks)):.2f} ms"
        for count, picks in UNITS
    )
    print("vectors in a digest, median CPU:", " · ".join(figures))


if __name__ == "__main__":
    main()
