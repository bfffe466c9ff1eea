"""One mind in its room: a connection, a model, tools, one timer, and a file with what must outlive a restart.

What and when is decided by `mind.Mind`; this shell tells it what happens, does what it says and re-arms the timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import structlog

from cadence.models.chat import ChatModel, Done, ModelError
from cadence.personas.cards import Card
from cadence.personas.mind import Mind
from cadence.personas.play import Speak, Tick
from cadence.personas.recollection import MindFile
from cadence.personas.thoughts import (
    Abandon,
    Action,
    Answered,
    Complain,
    Event,
    Failed,
    Recovered,
    Think,
    Use,
    Used,
)
from cadence.personas.tools import ToolResult, ToolRun

ANSWER_CHARS_MAX = 400_000  # of a model, its thoughts included; beyond, it is stopped

log = structlog.get_logger(__name__)


class RunTool(Protocol):
    """Runs one call of a tool, within limits; never raises for what the tool does."""

    async def __call__(self, run: ToolRun, /) -> ToolResult: ...


class Say(Protocol):
    """Sends a message; what comes of it is told as an event."""

    async def __call__(self, speak: Speak, /) -> None: ...


class Thinker:
    """Runs `mind` with `model` until `stop`."""

    def __init__(
        self, card: Card, room: str, mind: Mind, model: ChatModel, say: Say, run_tool: RunTool, file: MindFile
    ) -> None:
        self.card = card
        self.mind = mind
        self._room = room
        self._model = model
        self._say = say
        self._run_tool = run_tool
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[Event] | None = None  # of the thought under way
        self._sending: set[asyncio.Task[None]] = set()  # each ends within `SEND_SECONDS_MAX` of its speaker
        self._stopped = False

    def tell(self, event: Event, now: float | None = None) -> None:
        """Something happened. Does what follows, without waiting for it."""
        if self._stopped:
            return
        try:
            actions = self.mind.handle(event, self._loop.time() if now is None else now)
        except Exception:  # a fault of ours ends this mind and no other
            log.exception("mind broke", room=self._room, card=self.card.file)
            self.end()
            return
        self._file.keep(self.mind.memory, at_once=any(isinstance(action, Speak) for action in actions))
        for action in actions:
            self._do(action)
        self._arm()

    def end(self) -> None:
        """End what is being done; a thought under way is begun again in the next life."""
        if self._stopped:
            return
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._file.keep(self.mind.memory, at_once=True)
        for task in (self._work, *self._sending):
            if task is not None:
                task.cancel()

    async def ended(self) -> None:
        """Wait until what was ended is over."""
        if tasks := [task for task in (self._work, *self._sending) if task is not None]:
            await asyncio.wait(tasks)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.mind.deadline()
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._ring, deadline)

    def _ring(self, deadline: float) -> None:
        # A loop may wake a little early; never tell the mind an earlier time than it asked for.
        self.tell(Tick(), max(self._loop.time(), deadline))

    def _do(self, action: Action) -> None:
        match action:
            case Think():
                self._begin(self._think(action))
            case Use(thought, runs):
                self._begin(self._use(thought, runs))
            case Abandon():
                self._give_up()
            case Speak():
                sending = self._loop.create_task(self._send(action))
                self._sending.add(sending)
                sending.add_done_callback(self._sending.discard)
            case Complain(text):
                at = self.card.model_at
                log.error("mind cannot think", room=self._room, card=at, model=self._model.name, why=text)
            case Recovered():
                log.info("mind thinks again", room=self._room, card=self.card.file, model=self._model.name)

    async def _send(self, speak: Speak) -> None:
        await self._say(speak)

    def _begin(self, work: Coroutine[Any, Any, Event]) -> None:
        self._give_up()
        self._work = self._loop.create_task(work)
        self._work.add_done_callback(self._done)

    def _give_up(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _done(self, work: asyncio.Task[Event]) -> None:
        if work is self._work and not work.cancelled():
            self._work = None
            self.tell(work.result())

    async def _think(self, think: Think) -> Event:
        """What comes of a thought; a model that breaks in a way it should not has failed like any other."""
        pieces: list[str] = []
        chars = 0
        stream: Any = self._model.stream(think.call)
        try:
            async for part in stream:
                if isinstance(part, Done):
                    return Answered(think.thought, "".join(pieces), part.calls, part.usage)
                pieces.append(part.text)
                chars += len(part.text)
                if chars > ANSWER_CHARS_MAX:
                    return Answered(think.thought, "".join(pieces))
        except ModelError as error:
            return Failed(think.thought, error.trouble, error.passing, str(error))
        except Exception as error:
            log.exception("a model broke", model=self._model.name)
            what = f"expected an answer or a ModelError of {self._model.name}, got {type(error).__name__}: report it"
            return Failed(think.thought, "invalid", True, what)
        finally:
            if hasattr(stream, "aclose"):
                await stream.aclose()
        return Failed(think.thought, "invalid", True, f"expected an end of the answer of {self._model.name}, got none")

    async def _use(self, thought: int, runs: Sequence[ToolRun | ToolResult]) -> Event:
        """The results of all tools, in the order they were asked for."""

        async def one(run: ToolRun | ToolResult) -> ToolResult:
            return await self._run_tool(run) if isinstance(run, ToolRun) else run

        return Used(thought, tuple(await asyncio.gather(*map(one, runs))))
