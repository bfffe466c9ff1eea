"""An encoder without a model, for tests and simulations: texts that share words are close.

It keeps the promises of `Encoder` and `Encoding`, in no time, with no thread, the same on every machine.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Generic

import numpy as np

from cadence.models.async_encoder import Deliver, EncodingCount, KeyT
from cadence.models.encoder import DIMENSIONS, TOKENS_MAX, Encoder, Vectors, unit_length

_WORD = re.compile(r"\w+")


class FakeEncoder:
    """A bag of words: each word has a direction of its own, drawn from its hash, and a text is the sum of them."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder`."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            # Two of MiniLM's tokens are the marks of beginning and end; an empty text is still something.
            words = _WORD.findall(text.lower())[: TOKENS_MAX - 2] or [text.strip()[:TOKENS_MAX]]
            for word in words:
                vectors[row] += _direction(word)
        return unit_length(vectors)


@lru_cache(maxsize=4_096)
def _direction(word: str) -> Vectors:
    drawn = hashlib.shake_128(word.encode("utf-8", "replace")).digest(DIMENSIONS // 8)
    signs = np.unpackbits(np.frombuffer(drawn, dtype=np.uint8))
    return signs.astype(np.float32) * 2.0 - 1.0


class InlineEncoder(Generic[KeyT]):
    """`AsyncEncoder` without its thread: encodes at once, delivers in the next step of the loop.

    For virtual time, where no thread may be awaited. Nothing is ever late; with `refuse_every` each n-th request
    is answered None, as a real one may be at any moment.
    """

    def __init__(self, encoder: Encoder, deliver: Deliver[KeyT], *, refuse_every: int = 0) -> None:
        self._encoder, self._deliver, self._refuse_every = encoder, deliver, refuse_every
        self._asked = self._encoded = self._dropped = 0
        self._closed = False

    def submit(self, key: KeyT, texts: Sequence[str], worth: float = 0.0) -> None:
        """See `Encoding`."""
        self._asked += 1
        refused = self._closed or bool(self._refuse_every) and self._asked % self._refuse_every == 0
        self._encoded += 0 if refused else len(texts)
        self._dropped += len(texts) if refused else 0
        vectors = None if refused else self._encoder.encode(texts)
        asyncio.get_running_loop().call_soon(self._deliver, key, vectors)

    def count(self) -> EncodingCount:
        """See `Encoding`."""
        return EncodingCount(encoded=self._encoded, dropped=self._dropped, queue=0)

    async def close(self) -> None:
        """See `Encoding`."""
        self._closed = True
        await asyncio.sleep(0)  # what was submitted is delivered in this step
