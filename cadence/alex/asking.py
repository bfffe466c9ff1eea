"""From an `ask` to what is shown: reads the pyramid, chooses, and fetches what is quoted from the log.

`Asking` answers one reader of one room. It decides nothing about turns: the mediator numbers, charges and remembers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from msgspec import UNSET

from cadence.alex.answers import SPARE, Missed, Placed, compose, overview, unshown, weigh
from cadence.alex.composing import CATCH_UP_WORDS
from cadence.alex.events import Answered
from cadence.alex.keeper import Keeper
from cadence.alex.material import gathered
from cadence.alex.mediator import Mediator
from cadence.alex.memory import ReaderMemory
from cadence.alex.paraphrase import DEADLINE_CADENCES, Paraphrasing
from cadence.alex.prose import Told
from cadence.alex.reader import MediatedRoom
from cadence.alex.transcript import Entry
from cadence.alex.turns import Pick, in_time
from cadence.alex.why import Reasons
from cadence.lod.pyramid import NODES_READ
from cadence.lod.reading import Interval
from cadence.lod.retrieval import retrieve
from cadence.lod.units import Unit
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.wire import Ask, Message, Segment, SegmentKind, View, WireError, from_iso

NODES_SEARCHED = 32  # of what lies before the newest messages, which are searched one by one
MESSAGES_SEARCHED = 2_000


@dataclass(frozen=True, slots=True)
class Nobody:
    """Stands for the mediator of a reader without a past: whoever asks about a room from outside."""

    reader: str = ""
    view: View = View()
    memory: ReaderMemory = field(default_factory=ReaderMemory)

    def nearby(self, now: float) -> frozenset[str]:
        """Whom the reader is close to."""
        return frozenset()

    def waits(self, seq: int) -> bool:
        """Whether a message waits to be shown."""
        return False


@dataclass(frozen=True, slots=True)
class Asking:
    """One reader's questions. `read_to` is the last seq the reader told to have read.

    With `paraphrasing` a model may put the answer into its words; what it is made of is chosen all the same.
    """

    room: MediatedRoom
    keeper: Keeper
    store: ReaderStore
    mediator: Mediator | Nobody
    read_to: int
    paraphrasing: Paraphrasing | None = None

    async def answer(self, request: Ask, now: float) -> Answered:
        """What answers `request`, from the log as far as it is committed. Raises `WireError`, `StoreUnavailable`."""
        await self.keeper.level()
        kind: SegmentKind = "catch_up" if request.what == "catch_up" else "answer"
        wanted = SPARE * request.words
        objections: dict[int, list[int]] = {}
        if request.what == "question":
            choices = self._search(_given(request.text, "text", request.what), wanted)
        else:
            interval = await self._interval(request, now)
            objections = interval.objections()
            near, background = self.mediator.nearby(now), self.room.transcript.background
            refuse = unshown(self.mediator.memory, self.mediator.waits) if request.what == "catch_up" else None
            found = overview(interval, self.mediator.view, near, background, now, wanted, refuse=refuse)
            choices = [((one.kept.seq, one.kept.index), one.weight) for one in found]
        entries, objecting = await self._fetched([seq for (seq, _), _ in choices], objections)
        picks, segments = compose(choices, entries, objecting, kind, request.words)
        quotes = Answered(tuple(picks), tuple(segments))
        if self.paraphrasing is None or not picks:
            return quotes
        question = request.text if isinstance(request.text, str) else None
        return await self._in_other_words(self.paraphrasing, quotes, kind, question, request.words)

    async def _in_other_words(
        self, paraphrasing: Paraphrasing, quotes: Answered, kind: SegmentKind, question: str | None, words: int
    ) -> Answered:
        """The same as a model tells it, within half a cadence; the quotes, if it does not or may not be shown."""
        about = gathered(self.room.transcript, [(pick.entry, pick.unit) for pick in quotes.picks])
        given = DEADLINE_CADENCES * self.mediator.view.cadence_s
        written = await paraphrasing.answer(self.room.room, self.mediator.reader, about, question, words, given)
        gone = frozenset(self.room.redacted)
        if written is None or not gone.isdisjoint(written[1].seqs):  # what was taken back meanwhile is in no answer
            picks = tuple(pick for pick in quotes.picks if pick.unit.seq not in gone)
            return Answered(picks, tuple(one for one in quotes.segments if gone.isdisjoint(one.sources)))
        told, trace = written
        chosen = {(pick.unit.seq, pick.unit.index): pick for pick in quotes.picks}
        segments = in_time([_segment(one, kind, [chosen[unit] for unit in one.units]) for one in told])
        if not segments:
            return replace(quotes, reasons=Reasons(trace=trace))
        shown = {unit for one in told for unit in one.units}
        picks = tuple(pick for pick in quotes.picks if (pick.unit.seq, pick.unit.index) in shown)
        return Answered(picks, tuple(segments), Reasons(by=trace.by, considered=len(quotes.picks), trace=trace))

    async def missed(self, first: int, now: float) -> Missed:
        """What to show of all from seq `first` on to somebody who comes back."""
        await self.keeper.level()
        interval = await self._since(first - 1, now)
        refuse = unshown(self.mediator.memory, self.mediator.waits)
        near, background = self.mediator.nearby(now), self.room.transcript.background
        words = SPARE * CATCH_UP_WORDS
        found = overview(interval, self.mediator.view, near, background, now, words, refuse=refuse)
        places = frozenset((one.kept.seq, one.kept.index) for one in found)
        entries, _ = await self._fetched([seq for seq, _ in places], {})
        return Missed(places, tuple(entries.values()))

    # Where to look.

    async def _interval(self, request: Ask, now: float) -> Interval:
        if request.what == "speaker":
            speaker = _given(request.speaker, "speaker", request.what)
            return await self._since(0, now, speakers={speaker}, nodes=NODES_SEARCHED)
        if request.since is UNSET:
            return await self._since(self.read_to, now)
        if isinstance(request.since, str):
            return await self._since(await self._before(_time(request.since)), now)
        return await self._since(request.since, now)

    async def _since(
        self, after: int, now: float, *, speakers: Collection[str] | None = None, nodes: int = NODES_READ
    ) -> Interval:
        began = await self.store.messages(self.room.room, after=after, limit=1)
        since = from_iso(began[0].at) if began else now
        found = self.keeper.read(after, weigh(now, since, self.mediator.view.sigma), nodes)
        return Interval(found, after, speakers=speakers)

    async def _before(self, at: float) -> int:
        """The last seq that was said before a time."""
        low, high = 0, self.room.head
        while low < high:
            middle = (low + high + 1) // 2
            found = await self.store.messages_at(self.room.room, [middle])
            if found and from_iso(found[0].at) < at:
                low = middle
            else:
                high = middle - 1
        return low

    def _search(self, question: str, words: float) -> list[tuple[Placed, float]]:
        """The newest messages one by one, and what the pyramid kept of those before them."""
        newest = self.room.transcript.newest(MESSAGES_SEARCHED)
        first = newest[0].seq if newest else self.room.head + 1
        nodes = self.keeper.read(0, lambda at: 1.0, NODES_SEARCHED)
        units: list[Unit] = [kept.unit() for kept in Interval(nodes).kept if kept.seq < first]
        units += [unit for entry in newest for unit in entry.parsed.units if unit.block is None]
        names = {entry.speaker: entry.message.from_.name for entry in newest}
        found = retrieve(units, question, words, self.room.transcript.background, names=names)
        return [((units[i].seq, units[i].index), 1.0) for i in found]

    # What is quoted.

    async def _fetched(
        self, seqs: Sequence[int], known: dict[int, list[int]]
    ) -> tuple[dict[int, Entry], dict[int, list[Entry]]]:
        """The messages with these seqs, and those that explicitly object to one of them, by what they object to."""
        objecting = [objection for seq in seqs for objection in known.get(seq, ())]
        wanted = sorted({*seqs, *objecting})
        here = {seq: entry for seq in wanted if (entry := self.room.transcript.entry(seq)) is not None}
        loaded = await self.store.messages_at(self.room.room, [seq for seq in wanted if seq not in here])
        about = {one.reply_to for one in loaded if isinstance(one.reply_to, int)}
        answered = {one.seq: one for one in await self.store.messages_at(self.room.room, sorted(about))}
        for message in loaded:
            here[message.seq] = Entry(message, answered.get(_reply_to(message)))
        objections: dict[int, list[Entry]] = {}
        for seq in objecting:
            if seq in here and (target := here[seq].objects_to) is not None:
                objections.setdefault(target, []).append(here[seq])
        return here, objections


def _segment(told: Told, kind: SegmentKind, picks: Sequence[Pick]) -> Segment:
    """What a model told of these picks, as a segment of an answer."""
    weight = round(min(1.0, max(pick.weight for pick in picks)), 3)
    about = next((pick.objects_to for pick in picks if pick.objects_to is not None), UNSET)
    return Segment(kind, (told.speaker,), told.text, told.seqs, weight, objects_to=about)


def _reply_to(message: Message) -> int:
    return message.reply_to if isinstance(message.reply_to, int) else 0


def _given(value: object, field: str, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WireError("bad_field", f"`{field}`: expected it beside `what` {what}, got nothing", field=field)
    return value


def _time(text: str) -> float:
    try:
        return from_iso(text)
    except ValueError:
        message = f"`since`: expected a seq or a time as in 2026-01-31T12:00:00.000Z, got `{text[:40]}`"
        raise WireError("bad_field", message, field="since") from None
