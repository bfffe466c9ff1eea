"""Changes of a reader's view: checked, put in force, stored; also of a reader who is not there."""

from __future__ import annotations

from dataclasses import replace

from cadence.alex import views
from cadence.alex.delivery import Delivery
from cadence.alex.events import Viewed
from cadence.alex.reader import MediatedRoom, Reader, view_reply
from cadence.rooms.mediation import ReaderRecord, ReaderStore
from cadence.rooms.wire import Member, ViewReply, ViewRequest, WireError


class Setting:
    """Sets views; `delivery` tells mediators of them and stores the readers who are there."""

    def __init__(self, store: ReaderStore, delivery: Delivery) -> None:
        self._store, self._delivery = store, delivery

    async def set_view(self, mediated: MediatedRoom, by: Member, request: ViewRequest) -> ViewReply:
        """As `Mediation.set_view` says."""
        user = request.participant or by.id
        reader = mediated.readers.get(user)
        if reader is not None:
            async with reader.lock:  # an arrival under way ends first
                pass
        record = reader.record if reader else await self._store.reader(mediated.room, user)
        if record is None:
            raise WireError(
                "not_found", f"`{user[:64]}` is not a reader of this room", field="participant", room=mediated.room
            )
        views.check(request, by, record.locked)
        patch = views.patch_of(request)
        changed = bool(patch.fields()) or isinstance(request.lock, tuple)
        if changed:
            locked = request.lock if isinstance(request.lock, tuple) else record.locked
            record = replace(
                record, patch=views.merged(record.patch, patch), locked=tuple(dict.fromkeys(locked)), set_by=by.id
            )
            await self._set(mediated, reader, user, record)
        return view_reply(mediated, user, record)

    async def _set(self, mediated: MediatedRoom, reader: Reader | None, user: str, record: ReaderRecord) -> None:
        """Put a changed view in force and store it."""
        view = views.resolve(mediated.defaults, record.patch)
        if reader is None or reader.mediator is None:
            await self._set_absent(mediated, user, record, raw=view.mode == "raw")
            return
        reader.record = record
        self._delivery.feed(reader, Viewed(view))
        await self._delivery.carry_out(reader)
        await self._delivery.save(reader)

    async def _set_absent(self, mediated: MediatedRoom, user: str, record: ReaderRecord, *, raw: bool) -> None:
        """Store the view of a reader who is not there; a change of mode is stored with the head (rule 4)."""
        if record.raw_from is not None and not raw:
            await self._store.add_raw_range(mediated.room, user, record.raw_from, mediated.head)
            record = replace(record, raw_from=None, covered_to=mediated.head)
        elif record.raw_from is None and raw and record.run_from:
            record = replace(record, raw_from=record.covered_to + 1)
        await self._store.save_reader(mediated.room, user, record)
        if (reader := mediated.readers.get(user)) is not None:
            reader.record = record
