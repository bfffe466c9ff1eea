"""The loop around the machine: one connection, one keyboard, one timer."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec
from rich.console import Console

from cadence.duplex import Closed, Duplex, WebSocketDuplex
from cadence.rooms import wire
from cadence.terminal import events
from cadence.terminal.editor import Editor, Pipe
from cadence.terminal.keyboard import single_keys, typed
from cadence.terminal.machine import Terminal
from cadence.terminal.screen import LiveScreen, PlainScreen, Screen

EVENTS_MAX = 256  # not yet handled; whoever would add another waits
SEND_SECONDS_MAX = 10.0

Typing = Callable[[], AsyncIterator[bytes]]
Connect = Callable[[], Awaitable[Duplex]]


class Shell:
    """Runs a `Terminal`. `keyboard` yields what is typed, b"" once at its end."""

    def __init__(
        self, machine: Terminal, screen: Screen, *, connect: Connect, keyboard: Typing, editor: Editor | Pipe
    ) -> None:
        self._machine = machine
        self._screen = screen
        self._connect = connect
        self._keyboard = keyboard
        self._editor = editor
        self._events: asyncio.Queue[events.Event] = asyncio.Queue(EVENTS_MAX)
        self._duplex: Duplex | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._space = asyncio.Event()  # for another typed line
        self._space.set()

    async def run(self) -> int:
        """Until it is over; returns the exit code."""
        async with asyncio.TaskGroup() as group:
            typing = group.create_task(self._type())
            try:
                return await self._conduct(group)
            finally:
                typing.cancel()
                if self._dialing is not None:
                    self._dialing.cancel()
                self._screen.close()

    async def _conduct(self, group: asyncio.TaskGroup) -> int:
        loop = asyncio.get_running_loop()
        actions = self._machine.start()
        while True:
            for action in actions:
                try:
                    if isinstance(action, events.Quit):
                        return action.code
                    await self._act(action, group, loop.time())
                except BrokenPipeError:
                    return 1  # nobody reads what we print any more
            deadline = self._machine.deadline()
            event: events.Event = events.Tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    event = await self._events.get()
            # A loop may wake a little early; never tell the machine an earlier time than it asked for.
            tick = isinstance(event, events.Tick) and deadline is not None
            actions = self._machine.handle(event, max(loop.time(), deadline or 0.0) if tick else loop.time())
            self._space.clear() if self._machine.full else self._space.set()

    async def _act(self, action: events.Action, group: asyncio.TaskGroup, now: float) -> None:
        match action:
            case events.Show():
                self._screen.show(action.line)
            case events.Status():
                self._screen.status(action.text, action.state, now)
            case events.Dial():
                self._dialing = group.create_task(self._stay(action.after_s))
            case events.Send() if self._duplex is not None:
                try:
                    async with asyncio.timeout(SEND_SECONDS_MAX):
                        await self._duplex.send(wire.encode(action.frame).decode())
                except (Closed, TimeoutError):
                    await self._duplex.close()  # whoever receives notices and tells
            case events.Hangup() if self._duplex is not None:
                await self._duplex.close()

    async def _stay(self, after_s: float) -> None:
        """One connection from its beginning to its end."""
        await asyncio.sleep(after_s)
        try:
            duplex = await self._connect()
        except OSError as error:
            await self._events.put(events.Lost(None, str(error)))
            return
        self._duplex = duplex
        lost = events.Lost(None, "the connection was cut")
        try:
            await self._events.put(events.Opened())
            while True:
                with contextlib.suppress(msgspec.DecodeError):  # of a kind we do not know: the protocol may grow
                    await self._events.put(events.Received(wire.decode_reply(await duplex.receive())))
        except Closed as closed:
            lost = events.Lost(closed.code, str(closed))
        finally:
            self._duplex = None
            await duplex.close()
        await self._events.put(lost)

    async def _type(self) -> None:
        async for data in self._keyboard():
            lines = self._editor.feed(data)
            if isinstance(self._editor, Editor):
                self._screen.typed(self._editor.text)
            for line in lines:
                await self._space.wait()
                await self._events.put(events.Typed(line))


def join(url: str, room: str, *, name: str | None, token: str | None, run_id: str) -> int:
    """Read `room` of the server at `url` in this terminal until `/quit`; returns the exit code. Blocks."""
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    machine = Terminal(room, name=name, token=token, run_id=run_id, zone=zone)

    async def connect() -> Duplex:
        return await WebSocketDuplex.open(url)

    async def run() -> int:
        console, errors = (Console(highlight=False, emoji=False, markup=False, stderr=err) for err in (False, True))
        live = sys.stdin.isatty() and console.is_terminal and not console.is_dumb_terminal
        with single_keys(sys.stdin.fileno()) if live else contextlib.nullcontext():
            screen: Screen = LiveScreen(console) if live else PlainScreen(console, errors)
            editor = Editor() if live else Pipe()
            shell = Shell(machine, screen, connect=connect, keyboard=lambda: typed(sys.stdin.fileno()), editor=editor)
            if live:
                asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, screen.redraw)
            return await shell.run()

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal of another encoding shows what it can
    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return 130
