"""What a host sends over HTTP: bodies of requests, with the bounds of each value.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cadence.rooms.wire.server import WireError
from cadence.rooms.wire.values import Kind, Role, ViewPatch

ID_PATTERN = "[a-z0-9_-]{1,64}"
PODS_MAX = 64
TTL_SECONDS_MAX = 10 * 366 * 86400.0
KEEP_DAYS_MAX = 36_600.0

Id = Annotated[str, Meta(pattern=rf"^{ID_PATTERN}\Z")]
Title = Annotated[str, Meta(min_length=1, max_length=100)]
Scope = Annotated[str, Meta(max_length=400, pattern=rf"^({ID_PATTERN}(/{ID_PATTERN})*)?\Z")]
Pods = Annotated[tuple[Id, ...], Meta(max_length=PODS_MAX)]
KeepDays = Annotated[float, Meta(gt=0, le=KEEP_DAYS_MAX)]
Ttl = Annotated[float, Meta(gt=0, le=TTL_SECONDS_MAX)]
Called = Annotated[str, Meta(min_length=1, max_length=200)]


class RoomSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a host decides about a room that has no file. `keep_days` null keeps what is said for ever."""

    title: Title
    public: bool = True
    pods: Pods = ()
    scope: Scope = ""
    view: ViewPatch = ViewPatch()
    keep_days: KeepDays | None = None


class NewRoom(RoomSettings, frozen=True, kw_only=True):
    """`POST /api/rooms`."""

    room: Id

    def settings(self) -> RoomSettings:
        """All but the id."""
        return RoomSettings(**{name: getattr(self, name) for name in RoomSettings.__struct_fields__})


class RoomPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """`PATCH /api/rooms/{room}`: some settings; the others stay."""

    title: Title | UnsetType = UNSET
    public: bool | UnsetType = UNSET
    pods: Pods | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    view: ViewPatch | UnsetType = UNSET
    keep_days: KeepDays | None | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """The settings that are set, by name."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/tokens`: a token for `name`, or another one for the `user` who has one. `expires_in_s` null: never."""

    name: Called
    role: Role = "member"
    kind: Kind = "human"
    user: Id | UnsetType = UNSET
    expires_in_s: Ttl | None = None


class Invite(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/rooms/{room}/invitations`: for a `user` who is known, or for somebody new called `name`."""

    user: Id | UnsetType = UNSET
    name: Called | UnsetType = UNSET
    role: Role = "guest"
    kind: Kind = "human"
    expires_in_s: Ttl | None = None


class Forget(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/forget`."""

    user: Annotated[str, Meta(min_length=1, max_length=64)]
    dry_run: bool = False


_NO_OBJECT = "expected one JSON object as the body, got something else"


def decode_body(data: bytes, kind: type[Any]) -> Any:
    """The body of a request as a `kind`; raises `WireError` naming the field."""
    try:
        return msgspec.json.decode(data or b"{}", type=kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        if not path and reason.startswith("Expected `object`"):
            raise WireError("bad_frame", _NO_OBJECT) from None
        field = path.strip("`.") or next(iter(reason.split("`")[1:2]), "")
        raise WireError("bad_field", f"`{field[:64]}`: {reason}"[:300], field=field[:64] or None) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise WireError("bad_frame", _NO_OBJECT) from None
