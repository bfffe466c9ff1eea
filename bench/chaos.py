"""Chaos: what is promised when everything dies, as a table of what happened and what was found.

    python -m bench.chaos --simulated 10000     lives over two nodes in virtual time, until so many faults have happened
                                                (--remote: with Alex in processes beside them, which die too)
    python -m bench.chaos --real 300            real servers over a real Redis with `appendfsync always`
    python -m bench.chaos --everysec 10         the same with `everysec`: epochs must change when Redis dies

Faults of real ones: kill -9 of a server, of its mediator's process and of Redis, a full disk under Redis, processes
stopped for up to 12 s, cuts, readers that stop reading, the system's clock set by an hour or a day in either direction,
as a server sees that starts then. `--seed N` begins elsewhere. Exit code 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests import world
from tests.chaos import Arena, Outcome
from tests.world import Twist

FAULTS = (
    "cut",
    "too slow",
    "log fault",
    "restart",
    "clock jump",
    "mediator's death",
)  # of the world's marks, those that are faults
RUN_FAULTS = 30  # of one run with real processes, so that what goes wrong can be told apart
EVERYSEC_RUN_FAULTS = 5
SHOWN_MAX = 3  # violations of one life that are told at once
SHOWN_CHARS_MAX = 200


def simulated(wanted: int, seed: int, *, remote: bool) -> list[str]:
    """Live until `wanted` faults have happened; prints as it goes."""
    marks: Counter[str] = Counter()
    violations: list[str] = []
    began, lives = time.monotonic(), 0
    while sum(marks[name] for name in FAULTS) < wanted:
        life = world.run(seed + lives, Twist(nodes=True, remote=remote))
        lives += 1
        marks += life.marks
        violations += [f"seed {life.seed}: {what}" for what in life.violations]
        for what in life.violations[:SHOWN_MAX]:
            print(f"  seed {life.seed}: {what[:SHOWN_CHARS_MAX]}", flush=True)
        if lives % 25 == 0:
            print(f"  {lives} lives, {sum(marks[n] for n in FAULTS)} faults, {len(violations)} violations", flush=True)
    named = (*FAULTS, "node killed", "node cut off", "store away", "answer lost")
    print(f"simulated: {lives} lives from seed {seed} in {time.monotonic() - began:.0f} s")
    print("  " + ", ".join(f"{name} {marks[name]}" for name in named))
    return violations


async def real(wanted: int, seed: int, appendfsync: str) -> list[str]:
    """Runs with real processes until `wanted` faults have happened."""
    violations: list[str] = []
    faults: Counter[str] = Counter()
    at_once = EVERYSEC_RUN_FAULTS if appendfsync == "everysec" else RUN_FAULTS
    while sum(faults.values()) < wanted:
        with tempfile.TemporaryDirectory() as folder:
            count = min(at_once, wanted - sum(faults.values()))
            outcome = await Arena(Path(folder), seed, count, appendfsync).run()
        seed += 1
        faults += outcome.faults
        violations += [f"seed {outcome.seed}: {what}" for what in outcome.violations + _epochs(outcome, appendfsync)]
        print(
            f"  seed {outcome.seed}: {sum(outcome.faults.values())} faults in {outcome.seconds:.0f} s, acknowledged "
            f"{outcome.acknowledged}, deliveries {outcome.deliveries}, turns {outcome.turns}, epochs "
            f"{len(outcome.epochs)}, violations {len(outcome.violations)}",
            flush=True,
        )
    print(f"real, appendfsync {appendfsync}: " + ", ".join(f"{name} {count}" for name, count in faults.items()))
    return violations


def _epochs(outcome: Outcome, appendfsync: str) -> list[str]:
    deaths = outcome.faults["kill redis"] + outcome.faults["fill disk"]
    if appendfsync == "always" and len(outcome.epochs) != 1:
        return [f"epochs: {len(outcome.epochs)}, though nothing was lost"]
    if appendfsync == "everysec" and deaths and len(outcome.epochs) == 1:
        return [f"epochs: one, though Redis died {deaths} times and may have lost a second"]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", type=int, default=0, metavar="FAULTS")
    parser.add_argument("--remote", action="store_true")
    parser.add_argument("--real", type=int, default=0, metavar="FAULTS")
    parser.add_argument("--everysec", type=int, default=0, metavar="FAULTS")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    violations: list[str] = []
    if chosen.simulated:
        violations += simulated(chosen.simulated, chosen.seed, remote=chosen.remote)
    if chosen.real:
        violations += asyncio.run(real(chosen.real, chosen.seed, "always"))
    if chosen.everysec:
        violations += asyncio.run(real(chosen.everysec, chosen.seed, "everysec"))
    for violation in violations:
        print(violation)
    print("nothing was found" if not violations else f"{len(violations)} violations")
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main()
