"""What Alex keeps of a room, once for all its readers: recent messages, units on demand, word counts, ties.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from cadence.alex.prose import Written
from cadence.lod.leanings import CALM, Argument, Leanings
from cadence.lod.mood import Mood
from cadence.lod.sides import Sides
from cadence.lod.stance import Stance, quoted, stance
from cadence.lod.terms import Background
from cadence.lod.units import Parsed, PartText, Source, Unit, parse
from cadence.lod.vectors import Vector, stacked
from cadence.lod.window import Window
from cadence.rooms.wire import Message, from_iso

if TYPE_CHECKING:
    from cadence.alex.waiting import OpenMessage

ENTRIES_KEPT_MAX = 5_000  # recent messages, so that an answer finds what it answers
QUOTE_SEARCHED_MAX = 300  # recent messages in which a quotation is looked for
QUOTE_CHARACTERS_MIN = 12  # a shorter quotation may stand anywhere
PLAIN_STANCE_CHARACTERS = 4_000
ARGUED_MESSAGES_MAX = 64  # of the last ones, those by which an argument is told
ARGUED_SECONDS = 120.0  # before the last message; an argument is what goes on
WINDOW_STEP = 64  # a shared window begins at a multiple of so many messages
WINDOWS_KEPT_MAX = 8
WINDOW_SPARE_MAX = 2  # a shared window holds at most so many messages for each unit of who looks through it


class Entry:
    """One message of the log as the mediators see it; split into units when first looked at, then never again.

    `answered` is the message it answers, if that is known. `objects_to` and `agrees_with` are the seq of the
    message it explicitly objects to, or merely agrees with; `answers` whether it replies to a question.
    """

    __slots__ = (
        "_parsed",
        "agrees_with",
        "answers",
        "at",
        "fresh",
        "human",
        "kept",
        "message",
        "objects_to",
        "replied_to",
        "seq",
        "speaker",
        "vectors",
    )

    def __init__(self, message: Message, answered: Message | None) -> None:
        self.message = message
        self.seq = message.seq
        self.speaker = message.from_.id
        self.human = message.from_.kind == "human"
        self.at = from_iso(message.at)
        self.replied_to = answered.from_.id if answered is not None else None
        found = _stance(message, answered)
        self.objects_to = answered.seq if answered is not None and found == "objection" else None
        self.agrees_with = answered.seq if answered is not None and found == "agreement" else None
        self.answers = answered is not None and _asks(answered)
        self.kept = False  # in a transcript
        self.fresh: OpenMessage | None = None  # while kept, as it waits for who has seen nothing of it; see `waiting`
        self._parsed: Parsed | None = None
        self.vectors: dict[int, Vector] = {}  # by index of the unit

    def vector(self, unit: Unit) -> Vector | None:
        """The vector of one of its units, if one has come by now."""
        return self.vectors.get(unit.index)

    def leave(self) -> None:
        """It is kept no longer. What it shares leads back to it: only a rare full collection would free the two."""
        self.kept, self.fresh = False, None

    @property
    def parsed(self) -> Parsed:
        if self._parsed is None:
            message = self.message
            parts = tuple(PartText(p.kind, p.body, p.lang or None, p.name or None) for p in message.parts)
            self._parsed = parse(Source(self.seq, self.speaker, self.at, message.text, parts, message.spoken))
        return self._parsed

    @property
    def words(self) -> int:
        """Words of the whole message, blocks included; at least 1."""
        parsed = self._parsed  # asked for by every reader of every message: a call less
        return (self.parsed if parsed is None else parsed).words

    @property
    def involved(self) -> set[str]:
        """Who said it and whom it concerns."""
        return {self.speaker, *self.message.mentions, *filter(None, [self.replied_to])}

    def concerns(self, reader: str) -> bool:
        """Whether the message mentions `reader` or answers something they said."""
        return self.replied_to == reader or reader in self.message.mentions


class Transcript:
    """The recent past of one room. Readers only read it, so none can change what another is shown."""

    def __init__(self) -> None:
        self.background = Background()
        self.sides = Sides()
        self.mood = Mood()
        self.written = Written()
        self.leanings: Leanings | None = None  # tells who stands where, if there are vectors
        self.windows_built = 0  # work that all readers share; reported, never decided on
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._windows: OrderedDict[int, tuple[int, int, Window]] = OrderedDict()  # by first: newest, learned
        self._argument: Argument | None = None  # as of now, if known
        self._argued_from = 0  # what is older is of a conversation that has begun again

    def window(self, units: Sequence[Unit]) -> Window | None:
        """These units, unless they are gone, and others of the same time as arrays, shared by all readers who look now;
        None if it is not worth while. `units` in order of time.

        Which window it is follows from the log and from `units` alone, so no reader can change what another is shown.
        """
        first, newest = units[0].seq // WINDOW_STEP * WINDOW_STEP, next(reversed(self._entries), 0)
        if newest - first > WINDOW_SPARE_MAX * len(units) + WINDOW_STEP:
            return None
        upto, learned, window = self._windows.get(first, (first - 1, -1, None))
        if window is None or (upto, learned) != (newest, self.background.learned):
            window = Window(self._units_from(upto + 1), self.background, window)
            self._windows[first] = newest, self.background.learned, window
            self.windows_built += 1
            while len(self._windows) > WINDOWS_KEPT_MAX:
                self._windows.popitem(last=False)
        return window

    def _units_from(self, seq: int) -> list[Unit]:
        recent: list[Entry] = []
        for entry in reversed(self._entries.values()):
            if entry.seq < seq:
                break
            recent.append(entry)
        return [unit for entry in reversed(recent) for unit in entry.parsed.units]

    def enter(self, message: Message) -> Entry:
        """Note a message and return its entry. Call once per message, in order of seq."""
        self._argument = None
        entry = self._entries[message.seq] = Entry(message, self._answered(message))
        entry.kept = True
        if entry.objects_to is not None and entry.replied_to is not None:
            self.sides.objected(entry.speaker, entry.replied_to, entry.at)
        elif entry.agrees_with is not None and entry.replied_to is not None:
            self.sides.agreed(entry.speaker, entry.replied_to, entry.at)
        while len(self._entries) > ENTRIES_KEPT_MAX:
            self._entries.popitem(last=False)[1].leave()
        return entry

    def learn(self, entry: Entry) -> None:
        """Count an entry's words as the room's everyday language and mood. Call once per entry, in order of seq."""
        for unit in entry.parsed.units:
            self.background.add(unit.terms)
        objects, agrees = entry.objects_to is not None, entry.agrees_with is not None
        stance: Stance | None = "objection" if objects else "agreement" if agrees else None
        self.mood.hear(entry.at, entry.message.text, entry.words, stance, answers=entry.answers)

    def learn_vector(self, entry: Entry, index: int, vector: Vector) -> None:
        """A vector of one of an entry's units has come; the room's readers share it."""
        entry.vectors[index] = vector
        self._argument = None

    @property
    def argument(self) -> Argument:
        """What was said last, as an argument. It follows from the log and the vectors that have come, whoever asks."""
        if self._argument is None:
            self._argument = self._argued()
        return self._argument

    def _argued(self) -> Argument:
        recent = self.newest(ARGUED_MESSAGES_MAX) if self.leanings is not None else []
        since = recent[-1].at - ARGUED_SECONDS if recent else 0.0
        recent = [entry for entry in recent if entry.at >= since and entry.seq >= self._argued_from]
        told = [(entry, vector) for entry in recent for vector in entry.vectors.values()]
        vectors = stacked([vector for _, vector in told])
        if self.leanings is None or vectors is None:
            return CALM
        return self.leanings.argument(vectors, [entry.speaker for entry, _ in told])

    def entry(self, seq: int) -> Entry | None:
        """The entry of a recent message."""
        return self._entries.get(seq)

    def newest(self, messages: int) -> list[Entry]:
        """The entries of so many of the last messages, oldest first."""
        found = list(islice(reversed(self._entries.values()), messages))
        return found[::-1]

    def redact(self, seq: int) -> None:
        """A message is gone, from here too."""
        if (entry := self._entries.pop(seq, None)) is not None:
            entry.leave()
        self._argument = None
        self._windows.clear()
        self.written.redact(seq)

    def forget(self) -> None:
        """Start word counts and ties afresh (a played conversation begins again)."""
        self.background.clear()
        self.sides.clear()
        self._argument, self._argued_from = None, next(reversed(self._entries), 0) + 1
        self._windows.clear()
        self.written.clear()

    def _answered(self, message: Message) -> Message | None:
        """The message this one answers: by its reply edge, else the one it quotes at its beginning."""
        if message.reply_to:
            known = self._entries.get(message.reply_to)
            return known.message if known is not None else None
        quote = " ".join(quoted(message.text[:PLAIN_STANCE_CHARACTERS]).split())
        if len(quote) < QUOTE_CHARACTERS_MIN:
            return None
        for searched, entry in enumerate(reversed(self._entries.values())):
            if searched >= QUOTE_SEARCHED_MAX:
                break
            if entry.speaker != message.from_.id and quote in " ".join(entry.message.text.split()):
                return entry.message
        return None


def _stance(message: Message, answered: Message | None) -> Stance | None:
    """Whether a message takes an explicit stance towards the one it answers; nobody takes one towards themselves."""
    if answered is None or answered.redacted or answered.from_.id == message.from_.id:
        return None
    return stance(message.text, to_question=_asks(answered))


def _asks(message: Message) -> bool:
    return message.text.rstrip().endswith(("?", "？"))
