"""Over HTTP what else goes over the socket: to speak, to read one's turns, and, for hosts, to see and set a view.

The bodies are those of the frames, without `type` and `room`; so are the answers, the errors and the limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from msgspec import UNSET

from cadence.rooms import history, moderation
from cadence.rooms.access import Authorization, host
from cadence.rooms.bodies import answer, gives, read_fields, takes
from cadence.rooms.guests import GuestName, Guests, actor
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.limiter import REQUESTS_PER_S, Shares, admit, retry_after_s
from cadence.rooms.mediation import Mediation
from cadence.rooms.wire import (
    PAGE_ITEMS_MAX,
    SEQ_MAX,
    Member,
    Page,
    Said,
    Say,
    ViewReply,
    ViewRequest,
    WireError,
    decode_request,
)

SEQS_CHARS_MAX = 4000
TYPES = (Said, Page, ViewReply)
# What a body leaves out, as the address says it.
BODIES: Mapping[type[msgspec.Struct], tuple[str, ...]] = {
    Say: ("type", "room", "ref"),
    ViewRequest: ("type", "room", "ref", "participant"),
}

Position = Annotated[int | None, Query(ge=0, le=2**53)]
Seqs = Annotated[str | None, Query(max_length=SEQS_CHARS_MAX)]
Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)]


def add_twins(api: FastAPI, hub: Hub, identity: Identity, guests: Guests | None) -> None:
    """Add the routes to `api`. Without `guests` nobody is let in for a mere name."""
    rates = Shares(REQUESTS_PER_S)

    async def acting(request: Request, authorization: str | None, name: str | None) -> Member:
        who = await actor(identity, guests, request, authorization, name)
        wait = admit([rates.of(who.id)], hub.clock())
        if wait > 0:
            raise WireError("rate_limited", f"too many requests: wait {wait:.2f} s", retry_after_s=retry_after_s(wait))
        return who

    @api.post(
        "/api/rooms/{room}/messages", status_code=201, response_class=Response,
        openapi_extra=takes(Say, BODIES[Say]), responses=gives(Said, 201),
    )  # fmt: skip
    async def say(room: str, request: Request, authorization: Authorization = None, name: GuestName = None) -> Response:
        """Say something: the fields of `say`, without having joined. Returns `said`, once the message is durable.

        The same `id` and content again: the same answer and no second message; other content: 409.
        """
        who = await acting(request, authorization, name)
        frame = _frame("say", room, await read_fields(request))
        assert isinstance(frame, Say)
        return answer(await hub.say(who, frame), 201)

    @api.get("/api/rooms/{room}/turns", response_class=Response, responses=gives(Page))
    async def turns(
        room: str,
        request: Request,
        before: Position = None,
        after: Position = None,
        seqs: Seqs = None,
        limit: Limit = 50,
        participant: Annotated[str | None, Query(max_length=64)] = None,
        authorization: Authorization = None,
    ) -> Response:
        """A page of your turns, ascending; `seqs` is a list of their numbers with commas. A host: of anybody's."""
        who = await acting(request, authorization, None)
        found = hub.find(room, who)
        if who.kind == "agent":
            raise WireError("forbidden", "agents have no use for turns: they receive every message at once")
        reader = participant or who.id
        if reader != who.id and who.role != "host":
            raise WireError("forbidden", "only a host may read another's turns", field="participant")
        query = history.Query(before, after, numbers(seqs), limit)
        items, more = await history.turns(hub.store, found.info.room, reader, query)
        return answer(Page(room=found.info.room, stream="turns", items=items, more=more))

    _add_views(api, hub, identity)


def _add_views(api: FastAPI, hub: Hub, identity: Identity) -> None:
    path = "/api/rooms/{room}/participants/{id}/view"

    def reader_of(room: str, id: str, authorization: str | None) -> tuple[Member, Mediation]:
        who = host(identity, authorization, "see or set another's view here")
        hub.find(room, who)
        if hub.mediation is None:
            raise WireError("unavailable", "view: everybody here reads the raw stream")
        return who, hub.mediation

    @api.get(path, response_class=Response, responses=gives(ViewReply))
    async def view(room: str, id: str, authorization: Authorization = None) -> Response:
        """How somebody reads a room: a `view` frame. Hosts only."""
        who, mediation = reader_of(room, id, authorization)
        return answer(await mediation.set_view(who, ViewRequest(room=room, participant=id)))

    @api.patch(
        path, response_class=Response, openapi_extra=takes(ViewRequest, BODIES[ViewRequest]), responses=gives(ViewReply)
    )
    async def set_view(room: str, id: str, request: Request, authorization: Authorization = None) -> Response:
        """Change how somebody reads, and `lock` fields of it; they are told. Returns the whole `view`. Hosts only."""
        who, mediation = reader_of(room, id, authorization)
        frame = _frame("view", room, await read_fields(request))
        assert isinstance(frame, ViewRequest)
        asked = msgspec.structs.replace(frame, participant=id, ref=UNSET)
        reply = await moderation.set_view(hub, mediation, who, asked)
        hub.tell(room, reply.participant, reply)
        return answer(reply)


def numbers(text: str | None) -> tuple[int, ...] | None:
    """`seqs` of a query: numbers with commas between them. Raises `WireError`."""
    if text is None:
        return None
    try:
        seqs = tuple(int(piece) for piece in text.split(","))
    except ValueError:
        raise WireError("bad_field", "expected numbers with commas between them", field="seqs") from None
    if len(seqs) > PAGE_ITEMS_MAX or not all(0 <= seq <= SEQ_MAX for seq in seqs):
        raise WireError("bad_field", f"expected at most {PAGE_ITEMS_MAX} seqs, none below 0", field="seqs")
    return seqs


def _frame(type: str, room: str, fields: dict[str, Any]) -> msgspec.Struct:
    """The frame that these fields of a body stand for; raises `WireError` naming the field."""
    return decode_request(msgspec.json.encode({**fields, "type": type, "room": room}))
