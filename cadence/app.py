"""The composition: reads a place, wires rooms, Alex and personas together, and serves them.

This is the only file that knows all of them; nothing but the command line imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from cadence import __version__
from cadence.alex.driver import Driver
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.peer import Frame
from cadence.fastpath import server_config, why_not
from cadence.lod.pack import Pack
from cadence.mediating import Options, Process, encoder_for
from cadence.metrics import MEDIA_TYPE, Figures
from cadence.packing import PackError, pack_at
from cadence.personas.inprocess import InProcessDuplex
from cadence.personas.place import Place, load_place
from cadence.personas.play import Action, Restarted
from cadence.personas.roomfile import Room
from cadence.personas.stage import Cast, Stage, StageError
from cadence.process import clock_offset, configure_logging, loop_factory, spare_garbage, wall_clock
from cadence.reload import PID_FILE
from cadence.rooms.gateway import Gateway
from cadence.rooms.health import Metrics
from cadence.rooms.http import create_api
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import LogError
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.room import RoomInfo
from cadence.rooms.sink import Path as SinkPath
from cadence.settings import Settings
from cadence.site import mount_site

RECONNECT_SECONDS = 2.0  # what a draining server asks its clients to wait
LOOPBACK = ("127.0.0.1", "::1", "localhost")

log = structlog.get_logger(__name__)
Scope = MutableMapping[str, Any]


class StartError(Exception):
    """The server cannot start; the text is one sentence for the operator."""


class Service:
    """Everything between the sockets and the disk, started with `open` and ended with `close`."""

    def __init__(
        self,
        settings: Settings,
        store: SqliteLog,
        clock: Callable[[], float],
        clock_offset: float,
        host_token: str,
        pack: Pack | None = None,
        path: SinkPath = "transport",
    ) -> None:
        self.settings = settings
        self.store = store
        self.hub = Hub(store, clock)
        self.driver = self._mediation(clock, clock_offset, pack)
        self.hub.mediation = self.driver
        loopback = settings.host in LOOPBACK
        entry_token = settings.token.get_secret_value() if settings.token else None
        self.identity = Identity(
            store,
            clock,
            host_token=host_token,
            entry_token=entry_token,
            barred=self.hub.barred,
            open=settings.open or (loopback and entry_token is None),
        )
        # A page elsewhere may point its own name at loopback; only our names are let in there.
        self.gateway = Gateway(
            self.hub,
            self.identity,
            clock,
            version=__version__,
            hosts=LOOPBACK if self.identity.open and loopback else None,
            path=path,
        )
        self.metrics = Metrics(
            Figures(self.hub, self.driver, __version__, path).write, MEDIA_TYPE, open=loopback and self.identity.open
        )
        self._rooms: dict[str, Room] = {}
        self._stages: dict[str, asyncio.Task[None]] = {}

    @classmethod
    async def open(cls, settings: Settings) -> Service:
        """Open the log and the rooms of the place. Raises `StartError`."""
        data = settings.data
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            host_token = read_host_token(data)
        except OSError as error:
            raise StartError(f"{error.filename or data}: cannot be written: {error.strerror}") from error
        try:
            pack = pack_at(settings.pack)
        except PackError as error:
            raise StartError(str(error)) from error
        offset = clock_offset()
        clock = wall_clock(offset)
        try:
            store = await SqliteLog.open(data / "log.db", clock)
        except LogError as error:
            raise StartError(f"{data / 'log.db'}: {error}") from error
        service = cls(settings, store, clock, offset, host_token, pack, await path_for(settings))
        await service.identity.load()
        if isinstance(service.driver, Mediators):
            try:
                await service.driver.open()
            except OSError as error:
                raise StartError(f"a mediator cannot be started: {error.strerror}; --mediators 0 needs none") from error
        await service.read_place()
        return service

    def _mediation(self, clock: Callable[[], float], clock_offset: float, pack: Pack | None) -> Driver | Mediators:
        """Alex, in this process or in others."""
        settings = self.settings
        if not settings.mediators:
            return Driver(self.store, clock, self.hub.tell, encoder_for(settings.data), pack)

        async def start(number: int, received: Callable[[Frame], None], lost: Callable[[], None]) -> Process:
            options = Options(
                str(settings.data), clock_offset, str(settings.pack) if settings.pack else None, keeps_nodes=number == 0
            )
            return await Process.start(options, received, lost)

        return Mediators(self.store, self.hub.tell, self.hub.send_away, start, settings.mediators)

    async def read_place(self) -> None:
        """Read the place again: new and changed rooms are taken over, broken ones stay as they were."""
        place = await asyncio.to_thread(load_place, self.settings.place)
        for problem in place.problems:
            log.error("place has a problem", problem=str(problem))
        self.identity.reserve([taken for card in place.personas.values() for taken in (card.id, card.name)])
        for room in place.rooms.values():
            await self._open(room, place)
        for gone in self._rooms.keys() - place.rooms.keys() - place.broken:
            log.warning("room has no file any more; it stays open until the next start", room=gone)
        log.info("place read", place=str(place.root), rooms=len(self._rooms), problems=len(place.problems))

    async def drain(self) -> None:
        """Fall silent, then ask all clients to come back in a moment."""
        for task in self._stages.values():
            task.cancel()
        await asyncio.gather(*self._stages.values(), return_exceptions=True)
        await self.hub.drain(RECONNECT_SECONDS)

    async def close(self) -> None:
        """End what was started, the log last."""
        await self.drain()
        await self.driver.close()
        await self.hub.close()
        await self.store.close()

    async def _open(self, room: Room, place: Place) -> None:
        before = self._rooms.get(room.id)
        await self.hub.open_room(RoomInfo(room.id, room.title, public=room.public, pods=room.pods))
        opened = next(known for known in self.hub.rooms() if known.info.room == room.id)
        await self.driver.open_room(
            room.id,
            opened.epoch,
            opened.head,
            room.view,
            title=room.title,
            scope=room.scope,
            public=room.public,
            floor=room.floor,
        )
        self._rooms[room.id] = room
        if before is not None and (before.script, before.members) == (room.script, room.members):
            return
        if (playing := self._stages.pop(room.id, None)) is not None:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        if room.script:
            self._stages[room.id] = asyncio.create_task(self._play(room, place))

    async def _play(self, room: Room, place: Place) -> None:
        speakers = dict.fromkeys(line.speaker for line in room.script)
        cast = [
            Cast(id, place.personas[id].name, self.identity.persona_token(id, place.personas[id].name))
            for id in speakers
        ]

        def observe(action: Action) -> None:
            if isinstance(action, Restarted):
                self.driver.forget(room.id)

        stage = Stage(
            room.id,
            cast,
            room.script,
            connect=lambda _: InProcessDuplex.open(self.gateway),
            run_id=secrets.token_hex(8),
            speed=self.settings.speed,
            observe=observe,
        )
        try:
            await stage.run()
        except StageError as error:
            log.error("conversation stopped", room=room.id, why=str(error))


async def path_for(settings: Settings) -> SinkPath:
    """How frames leave: as set, or to the transport itself if that is proven to work here."""
    if settings.sink == "auto":
        trouble = await why_not()
        if trouble:
            log.warning("frames leave through ASGI, which is slower", why=trouble)
        return "asgi" if trouble else "transport"
    return settings.sink


class _Server(uvicorn.Server):
    """uvicorn, that lets clients know before it goes away."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends by returning: uvicorn would raise the signal again and kill us before the log is closed."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._service.drain()
        await super().shutdown(sockets)


def serve(settings: Settings) -> int:
    """Run the server until a signal ends it; returns the exit code. Problems are told on stderr."""
    configure_logging()
    spare_garbage()
    try:
        check_exposure(settings)
        check_place(settings.place)
        listener = listen(settings.host, settings.port)
        with contextlib.closing(listener):
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                return runner.run(_serve(settings, listener))
    except StartError as error:
        print(f"cadence: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _serve(settings: Settings, listener: socket.socket) -> int:
    service = await Service.open(settings)
    try:
        host, port = listener.getsockname()[:2]
        api = create_api(service.hub, service.identity, __version__, service.metrics)
        mount_site(api)
        config = server_config(dispatch(service.gateway, api))
        server = _Server(config, service)
        loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, lambda: _reload(service))
        with pid_file(settings.data):
            name = f"[{host}]" if ":" in host else host
            print(f"Cadence is at http://{name}:{port}/#ticket={service.identity.ticket()}", flush=True)
            await server.serve(sockets=[listener])
    finally:
        await service.close()
    return 0


_reloads: set[asyncio.Task[None]] = set()  # a task nobody holds may be collected before it ends


def _reload(service: Service) -> None:
    task = asyncio.get_running_loop().create_task(service.read_place())
    _reloads.add(task)
    task.add_done_callback(_reloads.discard)


def dispatch(gateway: Callable[..., Awaitable[None]], api: Callable[..., Awaitable[None]]) -> Callable[..., Any]:
    """One ASGI application: `/ws` goes to the gateway without passing through the HTTP framework."""

    async def app(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "websocket":
            if scope["path"] == "/ws":
                await gateway(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "expected /ws"})
        else:
            await api(scope, receive, send)

    return app


def check_exposure(settings: Settings) -> None:
    """Refuse to be reachable from elsewhere by accident (protocol rule 10). Raises `StartError`."""
    if settings.host not in LOOPBACK and not settings.open and settings.token is None:
        raise StartError(
            f"host {settings.host} can be reached from other machines: set CADENCE_TOKEN to a secret that everyone "
            "must show, or pass --open to let anyone in"
        )


def check_place(place: Path) -> None:
    """Refuse a folder that is not there: a misspelt path is no empty place. Raises `StartError`."""
    if not place.is_dir():
        raise StartError(f"expected a folder at {place}, got none; `cadence init {place}` makes one")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `StartError` naming what to do."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise StartError(f"host {host}: expected an address of this machine: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise StartError(
            f"port {port} on {host} cannot be used: {error.strerror}; stop what is using it or pass --port with another"
        ) from error
    return listener


def read_host_token(data: Path) -> str:
    """The host's token in DATA/host-token, made on the first start and readable by its owner only."""
    path = data / "host-token"
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    token = path.read_text().strip()
    if len(token) < 16:
        raise StartError(f"{path}: expected a token of at least 16 characters; remove the file to get a new one")
    return token


@contextlib.contextmanager
def pid_file(data: Path) -> Any:
    """DATA/cadence.pid holds this process's id meanwhile, for `cadence reload`."""
    path = data / PID_FILE
    path.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
