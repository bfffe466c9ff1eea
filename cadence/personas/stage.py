"""Play a room's script: one connection per speaker, each exactly what a foreign agent has.

    stage = Stage(room.id, cast, room.script, connect=connect, run_id=token, speed=settings.speed)
    await stage.run()                                                  # until cancelled

The thinking is done by `play.Play`; this shell keeps the speakers connected, feeds the play what they see, sends
what it says and re-arms one timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from cadence.duplex import Connect
from cadence.personas.cast import Cast
from cadence.personas.play import Action, Event, Finished, Play, Skipped, Speak, Tick
from cadence.personas.script import Line
from cadence.personas.speaker import ATTEMPTS_MAX, Speaker, StageError, log

__all__ = ["Cast", "Stage", "StageError"]

EVENTS_MAX = 256  # not yet handled; a speaker that would add another waits


def _ignore(action: Action) -> None:
    pass


class Stage:
    """Plays `script` in `room`. With an empty script the cast is there and silent.

    `run_id` (1 to 32 characters) must be new for each start: what was said under it is not said again.
    `once`: play to the end whoever is there; else for ever, while a human is there. `observe` is called with
    every action of the play (`play.Restarted`: the conversation began again) and must not block.
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
        once: bool = False,
        attempts_max: int = ATTEMPTS_MAX,
        observe: Callable[[Action], None] = _ignore,
    ) -> None:
        self._room = room
        self._play = Play(script, run_id, speed=speed, once=once) if script else None
        self._observe = observe
        self._events: asyncio.Queue[Event] = asyncio.Queue(EVENTS_MAX)
        self._speakers = {
            member.id: Speaker(member, room, connect, self._events.put, attempts_max=attempts_max) for member in cast
        }
        unknown = {line.speaker for line in script}.difference(self._speakers)
        if unknown:
            raise ValueError(f"expected a cast for every speaker of the script, got none for {sorted(unknown)[0]}")

    async def run(self) -> None:
        """Speak until cancelled, or once to the end. Raises `StageError` if a speaker is refused for good."""
        try:
            async with asyncio.TaskGroup() as group:
                speakers = [group.create_task(speaker.run()) for speaker in self._speakers.values()]
                await self._conduct()
                for task in speakers:
                    task.cancel()
        except ExceptionGroup as errors:
            refused, others = errors.split(StageError)
            if refused is None or others is not None:
                raise
            raise refused.exceptions[0] from None

    async def _conduct(self) -> None:
        """Feed the play and do what it says; returns when it has ended."""
        loop = asyncio.get_running_loop()
        while True:
            deadline = self._play.deadline() if self._play else None
            event: Event = Tick()
            try:
                async with asyncio.timeout_at(deadline):
                    event = await self._events.get()
            except TimeoutError:
                pass
            if self._play is None:
                continue
            # A loop may wake a little early; never tell the play an earlier time than it asked for.
            now = max(loop.time(), deadline) if isinstance(event, Tick) and deadline is not None else loop.time()
            for action in self._play.handle(event, now):
                self._observe(action)
                if isinstance(action, Speak):
                    await self._speakers[action.speaker].say(action)
                elif isinstance(action, Skipped):
                    log.warning("line_skipped", room=self._room, line=action.line, code=action.code)
                elif isinstance(action, Finished):
                    return
