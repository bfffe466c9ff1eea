"""Which of several endpoints gets the next call, and which are left alone for a while.

A call goes to the endpoint with the fewest calls under way, of those the one that waited longest. An endpoint that
fails is left alone, longer each time, then tried with one call (the circuit breaker of Nygard, Release It!, 2007):

    state     a call may go there     leaves it by
    well      yes                     3 failures one after another, or a refusal of key or name  -> resting
    resting   no                      its time is over                                           -> trying
    trying    one, no second          the call succeeds -> well; it fails -> resting, twice as long

A call that was begun elsewhere in vain goes where it has not been. What the call itself is to blame for (too long,
invalid) says nothing of the endpoint. A caller who gives up after a while in which nothing came says a failure: whoever
has deadlines of his own would never see a time-out.

Pure: `now` is an argument, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from cadence.models.chat import ModelError, Trouble

ATTEMPTS_MAX = 3  # of one call
FAILURES_MAX = 3  # one after another
REST_SECONDS = 1.0  # the first rest; then twice as long each time
REST_SECONDS_MAX = 60.0
GIVEN_UP_SECONDS = 3.0  # a caller who leaves later than so, with nothing in hand, was failed
BACKOFF_SECONDS = 0.25  # before the second attempt; then twice as long each time
BACKOFF_SECONDS_MAX = 5.0  # whoever asks for a longer wait is not waited for

State = Literal["well", "resting", "trying"]
_ITS_OWN: tuple[Trouble, ...] = ("forbidden", "unknown_model")  # of one endpoint, and not passing there
_THE_CALLS: tuple[Trouble, ...] = ("too_long", "invalid")


@dataclass(slots=True)
class _Endpoint:
    outstanding: int = 0
    failures: int = 0  # one after another
    rests: int = 0  # one after another
    until: float = -math.inf  # of the rest
    broken: bool = False  # it rests, or is tried after a rest
    probed: bool = False  # the one call that tries it is under way
    last: ModelError | None = None
    chosen: int = 0  # when it was chosen last, counted in choices


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is: `resting_s` more seconds of rest, `last` what went wrong last."""

    state: State
    outstanding: int
    failures: int
    resting_s: float
    last: str | None


class Routing:
    """The state of `endpoints` endpoints, each of which takes `calls_max` calls at a time."""

    def __init__(self, endpoints: int, calls_max: int) -> None:
        self._endpoints = [_Endpoint() for _ in range(endpoints)]
        self._calls_max = calls_max
        self._choices = 0

    def choose(self, now: float, avoid: Collection[int] = ()) -> int | None:
        """The endpoint for a call, which counts from now on as under way there; None if none takes it.

        Those in `avoid` are chosen only if no other is there. Whoever chooses must say `ended`.
        """
        usable = [at for at in range(len(self._endpoints)) if self._takes(at, now)]
        if not usable:
            return None
        at = min(usable, key=lambda i: (i in avoid, self._endpoints[i].outstanding, self._endpoints[i].chosen))
        self._choices += 1
        endpoint = self._endpoints[at]
        endpoint.outstanding += 1
        endpoint.probed = endpoint.broken
        endpoint.chosen = self._choices
        return at

    def ended(self, at: int, now: float, error: ModelError | None = None) -> None:
        """A call at the endpoint `at` brought an answer, or the `error`."""
        endpoint = self._endpoints[at]
        endpoint.outstanding -= 1
        endpoint.probed = False
        if error is None:
            endpoint.failures = endpoint.rests = 0
            endpoint.broken = False
            return
        if error.trouble in _THE_CALLS:
            return
        endpoint.last = ModelError(error.trouble, str(error), again_s=error.again_s)  # without what it was raised in
        endpoint.failures += 1
        if error.again_s is not None:
            self._rest(endpoint, now, min(error.again_s, REST_SECONDS_MAX))
        elif error.trouble in _ITS_OWN:
            self._rest(endpoint, now, REST_SECONDS_MAX)
        elif endpoint.broken or endpoint.failures >= FAILURES_MAX:
            self._rest(endpoint, now, min(REST_SECONDS_MAX, REST_SECONDS * 2.0 ** min(endpoint.rests, 16)))

    def left(self, at: int, now: float, began: float, heard: bool) -> None:
        """The caller went away from a call that began at `began`; `heard` whether any of the answer had come."""
        if not heard and now - began >= GIVEN_UP_SECONDS:
            text = f"expected an answer before its caller gave up after {now - began:.1f} s, got none: see its load"
            self.ended(at, now, ModelError("timed_out", text))
        else:
            self._endpoints[at].outstanding -= 1
            self._endpoints[at].probed = False

    def pause(self, error: ModelError, attempt: int, now: float, tried: Collection[int], chance: float) -> float | None:
        """Seconds to wait before the next attempt after the `attempt`-th, from 1, ended in `error`; None: give up.

        `chance`, from 0 to 1, spreads callers who failed together (full jitter between half and all of the wait).
        """
        if attempt >= ATTEMPTS_MAX or error.trouble in _THE_CALLS:
            return None
        if any(at not in tried and self._takes(at, now) for at in range(len(self._endpoints))):
            return 0.0
        if not error.passing:
            return None
        wait = BACKOFF_SECONDS * 2 ** (attempt - 1) * (0.5 + 0.5 * chance)
        if error.again_s is not None:
            wait = max(wait, error.again_s)
        return wait if wait <= BACKOFF_SECONDS_MAX else None

    def why_none(self, now: float) -> ModelError | None:
        """Why no endpoint takes a call: what the one that may be tried next said last. None: all are full."""
        resting = [endpoint for endpoint in self._endpoints if endpoint.broken and endpoint.last is not None]
        return min(resting, key=lambda endpoint: max(endpoint.until, now)).last if resting else None

    def health(self, now: float) -> list[Health]:
        """How each endpoint is."""
        return [
            Health(
                "well" if not each.broken else "resting" if now < each.until else "trying",
                each.outstanding,
                each.failures,
                max(0.0, each.until - now) if each.broken else 0.0,
                None if each.last is None else str(each.last),
            )
            for each in self._endpoints
        ]

    def _takes(self, at: int, now: float) -> bool:
        endpoint = self._endpoints[at]
        if endpoint.broken:
            return now >= endpoint.until and not endpoint.probed
        return endpoint.outstanding < self._calls_max

    def _rest(self, endpoint: _Endpoint, now: float, seconds: float) -> None:
        # Calls that were under way when it broke fail too, and say nothing new.
        if not (endpoint.broken and now < endpoint.until):
            endpoint.rests += 1
            endpoint.until = now + seconds
        endpoint.broken = True
