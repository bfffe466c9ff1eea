"""Where a reader's attention is, low-pass filtered: whoever moves arrives over some seconds, so nothing pops.

What is filtered is the distance to each scope, in steps: that serves rooms and pods of a tree, which have no
coordinates between them, as well as points on a floor.

Pure: `now` is in seconds, never runs backwards here, and is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

TIME_CONSTANT_S = 2.0


def approached(felt: float, target: float, seconds: float) -> float:
    """The filtered value `seconds` later, while the target stays."""
    return target + (felt - target) * exp(-max(0.0, seconds) / TIME_CONSTANT_S)


class Focus:
    """The distances one reader feels. Where they are first seen they are at once; then they move."""

    def __init__(self) -> None:
        self._felt: dict[str, float] = {}
        self._target: dict[str, float] = {}
        self._at = float("-inf")

    def move(self, targets: Mapping[str, float], now: float) -> None:
        """From `now` on the reader is at these distances; scopes not named are out of hearing."""
        felt = self.felt(now)
        self._target = dict(targets)
        self._felt = {scope: felt.get(scope, steps) for scope, steps in targets.items()}

    def felt(self, now: float) -> dict[str, float]:
        """The distances at `now`, in the order in which the scopes were named."""
        seconds = now - self._at if self._felt else 0.0
        self._felt = {scope: approached(felt, self._target[scope], seconds) for scope, felt in self._felt.items()}
        self._at = max(self._at, now)
        return dict(self._felt)
