"""Changes of a reader's view: checked, put in force, stored; also of a reader who is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cadence.alex import views
from cadence.alex.delivery import Delivery
from cadence.alex.reader import MediatedRoom, view_reply
from cadence.alex.recovery import balance_of
from cadence.rooms.mediation import ReaderRecord, ReaderStore
from cadence.rooms.wire import Member, ViewReply, ViewRequest, WireError


class Setting:
    """Sets views; `delivery` tells mediators of them and stores the readers who are there.

    `clock` gives seconds since the epoch.
    """

    def __init__(self, store: ReaderStore, delivery: Delivery, clock: Callable[[], float]) -> None:
        self._store, self._delivery, self._clock = store, delivery, clock

    async def set_view(self, mediated: MediatedRoom, by: Member, request: ViewRequest) -> ViewReply:
        """As `Mediation.set_view` says. What is refused has changed nothing."""
        user = request.participant or by.id
        reader = mediated.readers.get(user)
        if reader is None:
            return view_reply(mediated, user, await self._set_stored(mediated, by, request))
        async with reader.lock:  # an arrival under way ends first
            if reader.mediator is None:
                return view_reply(mediated, user, await self._set_stored(mediated, by, request))
            changed = _changed(reader.record, by, request)
            if changed is not None:
                await self._delivery.change(reader, changed)
            return view_reply(mediated, user, reader.record)

    async def _set_stored(self, mediated: MediatedRoom, by: Member, request: ViewRequest) -> ReaderRecord:
        """Set the view of a reader whom nobody mediates; returns what is stored of them."""
        user = request.participant or by.id
        reader = mediated.readers.get(user)
        record = reader.record if reader and reader.loaded else await self._store.reader(mediated.room, user)
        if record is None:
            raise WireError(
                "not_found", f"`{user[:64]}` is not a reader of this room", field="participant", room=mediated.room
            )
        changed = _changed(record, by, request)
        if changed is None:
            return record
        before, view = (views.resolve(mediated.defaults, one.patch) for one in (record, changed))
        if changed.balance is not None:
            balance = await balance_of(self._store, mediated.room, user, changed, before, self._clock())
            changed = replace(changed, balance=balance)
        return await self._set_absent(mediated, user, changed, raw=view.mode == "raw")

    async def _set_absent(self, mediated: MediatedRoom, user: str, record: ReaderRecord, *, raw: bool) -> ReaderRecord:
        """Store the view of a reader who is not there; a change of mode is stored with the head (rule 4)."""
        if record.raw_from is not None and not raw:
            await self._store.add_raw_range(mediated.room, user, record.raw_from, mediated.head)
            record = replace(record, raw_from=None, covered_to=mediated.head)
        elif record.raw_from is None and raw and record.run_from:
            record = replace(record, raw_from=record.covered_to + 1)
        await self._store.save_reader(mediated.room, user, record)
        if (reader := mediated.readers.get(user)) is not None:
            reader.record = record
        return record


def _changed(record: ReaderRecord, by: Member, request: ViewRequest) -> ReaderRecord | None:
    """`record` with what is asked for, None if that is nothing. Raises `WireError`."""
    views.check(request, by, record.locked)
    patch = views.patch_of(request)
    if not patch.fields() and not isinstance(request.lock, tuple):
        return None
    locked = request.lock if isinstance(request.lock, tuple) else record.locked
    return replace(record, patch=views.merged(record.patch, patch), locked=tuple(dict.fromkeys(locked)), set_by=by.id)
