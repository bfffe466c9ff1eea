"""How a reader's view comes about: protocol < room file < what was set, and who may set what.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection

from cadence.rooms.wire import VIEW_FIELDS, Member, View, ViewPatch, ViewRequest, WireError


def merged(under: ViewPatch, over: ViewPatch) -> ViewPatch:
    """Both patches as one; the fields of `over` win."""
    return ViewPatch(**{**under.fields(), **over.fields()})


def resolve(defaults: ViewPatch, stored: ViewPatch) -> View:
    """The complete view: the protocol's values, then the room's, then what was set for the reader."""
    return View(**{**defaults.fields(), **stored.fields()})


def patch_of(request: ViewRequest) -> ViewPatch:
    """The view fields of a request."""
    return ViewPatch(**request.fields())


def without(patch: ViewPatch, fields: Collection[str]) -> ViewPatch:
    """`patch` less these fields."""
    return ViewPatch(**{name: value for name, value in patch.fields().items() if name not in fields})


def acceptable(patch: ViewPatch, room: str, locked: Collection[str]) -> ViewPatch:
    """What a `join` may set: fields that are locked or not offered are ignored (PROTOCOL.md, View)."""
    refused = set(locked)
    if patch.focus and patch.focus.room not in (room, None) and patch.focus.room:
        refused.add("focus")
    return without(patch, refused)


def check(request: ViewRequest, by: Member, locked: Collection[str]) -> None:
    """Raise the `WireError` that refuses `request` from `by`, if anything does. Nothing is changed."""
    room, host = request.room, by.role == "host"
    other = bool(request.participant) and request.participant != by.id
    if other and not host:
        raise WireError("forbidden", "only a host sets another reader's view", field="participant", room=room)
    if isinstance(request.lock, tuple):
        if not host:
            raise WireError("forbidden", "only a host locks fields of a view", field="lock", room=room)
        for name in request.lock:
            if name not in VIEW_FIELDS:
                known = ", ".join(VIEW_FIELDS)
                raise WireError(
                    "bad_field", f"`lock`: expected some of {known}; got `{name[:40]}`", field="lock", room=room
                )
    fields = request.fields()
    if not host:
        for name in fields:
            if name in locked:
                raise WireError("forbidden", f"`{name}` was locked by a host", field=name, room=room)
    focus = fields.get("focus")
    if focus is not None and focus.room and focus.room != room:
        message = f"`focus.room`: expected `{room}`; a focus in another room is not offered yet"
        raise WireError("unavailable", message, field="focus.room", room=room)
