"""Rooms that hosts made while the server runs: kept in the log, opened again at every start.

A room has one owner: its file, or the host who made it here. A file wins: while there is one, the room made here is
set aside and what it said about itself does not hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
import structlog

from cadence.rooms import Clock
from cadence.rooms.log import HostAction, Log
from cadence.rooms.roster import NameRefused, clean_name
from cadence.rooms.wire import Member, WireError
from cadence.rooms.wire.hosting import NewRoom, RoomPatch, RoomSettings

KIND = "room"  # of the log's small records
MADE_MAX = 1000
SCOPE_LEVELS_MAX = 8

log = structlog.get_logger(__name__)


class RoomBook:
    """`open(id, settings)` opens a room, or changes one that is open, in all that must know of it."""

    def __init__(self, store: Log, clock: Clock, open: Callable[[str, RoomSettings], Awaitable[None]]) -> None:
        self._store, self._clock, self._open = store, clock, open
        self._made: dict[str, RoomSettings] = {}
        self._filed: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Take over what is in the log; opens nothing."""
        found = await self._store.kept(KIND)
        self._made = {room: msgspec.json.decode(body, type=RoomSettings) for room, body in found.items()}

    async def refresh(self) -> None:
        """Open or change what was made or changed at other servers that share the log."""
        before = dict(self._made)
        for room, body in (await self._store.kept(KIND)).items():
            settings = msgspec.json.decode(body, type=RoomSettings)
            # What was changed here meanwhile is newer than what was read.
            if settings != before.get(room) and self._made.get(room) == before.get(room):
                self._made[room] = settings
                if room not in self._filed:
                    await self._open(room, settings)

    async def open_all(self, filed: Iterable[str]) -> None:
        """Open every room made here; those of `filed` have a file, and that holds."""
        self._filed = frozenset(filed)
        for room, settings in self._made.items():
            if room in self._filed:
                log.error(
                    "a room that was made here has a file now, and the file holds: remove it, or leave it so", room=room
                )
            else:
                await self._open(room, settings)

    def settings(self, room: str) -> RoomSettings | None:
        """What a host said of a room made here; None if a file holds."""
        return None if room in self._filed else self._made.get(room)

    async def make(self, by: Member, asked: NewRoom) -> RoomSettings:
        """Make a room; raises `WireError`."""
        room, settings = asked.room, _checked(asked.settings())
        if room in self._filed or room in self._made:
            raise WireError("conflict", f"there is a room `{room}`: choose another id", field="room")
        if len(self._made) >= MADE_MAX:
            raise WireError("unavailable", f"expected at most {MADE_MAX} rooms made here")
        self._made[room] = settings  # before anything waits: two who ask at once must not both get it
        try:
            if (await self._store.open_room(room)).head:
                raise WireError(
                    "conflict", f"the log has messages of an earlier room `{room}`: choose another id", field="room"
                )
            await self._keep(by, room, settings, "made")
        except BaseException:
            del self._made[room]
            raise
        await self._open(room, settings)
        return settings

    async def change(self, by: Member, room: str, patch: RoomPatch) -> RoomSettings:
        """Change a room made here; raises `WireError`, for a room of a file too."""
        if room in self._filed:
            raise WireError(
                "conflict",
                f"rooms/{room}.toml says how this room is: edit the file, then `cadence reload`",
                field="room",
            )
        if room not in self._made:
            raise WireError("no_such_room", f"expected a room that was made here, got `{room[:64]}`")
        changes = patch.fields()
        settings = _checked(msgspec.structs.replace(self._made[room], **changes))
        await self._keep(by, room, settings, f"set {', '.join(changes) or 'nothing'}")
        self._made[room] = settings
        await self._open(room, settings)
        return settings

    async def _keep(self, by: Member, room: str, settings: RoomSettings, note: str) -> None:
        await self._store.record(HostAction(self._clock(), by.id, "room", room, room, note=note))
        await self._store.keep(KIND, room, msgspec.json.encode(settings))


def described(room: str, settings: RoomSettings) -> dict[str, Any]:
    """A room made here, for JSON."""
    return {"room": room, **msgspec.to_builtins(settings)}


def _checked(settings: RoomSettings) -> RoomSettings:
    """`settings` with its title as it will be shown; raises `WireError` for what the types cannot say."""
    try:
        title = clean_name(settings.title, chars_max=100)
    except NameRefused as refused:
        raise WireError("bad_field", f"`title`: {refused}", field="title") from None
    if len(set(settings.pods)) < len(settings.pods):
        raise WireError("bad_field", "`pods`: expected each id once", field="pods")
    if settings.scope.count("/") >= SCOPE_LEVELS_MAX:
        raise WireError("bad_field", f"`scope`: expected at most {SCOPE_LEVELS_MAX} levels", field="scope")
    focus = settings.view.focus
    if isinstance(focus, msgspec.Struct) and focus.pod is not msgspec.UNSET and focus.pod not in settings.pods:
        raise WireError("bad_field", "`view.focus.pod`: expected a pod of the room", field="view")
    return msgspec.structs.replace(settings, title=title)
