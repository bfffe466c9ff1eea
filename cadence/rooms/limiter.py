"""How fast one may speak: token buckets that say how long to wait instead of a bare no.

Pure: `now` is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cadence.rooms.wire import Kind

AGENT_MESSAGES_PER_S = 200.0
HUMAN_MESSAGES_PER_S = 5.0
ROOM_MESSAGES_PER_S = 2000.0
ROOM_TYPING_PER_S = 20.0  # beyond, nobody could read who is writing
REQUESTS_PER_S = 400.0  # frames of any kind on one connection: a `join` costs more to answer than to send
USER_REQUESTS_PER_S = 800.0  # of one user, over all connections
BURST_S = 2.0
ASKS_PER_MINUTE = 6.0  # of one user
SEARCHES_PER_S = 10.0  # of one user; strangers without a token count as one
COMPLETIONS_PER_MINUTE = 60.0  # of one user
KEYS_MAX = 10_000  # users whose share is remembered


def messages_per_s(kind: Kind) -> float:
    """The rate one connection, and one user, of this kind may speak at."""
    return AGENT_MESSAGES_PER_S if kind == "agent" else HUMAN_MESSAGES_PER_S


class Bucket:
    """Tokens that refill at `rate_per_s` up to `burst_s` seconds' worth. Starts full."""

    __slots__ = ("_at", "_tokens", "rate_per_s", "tokens_max")

    def __init__(self, rate_per_s: float, burst_s: float = BURST_S) -> None:
        self.rate_per_s = rate_per_s
        self.tokens_max = max(1.0, rate_per_s * burst_s)
        self._tokens = self.tokens_max
        self._at: float | None = None

    def wait_s(self, now: float) -> float:
        """Seconds until a token is there; 0 if one is."""
        if self._at is not None:
            self._tokens = min(self.tokens_max, self._tokens + max(0.0, now - self._at) * self.rate_per_s)
        self._at = now if self._at is None else max(now, self._at)
        return 0.0 if self._tokens >= 1.0 else (1.0 - self._tokens) / self.rate_per_s

    def take(self) -> None:
        """Spend one token; call only after `wait_s` returned 0."""
        self._tokens -= 1.0


class Shares:
    """A bucket for each of many users; whoever has asked for nothing for longest is forgotten, which frees them."""

    def __init__(self, rate_per_s: float, burst_s: float = BURST_S, keys_max: int = KEYS_MAX) -> None:
        self._rate_per_s, self._burst_s, self._keys_max = rate_per_s, burst_s, keys_max
        self._buckets: dict[str, Bucket] = {}

    def of(self, key: str) -> Bucket:
        """The bucket of `key`."""
        bucket = self._buckets.pop(key, None) or Bucket(self._rate_per_s, self._burst_s)
        self._buckets[key] = bucket
        while len(self._buckets) > self._keys_max:
            del self._buckets[next(iter(self._buckets))]
        return bucket


def retry_after_s(wait: float) -> float:
    """What to tell who has to wait: whole milliseconds, rounded up and never 0, so that it pays to obey."""
    return max(1, math.ceil(wait * 1000)) / 1000


def admit(buckets: Sequence[Bucket], now: float) -> float:
    """Take one token from each bucket, or from none: returns 0, or the seconds to wait for all of them."""
    wait = 0.0
    for bucket in buckets:
        wait = max(wait, bucket.wait_s(now))
    if wait == 0.0:
        for bucket in buckets:
            bucket.take()
    return wait
