"""Vectors for an event loop: one thread that encodes, a bounded queue before it, answers that come when they come.

How a mediator's driver uses it
-------------------------------
- One `AsyncEncoder` per server, shared by all rooms and readers. Hand the driver a way to make it,
  `partial(AsyncEncoder, MiniLmEncoder(data))`; the driver calls that with its own method as `deliver`, and without it
  (the extra is not installed, see `encoder.missing`) everything works as before.
- Once per unit, when its message has been split, never per reader and never again:
  `submit((room, seq, index), [unit.text], worth=len(set(unit.terms)))`. Units that are blocks, have no terms, or belong
  to a message that nobody mediated will read are not submitted.
- `worth` decides when the encoder is behind: then the units with most to say go first, and the others get no vector.
  Interests, should they get vectors, are few and matter to every look: `worth=math.inf`.
- `deliver` puts the vector beside the unit, if that is still held: not if the message was redacted, fell out of the
  transcript, or the room was told to forget. None means that there will be none: nothing to do.
- A look uses the vectors that are there at that moment and never waits for one (law 14). Those that are not there are
  rows of zeros (`cadence.lod.vectors.stacked`).
- A vector that comes later than the turn is still worth keeping for units that are remembered as shown.
- `await close()` when the server ends, before the driver's own end.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from cadence.models.backlog import Backlog, Request
from cadence.models.encoder import BATCH_TEXTS_MAX, Encoder, EncoderUnavailable, Vectors

CLOSE_SECONDS_MAX = 2.0  # how long `close` waits for what is being encoded

KeyT = TypeVar("KeyT")
KeyT_contra = TypeVar("KeyT_contra", contravariant=True)
Answers = list[tuple[Request[KeyT], Vectors | None]]
Deliver = Callable[[KeyT, Vectors | None], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class EncodingCount:
    """In texts, since the start: encoded, and answered None. `queue` is how many wait now."""

    encoded: int
    dropped: int
    queue: int


class Encoding(Protocol[KeyT_contra]):
    """What encodes beside the loop. All methods are called on the loop."""

    def submit(self, key: KeyT_contra, texts: Sequence[str], worth: float = 0.0) -> None:
        """Ask for the vectors of `texts`. Returns at once; `deliver(key, vectors)` is called later on the loop, once.

        `vectors` is [len(texts), 384], or None: the queue was full of richer requests, the request waited too long,
        or there is no encoder. Answers need not come in the order of the requests.
        """
        ...

    def count(self) -> EncodingCount:
        """How much was encoded and dropped, and how much waits."""
        ...

    async def close(self) -> None:
        """End. What waits is answered None, what is submitted afterwards too. May be called again."""
        ...


class AsyncEncoder(Generic[KeyT]):
    """An `Encoding` with a thread of its own, started by the first request, in which `encoder` loads and works."""

    def __init__(
        self,
        encoder: Encoder,
        deliver: Deliver[KeyT],
        *,
        backlog: Backlog[KeyT] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoder, self._deliver, self._clock = encoder, deliver, clock
        self._backlog: Backlog[KeyT] = backlog or Backlog()
        self._changed = threading.Condition()  # guards the backlog and `_ending`
        self._ending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Future[None] | None = None
        self._encoded = self._dropped = 0

    def submit(self, key: KeyT, texts: Sequence[str], worth: float = 0.0) -> None:
        """See `Encoding`."""
        if self._loop is None and not self._ending:
            self._start()
        request = Request(key, tuple(texts), worth, self._clock())
        with self._changed:
            refused = [request] if self._ending else self._backlog.offer(request)
            self._changed.notify()
        if refused:  # in the next step of the loop: whoever submits is not ready to be called
            asyncio.get_running_loop().call_soon(self._answer, _none(refused))

    def count(self) -> EncodingCount:
        """See `Encoding`."""
        return EncodingCount(self._encoded, self._dropped, self._backlog.texts)

    async def close(self) -> None:
        """See `Encoding`. A batch that takes longer than `CLOSE_SECONDS_MAX` is left to end with the process."""
        with self._changed:
            self._ending = True
            waiting = self._backlog.clear()
            self._changed.notify()
        self._answer(_none(waiting))
        if self._ended is not None:
            await asyncio.wait([self._ended], timeout=CLOSE_SECONDS_MAX)
        await asyncio.sleep(0)  # what was refused in this very step is answered too

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        # A daemon, for a program that dies without `close` must not hang; nothing unanswered was promised.
        threading.Thread(target=self._serve, name="encoder", daemon=True).start()

    def _serve(self) -> None:
        while (taken := self._next()) is not None:
            batch, late = taken
            self._post(self._answer, [*_none(late), *zip(batch, self._encode(batch), strict=True)])
        self._post(self._end)

    def _next(self) -> tuple[list[Request[KeyT]], list[Request[KeyT]]] | None:
        """What to encode next and what is too late, blocking until there is something; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending or self._backlog.texts > 0)
            return None if self._ending else self._backlog.take(self._clock(), BATCH_TEXTS_MAX)

    def _encode(self, batch: list[Request[KeyT]]) -> list[Vectors | None]:
        """Vectors for each request; None for all of them if the encoder failed."""
        if not batch:
            return []
        try:
            vectors = self._encoder.encode([text for request in batch for text in request.texts])
        except EncoderUnavailable as error:
            log.warning("Alex goes on without vectors", why=str(error))
            with self._changed:
                self._ending = True
                given_up = self._backlog.clear()
            self._post(self._answer, _none(given_up))
            return [None] * len(batch)
        except Exception as error:
            log.error("texts could not be encoded; going on with the next ones", exc_info=error)
            return [None] * len(batch)
        ends = [0]
        for request in batch:
            ends.append(ends[-1] + len(request.texts))
        # Copies: who keeps one unit's vector must not keep the whole batch.
        return [vectors[first:last].copy() for first, last in zip(ends, ends[1:], strict=False)]

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is gone, and with it everyone who waited
            self._loop.call_soon_threadsafe(callback, *args)

    def _answer(self, answers: Answers[KeyT]) -> None:
        for request, vectors in answers:
            if vectors is None:
                self._dropped += len(request.texts)
            else:
                self._encoded += len(request.texts)
            self._deliver(request.key, vectors)

    def _end(self) -> None:
        assert self._ended is not None
        self._ended.set_result(None)


def _none(refused: list[Request[KeyT]]) -> Answers[KeyT]:
    return [(request, None) for request in refused]
