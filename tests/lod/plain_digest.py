"""The ranked digest as its formula reads, unit by unit and gain by gain: what the fast one must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

from cadence.lod.digest import SpeakerMemory
from cadence.lod.terms import Background
from cadence.lod.units import Unit


def plain(
    units: Sequence[Unit],
    attention: Sequence[float],
    background: Background,
    memory: SpeakerMemory,
    budget: float,
    sides: Sequence[str | None] | None = None,
    filler: float = 0.0,
) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """The additions of each rung up to `budget`, and (unit refused, unit picked). `units` in order of time, now 0."""
    used: dict[str, float] = {}
    for one, weight in zip(units, attention, strict=True):
        for term in one.terms:
            used[term] = used.get(term, 0.0) + weight
    worth = {
        term: count * max(0.0, log((background.total + 1) / (background.count(term) + 1)))
        for term, count in used.items()
    }
    if not any(worth.values()):
        worth = used
    total = sum(worth.values()) or 1.0
    share = [sum(worth[term] for term in one.terms) / total for one in units]
    shown: dict[str, float] = {}
    covered: set[str] = set()
    open_ = set(range(len(units)))
    refused: list[tuple[int, int]] = []

    def reward(group: str | None, i: int) -> float:
        if group is None:
            return 0.0
        known = shown.setdefault(group, memory.reward(group, 0.0))
        return 0.7 * (sqrt(known + share[i]) - sqrt(known))

    def gain(i: int) -> float:
        new = sum(worth[term] for term in units[i].terms if term not in covered) / total
        voice = reward(units[i].speaker, i) + (reward(sides[i], i) if sides else 0.0)
        return (new + voice) * attention[i] * units[i].salience / units[i].n ** (0.6 if sides is None else 0.7)

    rungs: list[list[int]] = []
    left, limit = 10.0, 10
    while open_:
        added: list[int] = []
        while True:
            telling = {i for i in open_ if share[i] > 0.0} or open_
            fitting = sorted(i for i in telling if units[i].n <= left)
            if not fitting:
                break
            best = max(fitting, key=lambda i: (round(gain(i), 12), -i))
            if gain(best) < filler * max(map(gain, telling)):
                break
            added.append(best)
            left -= units[best].n
            open_.discard(best)
            covered.update(units[best].terms)
            for group in (units[best].speaker, sides[best] if sides else None):
                if group is not None:
                    shown[group] = shown.setdefault(group, memory.reward(group, 0.0)) + share[best]
            own = set(units[best].terms)
            for i in sorted(open_):
                if len(units[i].terms) >= 3 and len(own.intersection(units[i].terms)) > 0.6 * len(units[i].terms):
                    open_.discard(i)
                    refused.append((i, best))
        rungs.append(added)
        if limit > budget and any(rungs):
            break
        left, limit = left + limit, 2 * limit
    return rungs, refused
