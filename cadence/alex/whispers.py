"""What Alex says in a sentence of its own: something far away that touches a reader, and, seldom, a word to the quiet.

Two things touch a reader: an interest they named, of which a message holds most of the words; and what they
wrote or opened themselves, if a message shares enough words with what came up in it at least twice. Whoever touches
them three times is introduced: "You may want to read Hob in The attic, who has been on leases and backups."

    off     nothing
    light   at most one whisper in ten minutes, on three shared words
    heavy   at most one in two minutes, on two

A reader who has done nothing for half an hour while their room talks on is told so gently, at most once an hour.
Whispers cost words like all else, never overdraw, and name their speakers and sources.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from cadence.alex.ambience import Ambience
from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry
from cadence.lod.terms import surfaces, variants
from cadence.lod.units import Unit, count_words
from cadence.rooms.wire import Segment, View

PAUSE_SECONDS = {"light": 600.0, "heavy": 120.0}
SHARED_TERMS_MIN = {"light": 3, "heavy": 2}
INTEREST_SHARE_MIN = 0.6  # of the words of an interest: one of one, both of two, two of three
RECURRING_MIN = 2.0  # a word of the reader's own counts once it came up in so many of their messages
WROTE_WEIGHT = 1.0  # in what a reader is interested in, of a message they wrote
OPENED_WEIGHT = 0.5  # of one they opened
OWN_MESSAGES_MAX = 64
MATCH_SECONDS = 600.0  # how long a match is worth telling of
SPEAKERS_MAX = 64
MATCHES_MAX = 8  # kept of each speaker
INTRODUCED_MATCHES = 3
SOURCES_MAX = 3
TOPIC_WORDS_MAX = 3
QUIET_SECONDS = 1_800.0
CHECK_IN_SECONDS = 3_600.0
RECENT_MAX = 32  # messages of the reader's own room, for a word to the quiet


@dataclass(frozen=True, slots=True)
class Match:
    """A message that touches the reader, and the words by which it does, as they are spelled there."""

    entry: Entry
    words: tuple[str, ...]
    at: float


class Whispers:
    """One reader's. `told` at a look gives at most one sentence."""

    def __init__(self, memory: ReaderMemory, now: float) -> None:
        self._memory = memory
        self._own: OrderedDict[int, tuple[frozenset[str], float, float]] = OrderedDict()  # by seq: terms, weight, since
        self._heard_to: dict[str, int] = {}  # by room, the last seq that was looked at
        self._matches: OrderedDict[tuple[str, str], deque[Match]] = OrderedDict()  # by room and speaker
        self._recent: list[Entry] = []  # the last `RECENT_MAX`
        self.acted_at = now

    # What the reader does.

    def acted(self, now: float) -> None:
        """The reader did something, so they are not quiet."""
        self.acted_at = now

    def wrote(self, entry: Entry, now: float) -> None:
        """The reader said this."""
        self.acted(now)
        self._learn(entry, WROTE_WEIGHT, now)

    def opened(self, entries: Iterable[Entry], now: float) -> None:
        """The reader unfolded these messages."""
        self.acted(now)
        for entry in entries:
            self._learn(entry, OPENED_WEIGHT, now)

    def own(self) -> list[tuple[int, float, float]]:
        """What of the reader's own room they wrote or opened: seq, weight, when. The last first."""
        return [(seq, weight, at) for seq, (_, weight, at) in reversed(self._own.items())]

    def recall(self, entry: Entry, weight: float, at: float) -> None:
        """The reader wrote or opened this long ago, before there was this mediator."""
        self._learn(entry, weight, at)

    def said(self, entries: Iterable[Entry]) -> None:
        """AIs said this in the reader's own room."""
        self._recent.extend(entries)
        del self._recent[:-RECENT_MAX]

    def forget(self, room: str | None, seq: int) -> None:
        """A message is gone: nothing is told of it, and nothing learned from it stays (law 17)."""
        if room is None:
            self._own.pop(seq, None)
            self._recent = [entry for entry in self._recent if entry.seq != seq]
            return
        for (where, _), matches in self._matches.items():
            if where == room:
                for match in [match for match in matches if match.entry.seq == seq]:
                    matches.remove(match)

    # What touches them.

    def listen(self, rooms: Iterable[Ambience], view: View, now: float) -> None:
        """Look through what is new in the rooms in hearing."""
        if view.whisper == "off" or not (view.interests or self._own):
            return
        recurring = self._recurring()
        if not view.interests and len(recurring) < SHARED_TERMS_MIN[view.whisper]:
            return
        rooms = list(rooms)
        news = {room.room: room.after(self._heard_to.get(room.room, 0)) for room in rooms}
        self._heard_to = {room.room: room.last for room in rooms}
        for room, entries in news.items():
            for entry in entries:
                words = _touching(entry, view, recurring) if entry.at >= now - MATCH_SECONDS else ()
                if words:
                    self._keep(room, Match(entry, words, now))

    def told(self, titles: dict[str, str], view: View, budget: float, now: float) -> Segment | None:
        """The sentence to say now, within `budget` words; `titles` are those of the rooms in hearing."""
        if view.whisper == "off" or view.mode != "paraphrase":
            return None
        if now >= self._memory.whispered_at + PAUSE_SECONDS[view.whisper]:
            for (room, _), matches in sorted(self._matches.items(), key=lambda item: -len(item[1])):
                recent = [match for match in matches if match.at >= now - MATCH_SECONDS]
                fresh = [match for match in recent if not self._memory.was_told(room, match.entry.seq)]
                if room in titles and fresh and (segment := _far(room, titles[room], fresh, budget)) is not None:
                    self._memory.whispered(room, segment.sources, now)
                    matches.clear()
                    return segment
        return self._check_in(budget, now)

    def _check_in(self, budget: float, now: float) -> Segment | None:
        quiet = now - max(self.acted_at, self._memory.checked_in_at + CHECK_IN_SECONDS - QUIET_SECONDS)
        if quiet < QUIET_SECONDS:
            return None
        segment = _near(self._recent, budget)
        if segment is not None:
            self._memory.checked_in_at = now
        return segment

    def _keep(self, room: str, match: Match) -> None:
        key = (room, match.entry.speaker)
        matches = self._matches.pop(key, deque(maxlen=MATCHES_MAX))
        matches.append(match)
        self._matches[key] = matches
        while len(self._matches) > SPEAKERS_MAX:
            self._matches.popitem(last=False)

    def _learn(self, entry: Entry, weight: float, at: float) -> None:
        terms = frozenset(term for unit in entry.parsed.units for term in unit.terms)
        before = self._own.pop(entry.seq, (terms, 0.0, at))[1]
        self._own[entry.seq] = (terms, max(weight, before), at)
        while len(self._own) > OWN_MESSAGES_MAX:
            self._own.popitem(last=False)

    def _recurring(self) -> frozenset[str]:
        """The words that came up again and again in what the reader wrote and opened."""
        weights: dict[str, float] = {}
        for terms, weight, _ in self._own.values():
            for term in terms:
                weights[term] = weights.get(term, 0.0) + weight
        return frozenset(term for term, weight in weights.items() if weight >= RECURRING_MIN)


def _touching(entry: Entry, view: View, recurring: frozenset[str]) -> tuple[str, ...]:
    """The words of a message that touch a reader, as they are spelled there; none if too few do."""
    for unit in entry.parsed.units:
        if unit.block is not None:
            continue
        own = set(unit.terms)
        for interest in view.interests:
            words = variants(interest)
            found = {form for forms in words for form in forms} & own
            met = sum(not own.isdisjoint(forms) for forms in words)
            if words and met >= max(1.0, INTEREST_SHARE_MIN * len(words)):
                return _spelled(unit, found)
        shared = own & recurring
        if len(shared) >= SHARED_TERMS_MIN.get(view.whisper, len(own) + 1):
            return _spelled(unit, shared)
    return ()


def _spelled(unit: Unit, terms: set[str] | frozenset[str]) -> tuple[str, ...]:
    return surfaces(unit.text, terms)[:TOPIC_WORDS_MAX]


def _far(room: str, title: str, matches: Sequence[Match], budget: float) -> Segment | None:
    speaker, cited = matches[-1].entry.message.from_, matches[-SOURCES_MAX:]
    words = _listed([word for match in reversed(cited) for word in match.words])  # none that no source holds
    if len(matches) >= INTRODUCED_MATCHES:
        text = f"You may want to read {speaker.name} in {title}, who has been on {words}."
    else:
        text = f"In {title}, {speaker.name} spoke of {words}."
    sources = tuple(match.entry.seq for match in cited)
    return _within(Segment("whisper", (speaker.id,), text, sources, 1.0, room=room), budget)


def _near(recent: Sequence[Entry], budget: float) -> Segment | None:
    """Who is still talking in the reader's own room, and of what: the two who said most of late."""
    last = {entry.speaker: entry for entry in recent}
    speakers = [speaker for speaker, _ in Counter(entry.speaker for entry in recent).most_common(2)]
    counts: Counter[str] = Counter()
    for entry in recent:
        counts.update({term for unit in entry.parsed.units for term in unit.terms})
    telling = {term for term, count in counts.most_common(TOPIC_WORDS_MAX) if count > 1}
    words = [w for s in speakers for u in last[s].parsed.units if u.block is None for w in surfaces(u.text, telling)]
    if not speakers or not words:
        return None
    names = _listed([last[speaker].message.from_.name for speaker in speakers])
    text = f"No hurry: {names} {'are' if len(speakers) > 1 else 'is'} still on {_listed(words)}, and it all keeps."
    sources = tuple(sorted(last[speaker].seq for speaker in speakers))
    return _within(Segment("whisper", tuple(speakers), text, sources, 1.0, room=UNSET), budget)


def _within(segment: Segment, budget: float) -> Segment | None:
    return segment if count_words(segment.text) <= budget else None


def _listed(words: Iterable[str]) -> str:
    """Distinct words, whatever their case, as people list them: one, two and three."""
    distinct = list({word.casefold(): word for word in words}.values())[:TOPIC_WORDS_MAX]
    return " and ".join(filter(None, [", ".join(distinct[:-1]), distinct[-1]]))
