"""Who may not speak in a room, and who may not be in it, until when.

Pure: `now` is an argument. What a host last decided about somebody is what holds; a time that has passed ends it.
"""

from __future__ import annotations

import math
from typing import Literal

Sanction = Literal["mute", "kick", "ban"]
OUT: tuple[Sanction, ...] = ("kick", "ban")
"""What also keeps somebody out while it lasts; a kick without a time is over as soon as it happened."""


class Standing:
    """The sanctions of one room. Those that are over are forgotten when the next one is set."""

    def __init__(self) -> None:
        self._until: dict[tuple[Sanction, str], float] = {}

    def set(self, what: Sanction, user: str, until: float | None, now: float) -> None:
        """`what` holds for `user` until then, None for ever; it replaces the former one of its kind."""
        self._until = {key: end for key, end in self._until.items() if end > now}
        self._until[what, user] = math.inf if until is None else until

    def muted_s(self, user: str, now: float) -> float:
        """Seconds that `user` may not speak for, 0 if they may, infinity without an end."""
        return self._left("mute", user, now)

    def out_s(self, user: str, now: float) -> float:
        """Seconds that `user` may not be here for, 0 if they may, infinity without an end."""
        return max(self._left(what, user, now) for what in OUT) if self._until else 0.0

    def _left(self, what: Sanction, user: str, now: float) -> float:
        return max(0.0, self._until.get((what, user), 0.0) - now)
