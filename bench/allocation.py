"""What dividing readers' words between scopes costs, beside a loop over readers: `python -m bench.allocation`.

10,000 readers hear 14 scopes each. Prints medians in milliseconds of CPU: distances to attention, attention to shares,
in blocks and as one array; and the same shares reader by reader.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from cadence.lod import allocation
from cadence.lod.allocation import allocate, scope_attention

READERS, SCOPES = 10_000, 14
REPEATS = 15


def median_ms(work: Callable[[], object], repeats: int = REPEATS) -> float:
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken) * 1000


def main() -> None:
    chance = np.random.default_rng(1)
    words, steps = chance.uniform(0, 60, (READERS, SCOPES)), chance.uniform(1, 7, (READERS, SCOPES))
    budget, sigma = chance.uniform(5, 80, READERS), chance.uniform(0.5, 2.0, READERS)
    attention = scope_attention(steps, sigma)

    def at_once() -> None:
        blocks, allocation.BLOCK_ROWS = allocation.BLOCK_ROWS, READERS
        allocate(words, attention, budget)
        allocation.BLOCK_ROWS = blocks

    def one_by_one() -> None:
        for row in range(READERS):
            allocate(words[[row]], attention[[row]], budget[[row]])

    shares = allocate(words, attention, budget)
    error = np.abs(shares.sum(axis=1) - np.minimum(budget, words.sum(axis=1))).max()
    print(f"allocation, {READERS:,} readers x {SCOPES} scopes, median CPU; budget kept to {error:.0e} words")
    print(f"  attention           {median_ms(lambda: scope_attention(steps, sigma)):7.1f} ms")
    print(f"  shares, in blocks   {median_ms(lambda: allocate(words, attention, budget)):7.1f} ms")
    print(f"  shares, one array   {median_ms(at_once):7.1f} ms")
    print(f"  reader by reader    {median_ms(one_by_one, 3):7.1f} ms")


if __name__ == "__main__":
    main()
