"""Who of the house speaks in the rooms: scripted conversations and minds, begun, changed and ended as the place says.

A member of a room whose card names a model is a mind, unless the room's script gives it lines. What cannot be cast is
told, by card and line, and the room goes on with the others.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from cadence.fields import nearest
from cadence.models.cards import ModelCard
from cadence.models.chat import ChatModel, ModelError
from cadence.models.opening import OpenModels, open_models
from cadence.models.pool import Pool
from cadence.models.usage import Ledger
from cadence.personas.cards import Card
from cadence.personas.cast import Cast
from cadence.personas.company import Company, Seat
from cadence.personas.inprocess import AsgiApp, InProcessDuplex
from cadence.personas.place import Place
from cadence.personas.play import Action, Restarted
from cadence.personas.roomfile import Room
from cadence.personas.sandbox import Sandbox
from cadence.personas.stage import Stage, StageError
from cadence.personas.thoughts import Counts

ModelSource = Callable[[str], ChatModel]
"""The model with this card's name. Raises `ModelError` with a sentence if there is none that works."""

Alone = Callable[[str, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]
"""Does for a room what one server of several does, while this is the one."""

log = structlog.get_logger(__name__)


class PlaceModels:
    """The models of a place by the names of their cards, kept open while the cards stay as they are."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._cards: dict[str, ModelCard] = {}
        self._open: dict[str, OpenModels] = {}
        self._retired: list[OpenModels] = []
        self._trouble: dict[str, ModelError] = {}

    @property
    def pools(self) -> dict[str, Pool]:
        """Where their calls go, by name."""
        return {name: opened.pools[name] for name, opened in self._open.items()}

    def update(self, cards: Mapping[str, ModelCard]) -> None:
        """These are the cards now. What speaks with a model that changed goes on until `sweep`."""
        for name in [name for name, card in self._cards.items() if cards.get(name) != card]:
            del self._cards[name]
            self._trouble.pop(name, None)
            if (opened := self._open.pop(name, None)) is not None:
                self._retired.append(opened)
        for name in cards.keys() - self._cards.keys():
            self._cards[name] = cards[name]
            try:
                self._open[name] = open_models({name: cards[name]}, ledger=self.ledger)
            except ModelError as error:
                self._trouble[name] = error

    def __call__(self, name: str) -> ChatModel:
        """The model with this card. Raises `ModelError` with a sentence if there is none that works."""
        if name in self._open:
            return self._open[name].models[name]
        if name in self._trouble:
            raise self._trouble[name]
        hint = f"; the nearest is `{nearest(name, list(self._cards))}`" if self._cards else ""
        raise ModelError("unknown_model", f"expected a model card models/{name}.toml that can be used, got none{hint}")

    async def sweep(self) -> None:
        """End the calls of models that are gone."""
        retired, self._retired = self._retired, []
        for opened in retired:
            await opened.aclose()

    async def aclose(self) -> None:
        """End all calls."""
        self.update({})
        await self.sweep()


class Casting:
    """`gateway` is the door for everybody; `token_of` gives a persona's, by id and name.

    `forget` is told of a room whose conversation begins again.
    """

    def __init__(
        self,
        gateway: AsgiApp,
        token_of: Callable[[str, str], str],
        *,
        models: ModelSource,
        forget: Callable[[str], None],
        folder: Path,
        speed: float,
    ) -> None:
        self._gateway, self._token_of, self._forget = gateway, token_of, forget
        self._models, self._folder, self._speed = models, folder, speed
        self.alone: Alone | None = None  # set where several servers share the rooms, so that one of them casts each
        self._run_tool = Sandbox()
        self._running: dict[tuple[str, str], tuple[object, asyncio.Task[None]]] = {}  # by room, and play or minds
        self._companies: dict[str, Company] = {}
        self._lacking: set[str] = set()  # rooms with a mind whose model could not be had: tried again at each `cast`

    @property
    def counts(self) -> dict[str, dict[str, Counts]]:
        """What the minds have done since they were cast, by room and persona."""
        return {room: company.counts for room, company in self._companies.items()}

    async def cast(self, room: Room, place: Place) -> None:
        """Have those speak who should; what did not change is left alone."""
        play = partial(self._play, room, place) if room.script else None
        await self._run((room.id, "play"), (room.script, room.members), play)
        speakers = {line.speaker for line in room.script}
        cards = tuple(place.personas[id] for id in room.members if id not in speakers and id in place.personas)
        minds = tuple(card for card in cards if card.model is not None)
        of = minds, tuple(place.models.get(card.model or "") for card in minds)
        await self._run((room.id, "minds"), of, partial(self._think, room, minds) if minds else None)

    async def end(self) -> None:
        """Everybody falls silent."""
        tasks = [task for _, task in self._running.values()]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, key: tuple[str, str], of: object, work: Callable[[], Coroutine[Any, Any, None]] | None
    ) -> None:
        """Do `work`, which is made of `of`, in the place of what was done for `key`."""
        known = self._running.get(key)
        room, what = key
        stale = known is None or known[0] != of or (what == "minds" and room in self._lacking)
        if work is not None and not stale:
            return
        if known is not None:
            del self._running[key]
            known[1].cancel()
            await asyncio.gather(known[1], return_exceptions=True)
        if work is not None:
            self._running[key] = of, asyncio.create_task(work() if self.alone is None else self.alone(room, work))

    def _cast_of(self, card: Card) -> Cast:
        return Cast(card.id, card.name, self._token_of(card.id, card.name))

    async def _connect(self, speaker: str) -> InProcessDuplex:
        return await InProcessDuplex.open(self._gateway)

    async def _play(self, room: Room, place: Place) -> None:
        cast = [self._cast_of(place.personas[id]) for id in dict.fromkeys(line.speaker for line in room.script)]

        def observe(action: Action) -> None:
            if isinstance(action, Restarted):
                self._forget(room.id)

        run_id = secrets.token_hex(8)
        stage = Stage(
            room.id, cast, room.script, connect=self._connect, run_id=run_id, speed=self._speed, observe=observe
        )
        try:
            await stage.run()
        except StageError as error:
            log.error("conversation stopped", room=room.id, why=str(error))

    async def _think(self, room: Room, cards: tuple[Card, ...]) -> None:
        seats = []
        self._lacking.discard(room.id)
        for card in cards:
            assert card.model is not None
            try:
                seats.append(Seat(card, self._cast_of(card), self._models(card.model)))
            except ModelError as error:
                log.error("mind cannot think", room=room.id, card=card.model_at, model=card.model, why=str(error))
                self._lacking.add(room.id)
        if not seats:
            return
        company = self._companies[room.id] = Company(
            room.id,
            seats,
            connect=self._connect,
            run_tool=self._run_tool,
            run_id=secrets.token_hex(8),
            folder=self._folder,
        )
        try:
            await company.run()
        finally:
            del self._companies[room.id]
