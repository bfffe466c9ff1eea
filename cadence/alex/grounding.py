"""Whether what a model wrote may be shown: each claim against the very units it cites, and nothing else.

A claim is one voice: its speaker is the author of all it cites, and is named before anybody else. What decides sense
is exact: names, numbers with their bounds, links, code, quotations, denials, hedges, conditions, questions and speech
acts must stand as they stood. What only carries it may be in other words, as long as most of a claim's words are those
of its sources and no stretch of it is new.

The check knows no model and trusts none. It reads English; of other languages it says that it cannot read them, and
Alex quotes. It compares words, so it cannot see two roles exchanged within one clause ("A beats B"), nor irony.

Pure: no clock, no files. `check` never fails, whatever it is given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cadence.alex import claims as one
from cadence.alex import denials
from cadence.alex.evidence import REPORTED, Evidence
from cadence.alex.lexicon import LANGUAGES, LIGHT
from cadence.alex.wording import Reading, read
from cadence.lod.languages import guess_language
from cadence.lod.units import count_words

MEDIATOR = "alex"  # a name that nobody speaks under
CLAIM_WORDS_MIN = 3
CLAIM_WORDS_MAX = 60
WORDS_TIMES_MAX = 3  # so many times the words that were asked for are not read any more
REPEAT_SHARE_MAX = 0.6  # of the words that carry sense, as the digest's own gate
REPEAT_STEMS_MIN = 3
SMALL_WORDS_SHARE = 0.25  # of a text's words: then it is English after all
LANGUAGE_WORDS_MIN = 6  # of a shorter text no language is guessed

Rule = Literal[
    "shape", "sources", "speakers", "blocks", "names", "voice", "pronouns", "numbers", "links", "code", "quotes",
    "negation", "hedges", "opposites", "acts", "side", "question", "support", "length", "language", "repeat",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A unit as a model was shown it. `key` is its number in the prompt, `before` what was said just before it.

    `addressee` is the name of whom it answers. `objects` and `agrees` tell an explicit stance towards them; `about` is
    the seq it objects to. A block is never to be put into other words.
    """

    key: int
    seq: int
    speaker: str
    name: str
    text: str
    question: bool = False
    block: bool = False
    addressee: str = ""
    objects: bool = False
    agrees: bool = False
    about: int | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One segment as a model wrote it: by whom, out of which sources, in which words."""

    speakers: tuple[str, ...]
    sources: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a claim may not be shown; `claim` is its index, -1 for all of them together."""

    rule: Rule
    claim: int
    text: str

    def __str__(self) -> str:
        where = f"segment {self.claim + 1}: " if self.claim >= 0 else ""
        return f"{where}{self.text}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check says; without faults the claims may be shown."""

    faults: tuple[Fault, ...] = ()

    @property
    def held(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        return "; ".join(map(str, self.faults)) or "held"


@dataclass(frozen=True, slots=True)
class Ground:
    """What claims are held against. `names` are those of all who are in the room, `told` the stems told before."""

    sources: Mapping[int, Source]
    words_max: int
    names: dict[str, str] = field(default_factory=dict)
    pronouns: Mapping[str, str] = field(default_factory=dict)
    told: Sequence[frozenset[str]] = ()


def check(claims: Sequence[Claim], ground: Ground) -> Verdict:
    """Hold all claims of one answer against the units they cite."""
    faults: list[Fault] = []
    names = {source.speaker: source.name for source in ground.sources.values()} | {MEDIATOR: "Alex"} | ground.names
    if not claims:
        faults.append(Fault("shape", -1, "expected at least one segment, got none"))
    words = sum(count_words(claim.text) for claim in claims)
    if words > ground.words_max:
        faults.append(Fault("length", -1, f"expected at most {ground.words_max} words, got {words}"))
    if words > WORDS_TIMES_MAX * ground.words_max:
        return Verdict(tuple(faults))  # whoever writes without end gets no more of our time
    told = list(ground.told)
    for index, claim in enumerate(claims):
        reading = read(claim.text, names.values())
        found = _attribution(claim, reading, ground, names)
        cited = [ground.sources[key] for key in claim.sources if key in ground.sources]
        if cited:
            found += _sense(claim, reading, cited, ground, names)
            found += [("repeat", "says again what was told before")] if _repeats(reading, told) else []
        faults += [Fault(rule, index, text) for rule, text in found]
        told.append(reading.stems)
    faults += [Fault("side", -1, text) for text in _lost_sides(claims, ground)]
    return Verdict(tuple(faults))


Found = list[tuple[Rule, str]]


def _attribution(claim: Claim, reading: Reading, ground: Ground, names: Mapping[str, str]) -> Found:
    """Who is said to have said it: sources, speakers, names. Needs no understanding of the text."""
    found: Found = []
    unknown = [key for key in claim.sources if key not in ground.sources]
    cited = [ground.sources[key] for key in claim.sources if key in ground.sources]
    if unknown or not cited:
        found.append(("sources", f"expected sources out of those given, got {list(claim.sources)[:8]}"))
    if any(source.block for source in cited):
        found.append(("blocks", "expected no code, tool result or data among the sources: they are shown as they are"))
    authors = {source.speaker for source in cited}
    if cited and authors != set(claim.speakers):
        found.append(("speakers", f"expected the authors of its sources {sorted(authors)}, got {list(claim.speakers)}"))
    if len(set(claim.speakers)) > 1:
        found.append(("voice", "expected one speaker a segment, got several: never blend two people into one voice"))
    named = {name.casefold() for name, _ in reading.names}
    for speaker in claim.speakers:
        if names.get(speaker, speaker).casefold() not in named:
            found.append(("names", f"expected the text to name its speaker {names.get(speaker, speaker)}"))
    return found


def _sense(claim: Claim, reading: Reading, cited: Sequence[Source], ground: Ground, names: Mapping[str, str]) -> Found:
    """What is said against what was said."""
    evidence = Evidence.of(cited, names.values())
    speakers = {names.get(speaker, speaker) for speaker in claim.speakers}
    found: Found = []
    found += [("shape", text) for text in one.odd_shape(claim.text, evidence)]
    if not CLAIM_WORDS_MIN <= count_words(claim.text) <= CLAIM_WORDS_MAX:
        found.append(("length", f"expected {CLAIM_WORDS_MIN} to {CLAIM_WORDS_MAX} words a segment"))
    if len(claim.text.split()) >= LANGUAGE_WORDS_MIN:
        found += [("language", text) for text in _language(claim.text, evidence.text)]
    found += [("names", text) for text in one.foreign_names(reading, evidence, speakers)]
    found += [("voice", text) for text in one.other_voices(reading, speakers)]
    spoken_of = speakers | {source.addressee for source in cited}
    pronouns = {ground.pronouns.get(id, "") for id, name in names.items() if name in spoken_of}
    found += [("pronouns", text) for text in one.loose_pronouns(reading, evidence, pronouns)]
    found += [("numbers", text) for text in one.other_numbers(reading, evidence)]
    found += [("links", text) for text in one.other_links(reading, evidence)]
    found += [("code", text) for text in one.other_code(reading, evidence)]
    found += [("quotes", text) for text in one.other_quotes(reading, evidence)]
    found += [("negation", text) for text in denials.lost_denials(reading, evidence)]
    found += [("negation", text) for text in denials.new_denials(reading, evidence)]
    found += [("hedges", text) for text in denials.lost_hedges(reading, evidence)]
    found += [("opposites", text) for text in denials.opposites(reading, evidence)]
    found += [("acts", text) for text in one.unheard_acts(reading, evidence)]
    found += [("acts", text) for text in one.unheard_predicate(reading, evidence, speakers)]
    found += [("question", text) for text in one.lost_question(reading, evidence)]
    found += [("support", text) for text in one.unsupported(reading, evidence)]
    return found


def _language(text: str, source: str) -> list[str]:
    spoken, written = _guessed(source), _guessed(text)
    if spoken not in LANGUAGES:
        return [f"expected sources in a language that can be checked ({', '.join(LANGUAGES)}), got {spoken or '?'}"]
    return [] if written == spoken else [f"expected {spoken}, got {written or 'another language'}"]


def _guessed(text: str) -> str:
    """The language of a text; a short one full of names is still English by its small words."""
    guessed, words = guess_language(text), text.casefold().split()
    if guessed in LANGUAGES or not words:
        return guessed
    small = sum(word.strip(".,;:!?") in LIGHT for word in words)
    return "english" if small >= SMALL_WORDS_SHARE * len(words) else guessed


def _repeats(reading: Reading, told: Sequence[Collection[str]]) -> bool:
    stems = {stem for stem in reading.stems if stem not in REPORTED}
    if len(stems) < REPEAT_STEMS_MIN:
        return False
    return any(len(stems.intersection(before)) > REPEAT_SHARE_MAX * len(stems) for before in told)


def _lost_sides(claims: Sequence[Claim], ground: Ground) -> list[str]:
    """Messages that are told without the objection to them, or the other way round (law 9)."""
    cited = {ground.sources[key].seq for claim in claims for key in claim.sources if key in ground.sources}
    given = {source.seq for source in ground.sources.values()}
    lost = []
    for source in ground.sources.values():
        if source.about is None or source.about not in given:
            continue
        if source.about in cited and source.seq not in cited:
            lost.append(f"{source.name} objects to what is told, and that is left out")
        elif source.seq in cited and source.about not in cited:
            lost.append(f"what {source.name} objects to is left out")
    return list(dict.fromkeys(lost))
