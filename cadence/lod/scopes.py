"""The scope tree, universe > region > room > pod > speaker, and how far apart two of its places are.

Only its upper part is kept here: which rooms lie in which scopes. A room file says where its room lies as ids from
the widest inwards (`north/house-2`). A room that says so takes part in the universe; one that does not lies outside
it, hears nobody and is heard by nobody.

Steps (LOD.md section 2): 1 to any other speaker of the same pod, 2 to another pod of the room, and from there one
more for each level up to the scope that holds both: 3 to a room of the same innermost scope, 4 to one of the next.
Where pods have coordinates, a table's radius in metres is one step instead.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot

SPEAKER_STEPS = 1.0
POD_STEPS = 2.0
AROUND_MAX = 64  # rooms one room can hear; the nearest
TABLE_RADIUS_M = 1.5

Path = tuple[str, ...]
Point = tuple[float, float]


def path_of(scope: str, room: str) -> Path:
    """A room's way down from the universe, its own id last; empty for a room that lies in no scope."""
    return (*scope.split("/"), room) if scope else ()


def room_steps(one: Path, other: Path) -> float:
    """Steps between speakers of two rooms of the universe; the same whichever of them one starts from."""
    shared = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        shared += 1
    return POD_STEPS + max(len(one), len(other)) - shared


class Tree:
    """Which rooms lie where. Later calls of `put` move a room."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def put(self, room: str, scope: str) -> bool:
        """Place `room` in `scope` ("" for none); whether that changed anything."""
        path = path_of(scope, room)
        before = self._paths.pop(room, ())
        if path:
            self._paths[room] = path
        return path != before

    def around(self, room: str) -> list[tuple[str, float]]:
        """The rooms that `room` can hear with their steps, nearest first, at most `AROUND_MAX`."""
        own = self._paths.get(room)
        if own is None:
            return []
        others = [(name, room_steps(own, path)) for name, path in self._paths.items() if name != room]
        return sorted(others, key=lambda other: (other[1], other[0]))[:AROUND_MAX]


@dataclass(frozen=True, slots=True)
class Floor:
    """A room's pods. `at` says in metres where some of them stand; `radius_m` is what counts as one step."""

    pods: tuple[str, ...] = ()
    at: Mapping[str, Point] = field(default_factory=dict)
    radius_m: float = TABLE_RADIUS_M

    def stands(self, pod: str | None, point: Point | None) -> Point | None:
        """Where a reader is who named a pod, a point, both (the point counts) or neither (None)."""
        return point if point is not None else self.at.get(pod or "")

    def steps(self, pod: str | None, point: Point | None) -> dict[str, float]:
        """Steps from a reader to each pod; empty for one who is nowhere in particular and hears the whole room."""
        here = self.stands(pod, point)
        if here is None and pod not in self.pods:
            return {}
        return {other: self._steps_to(other, pod, here) for other in self.pods}

    def _steps_to(self, other: str, pod: str | None, here: Point | None) -> float:
        there = self.at.get(other)
        if here is not None and there is not None:
            return SPEAKER_STEPS + hypot(here[0] - there[0], here[1] - there[1]) / self.radius_m
        return SPEAKER_STEPS if other == pod else POD_STEPS
