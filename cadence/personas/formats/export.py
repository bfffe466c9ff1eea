"""What `cadence export` writes: one `message` frame of the protocol per line, ascending.

Speakers keep their names, humans too; each becomes an agent. Gaps are those of the conversation, at most
`GAP_SECONDS_MAX`. Messages that were taken back are left out, and a reply to one of them is no reply.

Pure: text in, utterances out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, Struct

from cadence.personas.formats.talk import PlanError, Utterance, gap
from cadence.personas.script import Line
from cadence.rooms.wire import Message, from_iso


class _Frame(Struct, frozen=True):
    type: str


def begins(line: str) -> bool:
    """Whether a file that begins so is of this format."""
    try:
        return msgspec.json.decode(line, type=_Frame).type == "message"
    except (ValueError, RecursionError):
        return False


def read(lines: Iterable[str]) -> Iterator[Utterance]:
    """What was said, as it was said. Raises `PlanError` naming the line."""
    decode = msgspec.json.Decoder(Message).decode
    said: set[int] = set()  # seqs of the lines that may be answered
    before: float | None = None
    for number, source in enumerate(lines, 1):
        if not source.strip():
            continue
        try:
            message = decode(source)
            at = from_iso(message.at)
        except (ValueError, RecursionError) as error:
            raise PlanError(f"line {number}: expected a message of an export, but: {error}") from None
        if message.redacted or not (message.text or message.parts):
            continue
        reply_to = None if message.reply_to is UNSET or message.reply_to not in said else message.reply_to
        said.add(message.seq)
        line = Line(
            message.seq,
            message.from_.id,
            message.text,
            after_s=gap(before, at),
            reply_to=reply_to,
            parts=message.parts,
            spoken=message.spoken,
        )
        before = at
        yield Utterance(message.from_.name, line)
