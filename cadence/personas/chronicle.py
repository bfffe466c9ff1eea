"""What the minds of one room remember of it: the newest messages whole, and all before them as a pyramid.

Each message is heard once, in the order of the log, whichever mind's connection brought it, and shared by all minds of
the room in this process: they are entitled to the same, and splitting a text into units is the dear part.

    tail      the newest messages, as lines of a prompt
    pyramid   everything, condensed with age (`cadence.lod.pyramid`)
    recent    which content words the last units used, to know what only says it again

Pure: no clock, no files. Texts of old messages are not kept: whoever renders a passage asks the log for them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from msgspec import UNSET, Struct

from cadence.lod.nodes import Node, Said
from cadence.lod.pyramid import Pyramid
from cadence.lod.repeats import TERMS_MIN, ShownMemory
from cadence.lod.stance import stance
from cadence.lod.units import PartText, Source, Unit, parse
from cadence.models.chat import TOKEN_CHARS
from cadence.rooms.wire import Message, from_iso

TAIL_MESSAGES_MAX = 2_000
TAIL_CHARS_MAX = 240_000
MESSAGE_CHARS_MAX = 4_000  # of one message in a prompt
PART_CHARS_MAX = 1_200
CATCH_UP_MESSAGES_MAX = 10_000  # a mind that comes new into an old room reads back so far
REWIND_MESSAGES = 1_000  # heard again after a restart: the tail, and what was not thought about yet
_SIGNS = re.compile(r"[^\w .'’-]")
UNBUILT_MAX = 8  # leaves that a reading may have to build first, some milliseconds each


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A message as minds hear it. `line` is how a prompt shows it to others than its speaker, who is shown `text`.

    `fresh` is the share of its words, 0 to 1, that do not repeat what was just said; `agrees`: it merely agrees.
    """

    seq: int
    id: str
    speaker: str
    name: str
    human: bool
    text: str
    line: str
    mentions: tuple[str, ...]
    reply_to: int | None
    replied_to: str | None  # who said that
    terms: frozenset[str]
    fresh: float
    agrees: bool
    tokens: int  # of `line`, about


class Stored(Struct, frozen=True):
    """A chronicle at rest: the epoch of its log, the first seq it knows, its nodes, and what it forgot."""

    epoch: str
    first: int
    bodies: list[bytes]
    gone: list[int] = []


class Chronicle:
    """See the module's text. `bodies` are nodes of an earlier run; `first` is the seq to begin with otherwise.

    `gone` are messages that were taken back and that nothing here knows a word of; at most those of the room.
    """

    def __init__(
        self, room: str, epoch: str, bodies: Iterable[bytes] = (), *, first: int = 1, gone: Iterable[int] = ()
    ) -> None:
        self.room, self.epoch = room, epoch
        self.gone = set(gone)
        self.pyramid = Pyramid(room, bodies, first=first)
        self.last = max(first - 1, self.pyramid.last - REWIND_MESSAGES)  # the last message heard
        self.head = self.last  # the highest seq known of; above `last`: not heard yet
        self.recent = ShownMemory()
        self._tail: deque[Utterance] = deque()
        self._tail_chars = 0
        self._whole_from = self.last + 1  # the tail has every message from here on

    def hear(self, message: Message) -> Utterance | None:
        """The next message of the log. None if it is known, or if one before it is missing (`head` tells)."""
        self.head = max(self.head, message.seq)
        if message.seq != self.last + 1:
            return None
        self.last = message.seq
        units, said = heard_as(message)
        if said.seq == self.pyramid.last + 1:
            self.pyramid.add(said)
            if message.redacted:
                self.gone.add(message.seq)
        answered = self.find(message.reply_to) if isinstance(message.reply_to, int) else None
        heard = self._utterance(message, units, answered)
        self._keep(heard)
        for unit in units:
            self.recent.add((message.seq,), unit.terms)
        return heard

    def _utterance(self, message: Message, units: Sequence[Unit], answered: Utterance | None) -> Utterance:
        reply_to = message.reply_to if isinstance(message.reply_to, int) and message.reply_to else None
        line = line_of(message)
        return Utterance(
            seq=message.seq,
            id=message.id,
            speaker=message.from_.id,
            name=plain_name(message),
            human=message.from_.kind == "human",
            text=shown(message),
            line=line,
            mentions=message.mentions,
            reply_to=reply_to,
            replied_to=None if answered is None else answered.speaker,
            terms=frozenset(term for unit in units for term in unit.terms),
            fresh=freshness(units, self.recent),
            agrees=stance(message.text) == "agreement",
            tokens=tokens_of(line) + 1,
        )

    def _keep(self, heard: Utterance) -> None:
        self._tail.append(heard)
        self._tail_chars += len(heard.line)
        while len(self._tail) > TAIL_MESSAGES_MAX or self._tail_chars > TAIL_CHARS_MAX:
            gone = self._tail.popleft()
            self._tail_chars -= len(gone.line)
            self._whole_from = gone.seq + 1

    def find(self, seq: int) -> Utterance | None:
        """A message of the tail."""
        if not self._tail or not self._tail[0].seq <= seq <= self._tail[-1].seq:
            return None
        return next((heard for heard in reversed(self._tail) if heard.seq == seq), None)

    def since(self, seq: int) -> list[Utterance]:
        """What the tail has from message `seq` on, oldest first."""
        return list(takewhile(lambda heard: heard.seq >= seq, reversed(self._tail)))[::-1]

    @property
    def whole_from(self) -> int:
        """The tail has every message from this seq on."""
        return self._whole_from

    def nodes(self, before: int, nodes: int) -> list[Node] | None:
        """Closed nodes that together stand for all that was said before seq `before`, oldest first; None while many
        are still being built.

        The last may reach beyond it. The largest are the oldest, and stay as they are the longest.
        """
        if self.pyramid.unbuilt > UNBUILT_MAX:
            return None
        return [node for node in self.pyramid.outline(nodes) if node.first < before]

    def redact(self, seq: int) -> None:
        """A message is gone: its text is forgotten here. What the pyramid knows of its words is to be mended."""
        kept = [heard for heard in self._tail if heard.seq != seq]
        if len(kept) < len(self._tail):
            self._tail = deque(kept)
            self._tail_chars = sum(len(heard.line) for heard in kept)
        self.recent.remove(seq)

    def stored(self) -> Stored:
        """What is worth storing; what is not built yet is heard again."""
        self.pyramid.take_changes()  # stored whole each time: the list of what changed must not grow for ever
        return Stored(self.epoch, self.pyramid.first, self.pyramid.bodies(), sorted(self.gone))


def heard_as(message: Message) -> tuple[tuple[Unit, ...], Said]:
    """A message as units, and as the pyramid hears it."""
    at = from_iso(message.at)
    parts = tuple(PartText(p.kind, p.body, p.lang or None, p.name or None) for p in message.parts)
    parsed = parse(Source(message.seq, message.from_.id, at, message.text, parts, message.spoken))
    objects = isinstance(message.reply_to, int) and stance(message.text) == "objection"
    said = Said(
        seq=message.seq,
        at=at,
        human=message.from_.kind == "human",
        words=parsed.words,
        units=() if message.redacted else parsed.units,
        objects_to=message.reply_to if objects and isinstance(message.reply_to, int) else None,
        redacted=message.redacted,
    )
    return said.units, said


def tokens_of(text: str) -> int:
    """How many tokens a text may be, counted in bytes so that scripts with long letters are not counted short."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // TOKEN_CHARS)


def freshness(units: Sequence[Unit], recent: ShownMemory) -> float:
    """Which share of the words of `units` does not repeat `recent`; 1.0 if there are no words to compare."""
    telling = [unit for unit in units if unit.block is None and len(unit.terms) >= TERMS_MIN]
    words = sum(unit.n for unit in telling)
    if not words:
        return 1.0
    repeated = recent.repeats(telling)
    return 1.0 - sum(unit.n for unit, again in zip(telling, repeated, strict=True) if again) / words


def shown(message: Message) -> str:
    """A message as its speaker is shown it in a prompt: the text, then the parts as code blocks, shortened."""
    blocks = [
        f"```{part.lang or part.kind}{f' {part.name}' if part.name is not UNSET else ''}\n"
        f"{_cut(part.body, PART_CHARS_MAX)}\n```"
        for part in message.parts
    ]
    return _cut("\n".join([message.text, *blocks] if message.text else blocks), MESSAGE_CHARS_MAX)


def line_of(message: Message) -> str:
    """A message as others are shown it. Further lines are indented, so that nobody can forge somebody else's."""
    to = f"(to #{message.reply_to}) " if message.reply_to else ""
    name = plain_name(message)
    who = f"{name} (a person)" if message.from_.kind == "human" else name
    text = "(taken back)" if message.redacted else "\n  ".join(shown(message).splitlines())
    return f"#{message.seq} {to}{who}: {text}"


def plain_name(message: Message) -> str:
    """The author's name without signs that mean something in a prompt: no name can claim to be a person's."""
    return " ".join(_SIGNS.sub(" ", message.from_.name).split()) or message.from_.id


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else f"{text[: chars_max - 6].rstrip()} [...]"
