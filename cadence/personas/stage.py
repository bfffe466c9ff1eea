"""Play a room's script: one connection per speaker, each exactly what a foreign agent has.

    Stage(room.id, cast, room.script, connect=..., run=token).run()      until cancelled

The thinking is done by `play.Play`; this shell connects, feeds it, sends what it says and re-arms one timer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cadence.personas.duplex import Connect
from cadence.personas.play import Action
from cadence.personas.script import Line


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks for the script's `id`: the name to ask for, and the token that proves it (None: a guest)."""

    id: str
    name: str
    token: str | None = None


class StageError(Exception):
    """The conversation cannot go on; the text is one sentence for the operator."""


class Stage:
    """Plays `script` in `room` for ever. `run_id` must be new for each start: what was said under it is not said again.

    `observe` is called with every action of the play (`play.Restarted`: the conversation began again).
    """

    def __init__(
        self,
        room: str,
        cast: Sequence[Cast],
        script: Sequence[Line],
        *,
        connect: Connect,
        run_id: str,
        speed: float = 1.0,
        observe: Callable[[Action], None] = lambda action: None,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Speak until cancelled; raises `StageError` if the server refuses a speaker for good."""
        raise NotImplementedError
