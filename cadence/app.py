"""The composition: reads a place, wires rooms, Alex and personas together, and serves them.

This is the only file that knows all of them; nothing but the command line imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.responses import PlainTextResponse

from cadence import __version__
from cadence.alex.driver import Driver
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.near import Server
from cadence.alex.remote.peer import Frame
from cadence.answering import models_of
from cadence.casting import Casting, ModelSource, PlaceModels
from cadence.fastpath import server_config, why_not
from cadence.lod.pack import Pack
from cadence.lod.scopes import Floor
from cadence.mediating import Options, Process, encoder_for
from cadence.metrics import MEDIA_TYPE, Figures
from cadence.narrating import NoNarrator, narrator_for
from cadence.packing import PackError, pack_at
from cadence.personas.cards import Card
from cadence.personas.place import Place, load_place
from cadence.personas.roomfile import Room
from cadence.process import WallClock, configure_logging, loop_factory, spare_garbage
from cadence.rooms.forgetting import let_go
from cadence.rooms.gateway import Gateway
from cadence.rooms.guests import Guests
from cadence.rooms.health import Metrics
from cadence.rooms.hosting import Office
from cadence.rooms.housekeeping import Housekeeping
from cadence.rooms.http import create_api
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log import Log, LogError
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.making import RoomBook
from cadence.rooms.room import RoomInfo
from cadence.rooms.shared import Shared
from cadence.rooms.sink import Path as SinkPath
from cadence.rooms.wire import ViewPatch
from cadence.rooms.wire.hosting import RoomSettings
from cadence.settings import Settings
from cadence.sharing import Sharing, open_shared, take_over
from cadence.site import mount_site
from cadence.starting import (
    LOOPBACK,
    StartError,
    check_exposure,
    check_place,
    copies,
    listen,
    pid_file,
    read_host_token,
)

RECONNECT_SECONDS = 2.0  # what a draining server asks its clients to wait

log = structlog.get_logger(__name__)
Scope = MutableMapping[str, Any]


class Service:
    """Everything between the sockets and the disk, started with `open` and ended with `close`."""

    def __init__(
        self,
        settings: Settings,
        store: Log,
        clock: WallClock,
        host_token: str,
        pack: Pack | None = None,
        path: SinkPath = "transport",
        models: ModelSource | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.hub = Hub(store, clock)
        self.driver = self._mediation(clock, pack)
        self.hub.mediation = self.driver
        self.sharing: Sharing | None = None
        loopback = settings.host in LOOPBACK
        entry_token = settings.token.get_secret_value() if settings.token else None
        self.identity = Identity(
            store,
            clock,
            host_token=host_token,
            entry_token=entry_token,
            barred=self.hub.barred,
            shared=settings.redis is not None,
            open=settings.open or (loopback and entry_token is None),
        )
        self.hosts = LOOPBACK if self.identity.open and loopback else None
        # A page elsewhere may point its own name at loopback; only our names are let in there.
        self.gateway = Gateway(
            self.hub,
            self.identity,
            clock,
            version=__version__,
            hosts=self.hosts,
            path=path,
        )
        self.models = PlaceModels()
        self.model_source = models or self.models
        self.casting = Casting(
            self.gateway,
            self.identity.persona_token,
            models=self.model_source,
            forget=self.driver.forget,
            folder=settings.data / "minds",
            speed=settings.speed,
        )
        self.metrics = Metrics(
            Figures(self.hub, self.driver, __version__, path, self.models, self.casting).write,
            MEDIA_TYPE,
            open=loopback and self.identity.open,
        )
        self.book = RoomBook(store, clock, self._open_made)
        self.office = Office(self.book, lambda: copies(settings.data))
        self._housekeeping: asyncio.Task[None] | None = None
        self.guests = None if self.hosts is None else Guests(self.identity, clock, self.hosts)
        self.answering = models_of(self.hub, self.driver, lambda: self._cards, self.model_source)
        self._cards: dict[str, Card] = {}
        self._rooms: dict[str, Room] = {}

    @classmethod
    async def open(cls, settings: Settings, models: ModelSource | None = None) -> Service:
        """Open the log and the rooms of the place; `models` instead of its own. Raises `StartError`."""
        data = settings.data
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            given = settings.host_token
            host_token = read_host_token(data) if given is None else given.get_secret_value()
        except OSError as error:
            raise StartError(f"{error.filename or data}: cannot be written: {error.strerror}") from error
        try:
            pack = pack_at(settings.pack)
        except PackError as error:
            raise StartError(str(error)) from error
        clock = WallClock()
        where = str(data / "log.db") if settings.redis is None else "redis (CADENCE_REDIS)"
        try:
            store: SqliteLog | Shared
            if settings.redis is None:
                store = await SqliteLog.open(data / "log.db", clock)
            else:
                store = await open_shared(settings.redis.get_secret_value(), clock, data / "shared.search")
            if (leap := clock.reach(await store.newest())) > 0:
                log.warning("the system's clock is behind the log: time goes on from there", seconds=round(leap, 3))
            service = cls(settings, store, clock, host_token, pack, await path_for(settings), models)
            if not isinstance(store, SqliteLog):
                service._share(store, clock)
            await service.identity.load()
            await service._start_mediators()
            await service.book.load()
            await service.read_place()
        except LogError as error:
            raise StartError(f"{where}: {error}") from error
        if service.sharing is not None:
            service.sharing.start()
        service._housekeeping = asyncio.create_task(Housekeeping(service.hub, service.identity).run())
        return service

    def _mediation(self, clock: WallClock, pack: Pack | None) -> Driver | Mediators:
        """Alex, in this process or in others."""
        settings = self.settings
        if not settings.mediators:
            return Driver(self.store, clock, self.hub.tell, encoder_for(settings.data), pack, self.hub.may_read)

        async def start(number: int, received: Callable[[Frame], None], lost: Callable[[], None]) -> Process:
            options = Options(
                str(settings.data), clock.offset, str(settings.pack) if settings.pack else None, keeps_nodes=number == 0
            )
            return await Process.start(options, received, lost)

        server = Server(self.store, self.hub.tell, self.hub.tell_here, self.hub.send_away, self.hub.may_read)
        return Mediators(server, start, settings.mediators)

    def _share(self, store: Shared, clock: WallClock) -> None:
        """Be one of several servers."""
        self.sharing = Sharing(store, self.hub, self.driver)
        self.sharing.node.reaffirm, self.sharing.node.reach = self.identity.reaffirm, partial(self._reach, clock)
        self.sharing.node.let_go = partial(let_go, self.hub, self.identity)
        self.sharing.node.refresh = partial(take_over, self.hub, self.identity, self.book)
        self.casting.alone = self.sharing.alone

    def _reach(self, clock: WallClock, at: float) -> float:
        """Another server's clock is at `at`: let that of this one go on from there, and those of its mediators."""
        leap = clock.reach(at)
        if leap > 0 and isinstance(self.driver, Mediators):
            self.driver.reach(clock())
        return leap

    async def _start_mediators(self) -> None:
        if isinstance(self.driver, Mediators):
            try:
                await self.driver.open()
            except OSError as error:
                raise StartError(f"a mediator cannot be started: {error.strerror}; --mediators 0 needs none") from error

    async def read_place(self) -> None:
        """Read the place again: new and changed rooms are taken over, broken ones stay as they were."""
        place = await asyncio.to_thread(load_place, self.settings.place)
        for problem in place.problems:
            log.error("place has a problem", problem=str(problem))
        self._cards = place.personas
        self.identity.reserve([taken for card in place.personas.values() for taken in (card.id, card.name)])
        self.models.update(place.models)
        try:
            self.driver.narrate(narrator_for(place, self.model_source))
        except NoNarrator as error:
            self.driver.narrate(None)
            log.error("no prose", why=str(error))
        for room in place.rooms.values():
            await self._open(room, place)
        await self.book.open_all({*self._rooms, *place.rooms, *place.broken})
        await self.models.sweep()
        for gone in self._rooms.keys() - place.rooms.keys() - place.broken:
            log.warning("room has no file any more; it stays open until the next start", room=gone)
        log.info("place read", place=str(place.root), rooms=len(self._rooms), problems=len(place.problems))

    async def drain(self) -> None:
        """Fall silent, then ask all clients to come back in a moment."""
        await self.casting.end()
        await self.hub.drain(RECONNECT_SECONDS)

    async def close(self) -> None:
        """End what was started, the log last."""
        await self.drain()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        if self.sharing is not None:
            await self.sharing.close()
        await self.models.aclose()
        await self.driver.close()
        await self.hub.close()
        await self.store.close()

    async def _open(self, room: Room, place: Place) -> None:
        info = RoomInfo(room.id, room.title, room.public, room.pods, frozenset(room.members), room.keep_days)
        await self._open_room(info, room.view, room.scope, room.floor)
        self._rooms[room.id] = room
        await self.casting.cast(room, place)

    async def _open_made(self, room: str, settings: RoomSettings) -> None:
        """Open or change a room that a host made here."""
        info = RoomInfo(room, settings.title, settings.public, settings.pods, keep_days=settings.keep_days)
        await self._open_room(info, settings.view, settings.scope, Floor(settings.pods))

    async def _open_room(self, info: RoomInfo, view: ViewPatch, scope: str, floor: Floor) -> None:
        await self.hub.open_room(info)
        opened = next(known for known in self.hub.rooms() if known.info.room == info.room)
        await self.driver.open_room(
            info.room,
            opened.epoch,
            opened.head,
            view,
            title=info.title,
            scope=scope,
            public=info.public,
            floor=floor,
        )
        if self.sharing is not None:
            await self.sharing.open(info.room)


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


def serve(settings: Settings, models: ModelSource | None = None) -> int:
    """Run the server until a signal ends it; returns the exit code. Problems are told on stderr."""
    configure_logging()
    spare_garbage()
    try:
        check_exposure(settings)
        check_place(settings.place)
        listener = listen(settings.host, settings.port)
        with contextlib.closing(listener):
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                return runner.run(_serve(settings, listener, models))
    except StartError as error:
        print(f"cadence: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _serve(settings: Settings, listener: socket.socket, models: ModelSource | None) -> int:
    service = await Service.open(settings, models)
    try:
        host, port = listener.getsockname()[:2]
        api = create_api(
            service.hub,
            service.identity,
            __version__,
            service.metrics,
            office=service.office,
            guests=service.guests,
            models=service.answering,
        )
        mount_site(api)
        config = server_config(dispatch(service.gateway, api, service.hosts))
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


def dispatch(
    gateway: Callable[..., Awaitable[None]], api: Callable[..., Awaitable[None]], hosts: Collection[str] | None = None
) -> Callable[..., Any]:
    """One ASGI application: `/ws` goes to the gateway without passing through the HTTP framework.

    With `hosts` HTTP answers under these names only: a page elsewhere may point its own name at loopback and would
    then read what anyone here may read. The gateway looks for itself.
    """

    async def app(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "websocket":
            if scope["path"] == "/ws":
                await gateway(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "expected /ws"})
        elif hosts is not None and scope["type"] == "http" and not _is_for(hosts, scope):
            await PlainTextResponse(f"expected one of {', '.join(hosts)} as Host\n", 403)(scope, receive, send)
        else:
            await api(scope, receive, send)

    return app


def _is_for(hosts: Collection[str], scope: Scope) -> bool:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"), "")
    try:
        return urlsplit(f"//{host}").hostname in hosts
    except ValueError:  # a bracket that is never closed, say
        return False
