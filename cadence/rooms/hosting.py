"""What hosts do over HTTP: rooms, invitations, tokens, forgetting. Bodies are JSON, typed in `wire.hosting`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from cadence.rooms import inviting
from cadence.rooms.access import Authorization, host
from cadence.rooms.bodies import read_body, takes
from cadence.rooms.forgetting import forget
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.making import RoomBook, described
from cadence.rooms.tokens import Token
from cadence.rooms.wire import CLOSE_UNAUTHORIZED, to_iso
from cadence.rooms.wire.hosting import Forget, Invite, NewRoom, NewToken, RoomPatch, decode_body

TYPES = (NewRoom, RoomPatch, Invite, NewToken, Forget)


@dataclass(frozen=True, slots=True)
class Office:
    """What a host's requests need besides the hub: the rooms made here, and names of copies of the log lying about."""

    book: RoomBook
    copies: Callable[[], Sequence[str]] = tuple


def add_hosting(api: FastAPI, hub: Hub, identity: Identity, office: Office) -> None:
    """Add the routes to `api`."""
    _add_rooms(api, hub, identity, office.book)
    _add_invitations(api, hub, identity)
    _add_tokens(api, hub, identity)
    _add_forgetting(api, hub, identity, office)


def _add_rooms(api: FastAPI, hub: Hub, identity: Identity, book: RoomBook) -> None:
    @api.post("/api/rooms", status_code=201, openapi_extra=takes(NewRoom))
    async def make(request: Request, authorization: Authorization = None) -> Response:
        """Make a room. It is kept in the log and opened again at every start. Hosts only."""
        by = host(identity, authorization, "make a room")
        asked = decode_body(await read_body(request), NewRoom)
        settings = await book.make(by, asked)
        return JSONResponse(described(asked.room, settings), 201)

    @api.patch("/api/rooms/{room}", openapi_extra=takes(RoomPatch))
    async def change(room: str, request: Request, authorization: Authorization = None) -> Response:
        """Change a room that was made here; one with a file is changed in its file (409). Hosts only."""
        by = host(identity, authorization, "change a room")
        asked = decode_body(await read_body(request), RoomPatch)
        hub.find(room, by)
        return JSONResponse(described(room, await book.change(by, room, asked)))

    @api.get("/api/rooms/{room}/access")
    async def access(room: str, authorization: Authorization = None) -> dict[str, Any]:
        """Who may read a room: {room, title, public, made_here, keep_days, readers}. Hosts only."""
        found = hub.find(room, host(identity, authorization, "see who may read a room"))
        info = found.info
        return {
            "room": info.room,
            "title": info.title,
            "public": info.public,
            "made_here": book.settings(info.room) is not None,
            "keep_days": info.keep_days,
            "readers": await inviting.readers(hub, identity, found),
        }


def _add_invitations(api: FastAPI, hub: Hub, identity: Identity) -> None:
    @api.post("/api/rooms/{room}/invitations", status_code=201, openapi_extra=takes(Invite))
    async def invite(room: str, request: Request, authorization: Authorization = None) -> Response:
        """Let somebody in: a `user` who is known, or somebody new by `name`, whose `token` is told this once."""
        by = host(identity, authorization, "invite to a room")
        found = hub.find(room, by)
        invited = await inviting.invite(hub, identity, by, found, decode_body(await read_body(request), Invite))
        one, made = invited.invitation, invited.made
        told: dict[str, Any] = {"room": one.room, "user": one.user, "name": one.name}
        if made is not None:
            told |= {"token": made.secret, "id": made.token.id, "expires_at": _time(made.token.expires_at)}
        return JSONResponse(told, 201)

    @api.delete("/api/rooms/{room}/invitations/{user}", status_code=204)
    async def dismiss(room: str, user: str, authorization: Authorization = None) -> Response:
        """End an invitation; where the room is private they leave it at once. Their tokens stay. Hosts only."""
        by = host(identity, authorization, "end an invitation")
        await inviting.dismiss(hub, by, hub.find(room, by), user)
        return Response(status_code=204)


def _add_tokens(api: FastAPI, hub: Hub, identity: Identity) -> None:
    tokens = identity.tokens

    @api.post("/api/tokens", status_code=201, openapi_extra=takes(NewToken))
    async def make(request: Request, authorization: Authorization = None) -> Response:
        """A token for one person or agent, told this once; only its hash is kept. Hosts only."""
        by = host(identity, authorization, "make tokens")
        made = await tokens.make(by.id, decode_body(await read_body(request), NewToken))
        return JSONResponse({**_token(made.token), "token": made.secret}, 201)

    @api.get("/api/tokens")
    async def listed(authorization: Authorization = None) -> list[dict[str, Any]]:
        """The valid tokens, without their secrets. Hosts only."""
        host(identity, authorization, "list tokens")
        return [_token(token) for token in tokens.all()]

    @api.delete("/api/tokens/{id}", status_code=204)
    async def revoke(id: str, authorization: Authorization = None) -> Response:
        """End a token at once; who has no other is disconnected. Hosts only."""
        token = await tokens.revoke(host(identity, authorization, "revoke tokens").id, id)
        if not tokens.of(token.user):
            hub.put_out(token.user, CLOSE_UNAUTHORIZED, "your token was revoked: ask the host for a new one")
        return Response(status_code=204)


def _add_forgetting(api: FastAPI, hub: Hub, identity: Identity, office: Office) -> None:
    @api.post("/api/forget", openapi_extra=takes(Forget))
    async def forgotten(request: Request, authorization: Authorization = None) -> Response:
        """Forget a user: erase what they said, let an alias stand for them. Returns what there was. Hosts only."""
        by = host(identity, authorization, "have somebody forgotten")
        asked = decode_body(await read_body(request), Forget)
        found = await forget(hub, identity, by, asked.user, dry_run=asked.dry_run)
        return JSONResponse({**found.as_dict(), "dry_run": asked.dry_run, "copies": list(office.copies())})


def _token(token: Token) -> dict[str, Any]:
    times = {"made_at": _time(token.made_at), "expires_at": _time(token.expires_at)}
    names = ("id", "user", "name", "kind", "role", "made_by")
    return {**{name: getattr(token, name) for name in names}, **times}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else to_iso(seconds)
