"""In which order the units of one message are told.

A ranked digest takes the most telling clause of a long message first and its beginning some turns later, which reads
like a film cut by a stranger. So rank decides what of a message will be told in the time ahead, and the message decides
the order: each unit chosen for this turn stands for the first one of its message that is to be told at all.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Sequence

from cadence.lod.units import Unit


def passed_over(chosen: Sequence[int], units: Sequence[Unit]) -> set[int]:
    """The units that are not chosen and stand before one of their own message that is."""
    if not any([units[i].index for i in chosen]):
        return set()
    latest: dict[int, int] = {}
    for i in chosen:
        latest[units[i].seq] = max(latest.get(units[i].seq, -1), units[i].index)
    taken = set(chosen)
    return {i for i, unit in enumerate(units) if i not in taken and unit.index < latest.get(unit.seq, -1)}


def in_order(
    chosen: Sequence[int], planned: Sequence[int], units: Sequence[Unit], budget: float, *, overdraw: bool
) -> tuple[int, ...]:
    """`chosen`, each unit replaced by the first planned one of its message, as far as `budget` words go.

    `planned` contains `chosen`: what would be told with more words. With `overdraw` the first unit is taken whatever it
    costs, and ends the turn if it is too long; without it nothing exceeds the budget.
    """
    waiting: dict[int, list[int]] = {}
    for i in sorted(planned, key=lambda i: units[i].index, reverse=True):
        waiting.setdefault(units[i].seq, []).append(i)
    told: list[int] = []
    for i in chosen:
        first = waiting[units[i].seq][-1]
        if units[first].n <= budget or (overdraw and not told):
            told.append(waiting[units[i].seq].pop())
            budget -= units[first].n
    return tuple(told)
