"""The narrator of a worker: its voice is there, its model is asked here, in the server, where calls are counted."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cadence.alex.paraphrase import Narrator
from cadence.alex.remote.peer import Gone, Peer
from cadence.models.chat import Answer, Call, Done, ModelError, Piece, Trouble, answer_of


@dataclass(frozen=True, slots=True)
class NarratorTold:
    """A `Narrator`, as a worker is told of it."""

    name: str
    context_tokens: int
    voice: str
    pronouns: dict[str, str]

    def narrator(self, peer: Peer) -> Narrator:
        """One whose model is at the other end of the line."""
        return Narrator(RemoteModel(peer, self.name, self.context_tokens), self.voice, self.pronouns)


class RemoteModel:
    """A `ChatModel` at the other end of the line; its answer comes in one piece."""

    def __init__(self, peer: Peer, name: str, context_tokens: int) -> None:
        self._peer, self._name, self._context_tokens = peer, name, context_tokens
        self._numbers = itertools.count(1)

    @property
    def name(self) -> str:
        """See `ChatModel`."""
        return self._name

    @property
    def context_tokens(self) -> int:
        """See `ChatModel`."""
        return self._context_tokens

    async def stream(self, call: Call) -> AsyncIterator[Piece | Done]:
        """See `ChatModel`."""
        number = next(self._numbers)
        try:
            answer = await self._peer.call("model", number, call)
        except Gone as error:
            raise ModelError("unreachable", "the server is gone, and the model with it") from error
        except BaseException:
            self._peer.cast("model_stop", number)
            raise
        if isinstance(answer, Refused):
            raise ModelError(answer.trouble, answer.text)
        if answer.text:
            yield Piece(answer.text)
        yield Done(answer.finish, answer.usage, answer.calls)


@dataclass(frozen=True, slots=True)
class Refused:
    """A `ModelError` on its way."""

    trouble: Trouble
    text: str


class ModelDesk:
    """Asks the narrator's model for a worker; a call that the worker gives up is ended."""

    def __init__(self) -> None:
        self.narrator: Narrator | None = None
        self._under_way: dict[int, asyncio.Task[Answer]] = {}

    @property
    def told(self) -> NarratorTold | None:
        """What the worker is told; None if nobody writes."""
        if self.narrator is None:
            return None
        model = self.narrator.model
        return NarratorTold(model.name, model.context_tokens, self.narrator.voice, self.narrator.pronouns)

    async def answer(self, number: int, call: Call) -> Answer | Refused:
        """The answer of the model, or why there is none."""
        if self.narrator is None:
            return Refused("unknown_model", "nobody writes for Alex any more")
        task = asyncio.create_task(answer_of(self.narrator.model, call))
        self._under_way[number] = task
        try:
            return await task
        except ModelError as error:
            return Refused(error.trouble, str(error))
        except asyncio.CancelledError:
            task.cancel()
            return Refused("timed_out", "the answer was not waited for")
        finally:
            del self._under_way[number]

    def stop(self, number: int) -> None:
        """The worker waits no longer for a call."""
        if (task := self._under_way.get(number)) is not None:
            task.cancel()

    def end(self) -> None:
        """The worker is gone."""
        for number in list(self._under_way):
            self.stop(number)
