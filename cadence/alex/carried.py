"""What one mediator of a reader leaves to the next: after a restart, an absence, or the death of a process.

The log keeps what was said and shown, and much is reckoned again from that. What it does not tell is small, and is
stored with every turn in the same write: how fast the reader reads, the words owed to each scope, and which messages
they wrote or opened. Of these only the numbers are kept, so that what is redacted is gone from here too (law 17), and
nobody else is named. What was stored by an older or newer Cadence, or by nobody we know, is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nlargest
from math import isfinite, log
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta

from cadence.alex.events import Remembered
from cadence.alex.reader import Reader
from cadence.alex.transcript import Entry
from cadence.alex.whispers import OWN_MESSAGES_MAX
from cadence.lod.allocation import CREDIT_WORDS_MAX
from cadence.lod.pace import READING_WPM_MAX, READING_WPM_MIN, SAMPLES_MAX, PaceLearner
from cadence.rooms.wire import Message, Turn, from_iso

VERSION = 1
CARRIED_BYTES_MAX = 16 * 1024
SCOPES_MAX = 64  # those that are owed, or owe, most
SCOPE_CHARS_MAX = 128

Scope = Annotated[str, Meta(max_length=SCOPE_CHARS_MAX)]
Words = Annotated[float, Meta(ge=-CREDIT_WORDS_MAX, le=CREDIT_WORDS_MAX)]
Reading = Annotated[float, Meta(ge=log(READING_WPM_MIN), le=log(READING_WPM_MAX))]
Seq = Annotated[int, Meta(ge=1, lt=2**53)]
Weight = Annotated[float, Meta(ge=0.0, le=1.0)]

logger = structlog.get_logger()


class Carried(msgspec.Struct, frozen=True, omit_defaults=True):
    """See the module's text. `own` and `acted_at` count only in the log's epoch that they were noted in."""

    version: int
    epoch: str
    pace: Annotated[tuple[Reading, ...], Meta(max_length=SAMPLES_MAX)] = ()
    paced_at: float | None = None  # when a learned pace was last set
    read_to: Annotated[int, Meta(ge=0)] = 0  # the last turn that taught a pace
    owed: Annotated[dict[Scope, Words], Meta(max_length=SCOPES_MAX)] = {}
    own: Annotated[tuple[tuple[Seq, Weight, float], ...], Meta(max_length=OWN_MESSAGES_MAX)] = ()  # the last first
    acted_at: float | None = None  # when they last did something


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Carried).decode


def carried(reader: Reader) -> bytes:
    """What is to be stored of a reader who has a mediator, as of now; at most `CARRIED_BYTES_MAX` bytes."""
    assert reader.mediator is not None
    listening, pace = reader.mediator.listening, reader.pace
    owed = {scope: words for scope, words in listening.owed.items() if words and len(scope) <= SCOPE_CHARS_MAX}
    kept = nlargest(SCOPES_MAX, owed, key=lambda scope: abs(owed[scope])) if len(owed) > SCOPES_MAX else owed
    return _encode(
        Carried(
            version=VERSION,
            epoch=reader.room.epoch,
            pace=pace.estimate.samples,
            paced_at=pace.changed_at if isfinite(pace.changed_at) else None,
            read_to=pace.read_to,
            owed={scope: min(max(owed[scope], -CREDIT_WORDS_MAX), CREDIT_WORDS_MAX) for scope in kept},
            own=tuple(listening.whispers.own()),
            acted_at=listening.whispers.acted_at,
        )
    )


def read(stored: bytes, epoch: str, room: str) -> Carried:
    """What was stored, as far as it counts in a log of this `epoch`; nothing, and a line logged, if it is not ours."""
    nothing = Carried(VERSION, epoch)
    if not stored:
        return nothing
    try:
        if len(stored) > CARRIED_BYTES_MAX:
            raise ValueError(f"expected at most {CARRIED_BYTES_MAX} bytes, got {len(stored)}")
        found = _decode(stored)
        if found.version != VERSION:
            raise ValueError(f"expected version {VERSION}, got {found.version}")
        times = [found.paced_at or 0.0, found.acted_at or 0.0, *(at for _, _, at in found.own)]
        if not all(map(isfinite, [*times, *found.pace, *found.owed.values(), *(one[1] for one in found.own)])):
            raise ValueError("expected numbers, got some that are none")
    except ValueError as error:  # msgspec's own errors are among these
        logger.warning("what was carried over for a reader is ignored", room=room, why=str(error))
        return nothing
    return found if found.epoch == epoch else msgspec.structs.replace(found, epoch=epoch, own=(), acted_at=None)


def recall_pace(pace: PaceLearner, found: Carried, turns: Sequence[Turn]) -> None:
    """Let a new learner go on; `turns` are the last ones stored, oldest first, which the reader may yet read."""
    pace.estimate.recall(found.pace)
    pace.read_to = found.read_to
    if found.paced_at is not None:
        pace.changed_at = found.paced_at
    for turn in turns:
        if turn.turn > found.read_to:
            pace.sent(turn.turn, turn.words, from_iso(turn.at))


def remembered(found: Carried, entries: Mapping[int, Entry], *, away: bool) -> Remembered:
    """What a new mediator is told; `entries` are those of the reader's own that are still there."""
    own = [(entries[seq], weight, at) for seq, weight, at in reversed(found.own) if seq in entries]
    return Remembered(tuple(own), found.owed, None if away else found.acted_at)


def present(messages: Sequence[Message]) -> list[Message]:
    """Those of which the text is still there."""
    return [message for message in messages if not message.redacted]
