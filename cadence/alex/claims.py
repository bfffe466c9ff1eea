"""One claim against its evidence: each function looks for one kind of fault and says what it found.

An empty list says that nothing was found. What turns a claim round is looked for in `cadence.alex.denials`; the rules
are put together in `cadence.alex.grounding`.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import regex

from cadence.alex.evidence import ACT_STEMS, REPORTED, SOFT, Evidence
from cadence.alex.lexicon import (
    ACTS,
    ANAPHORS,
    FIRST_PERSON,
    MONTHS,
    NEUTRAL,
    REFUSALS,
    SECOND_PERSON,
    STANCES_AGAINST,
    THIRD_PERSON,
)
from cadence.alex.wording import Reading, Word, read, stem, turned
from cadence.lod.languages import everyday

NEW_SHARE_MAX = 0.34  # of a claim's words that carry sense may be other words than its sources'
NEW_RUN_MAX = 2  # so many of them in a row
RESOLVED_MAX = 4  # words from just before, that stand for a pronoun

_ASKING = frozenset(stem(word) for word in "ask wonder question want whether if unsure check curious".split())
_NEUTRAL = frozenset(stem(word) for word in NEUTRAL)
_REFUSING = frozenset(stem(word) for word in REFUSALS)
_MARKUP = regex.compile(r"[<>\[\]{}|\\]|\*\*|__|~~|```|^\s*(?:#|>|[-*] |\d+[.)] )|&[a-z]+;")
_CODE_SIGN = regex.compile(r"[_/\\()]|[a-z][A-Z]")
_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]")
_LABEL = regex.compile(
    r"^\s*(?:system|assistant|user|alex|note|warning|admin|moderator|host)\s*[:>-]", regex.IGNORECASE
)


# Shape, names, voices.


def odd_shape(text: str, evidence: Evidence) -> list[str]:
    """Markup, control characters, or a label that makes a text look like something else."""
    found = []
    if _UNSEEN.search(text) or text != text.strip() or not text:
        found.append("expected one line of plain text")
    if any(match.group() not in evidence.text for match in _MARKUP.finditer(regex.sub(r"`[^`]*`", "", text))):
        found.append("expected plain text, got markup that is not in the sources")
    if _LABEL.match(text):
        found.append("expected a sentence about its speaker, got a label")
    return found


def foreign_names(reading: Reading, evidence: Evidence, speakers: Collection[str]) -> list[str]:
    """Names of people or things that no cited unit has."""
    allowed = {name.casefold() for name in speakers} | evidence.names
    for source in evidence.sources:
        if source.addressee and (source.objects or source.agrees or source.question or _addresses(evidence)):
            allowed.add(source.addressee.casefold())
    found = [name for name, _ in reading.names if name.casefold() not in allowed]
    parts = {part.casefold() for name in allowed for part in regex.findall(r"[\p{L}\p{M}]+", name)}
    known = evidence.texts | parts | evidence.context.texts
    for at, word in enumerate(reading.words):
        if not word.shape[:1].isupper() or word.text in known or word.text in {"i"}:
            continue
        if word.stem in evidence.stems:
            continue
        if word.text in MONTHS or not word.first or _looks_named(reading.words, at):
            found.append(word.shape)
    return [f"expected only names that the sources have, got {name}" for name in dict.fromkeys(found)]


def _addresses(evidence: Evidence) -> bool:
    return bool(SECOND_PERSON & evidence.texts)


def _looks_named(words: Sequence[Word], at: int) -> bool:
    """Whether the first word of a sentence reads as somebody's name: no everyday word, and it says or has something."""
    word = words[at]
    if word.text in everyday("english") or word.stem in REPORTED:
        return False
    after = words[at + 1] if at + 1 < len(words) else None
    return after is not None and (after.stem in REPORTED or after.stem in ACT_STEMS or after.text in {"'s", "is", "was",
                                  "has", "had", "and", "will", "'ll"} or after.shape[:1].isupper())  # fmt: skip


def other_voices(reading: Reading, speakers: Collection[str]) -> list[str]:
    """Sentences that begin with somebody else, or speak as one of the room themselves."""
    found = []
    own = {name.casefold() for name in speakers}
    if reading.names and reading.names[0][0].casefold() not in own:
        found.append("expected its speaker to be named before anybody else")
    until = next((place for name, place in reading.names if name.casefold() in own), 0)
    for word in reading.words[:until]:
        opens = word.first and word.text in everyday("english")
        if (word.shape[:1].isupper() and not opens) or word.text in {":", "-"}:
            found.append(f"expected the speaker first, got {word.shape}")
    for sentence in reading.sentences:
        first = sentence[0].place
        opening = [name for name, place in reading.names if place == first and not sentence[0].first]
        if opening and opening[0].casefold() not in own:
            found.append(f"expected no sentence that begins with somebody else, got {opening[0]}")
    quoted = {word.text for quote in reading.quotes for word in read(quote).words}
    spoken = [word.shape for word in reading.words if word.text in FIRST_PERSON | SECOND_PERSON]
    if loose := [shape for shape in spoken if shape.casefold() not in quoted]:
        found.append(f"expected nobody to speak as I, we or you, got {loose[0]}")
    return list(dict.fromkeys(found))


def loose_pronouns(reading: Reading, evidence: Evidence, pronouns: Collection[str]) -> list[str]:
    """Pronouns before anybody is named, and others than the speaker's own."""
    found, own = [], {one.strip() for given in pronouns for one in given.casefold().split("/")}
    for word in reading.words:
        kind = THIRD_PERSON.get(word.text)
        if kind is None:
            continue
        if kind != "they" and word.text not in evidence.texts and kind not in own:
            found.append(f"expected the speaker's own pronouns, got {word.text}")
        if reading.names and word.place < reading.names[0][1] and word.text in {"he", "she"}:
            found.append(f"expected a name before {word.text}")
    return list(dict.fromkeys(found))


# Numbers, links, code, quotations: exact.


def other_numbers(reading: Reading, evidence: Evidence) -> list[str]:
    """Numbers that no cited unit has, that count something else, or lost their bound."""
    heard = [number for source in evidence.readings for number in source.numbers]
    values = {number.value for number in heard}
    counted: dict[str, set[str]] = {}
    for number in heard:
        counted.setdefault(number.of, set()).add(number.value)
    found = []
    for number in reading.numbers:
        if number.value == "1" and number.value not in values and SECOND_PERSON & evidence.texts:
            continue  # "one sees", for "you see"
        if number.value not in values:
            found.append(f"expected only numbers of the sources, got {number.value}")
            continue
        others = counted.get(number.of, set())
        if number.of and others and number.value not in others:
            found.append(f"expected {number.value} to count what it counted, not {number.of}")
        bounds = {one.bound for one in heard if one.value == number.value}
        softened = bool(SOFT & reading.texts)
        if number.bound not in bounds and "" not in bounds and not (bounds == {"near"} and softened):
            found.append(f"expected the bound of {number.value} to be kept")
        elif number.bound in {"least", "most"} and number.bound not in bounds:
            found.append(f"expected no other bound of {number.value} than was said")
    return list(dict.fromkeys(found))


def other_links(reading: Reading, evidence: Evidence) -> list[str]:
    """Links that do not stand in a cited unit, letter by letter."""
    heard = {link for source in evidence.readings for link in source.links}
    return [f"expected only links of the sources, got {link[:80]}" for link in sorted(reading.links - heard)]


def other_code(reading: Reading, evidence: Evidence) -> list[str]:
    """Inline code and identifiers that do not stand in a cited unit, letter by letter."""
    found = [code for code in reading.codes if code.strip("`") not in evidence.text]
    lower = evidence.text.casefold()
    found += [
        name
        for name in reading.identifiers
        if name not in evidence.text and (_CODE_SIGN.search(name) or name.casefold() not in lower)
    ]
    return [f"expected code as it stands in the sources, got {code[:80]}" for code in sorted(found)]


def other_quotes(reading: Reading, evidence: Evidence) -> list[str]:
    """Quotations that are none."""
    said = " ".join(evidence.text.split()).casefold().replace("’", "'")
    return [
        f"expected a quotation to be word for word, got {quote[:60]}"
        for quote in reading.quotes
        if quote.strip(" .,!?").casefold() not in said
    ]


# What the words do.


def unheard_acts(reading: Reading, evidence: Evidence) -> list[str]:
    """Agreeing, promising, admitting and the like, of which the sources have no trace; a side that nobody took."""
    heard = evidence.texts | frozenset(word.stem for source in evidence.readings for word in source.words)
    found = []
    for word in reading.words:
        act = ACT_STEMS.get(word.stem)
        if act is None or word.stem in evidence.stems:
            continue
        if act in STANCES_AGAINST:
            if not evidence.objects:
                found.append(f"expected no side that was not taken explicitly, got {word.text}")
        elif act == "agree" and any(source.agrees for source in evidence.sources):
            continue
        elif not any(trace in heard or stem(trace) in heard for trace in ACTS[act]):
            found.append(f"expected no act that was not made, got {word.text}")
    return list(dict.fromkeys(found))


def unheard_predicate(reading: Reading, evidence: Evidence, speakers: Collection[str]) -> list[str]:
    """What its speaker is said to do, in a word that no source has: "Vera lied that", "Vera vanished"."""
    own = {name.casefold() for name in speakers}
    place = next((place for name, place in reading.names if name.casefold() in own), None)
    if place is None:
        return []
    word = next((word for word in reading.words[place:] if word.heavy), None)
    if word is None or word.stem in evidence.stems or word.text in evidence.texts or word.shape[:1].isupper():
        return []
    known = word.stem in REPORTED or word.stem in SOFT or word.stem in ACT_STEMS or word.stem in _NEUTRAL
    if known or turned(word.text, evidence.stems) or word.stem in _REFUSING:
        return []
    return [f"expected {word.text} to be said by its speaker, or a plain word for saying it"]


def lost_question(reading: Reading, evidence: Evidence) -> list[str]:
    """What was asked, told as said."""
    if not all(source.question for source in evidence.sources):
        return []
    stems = {word.stem for word in reading.words}
    if _ASKING & stems or "?" in reading.texts or SOFT & reading.texts:
        return []
    return ["expected a question to be told as a question"]


def unsupported(reading: Reading, evidence: Evidence) -> list[str]:
    """Too many other words than those of the sources, or too many in a row."""
    known, resolved, new, run, longest = 0, 0, list[str](), 0, 0
    may_resolve = bool(ANAPHORS & evidence.texts) or any(source.addressee for source in evidence.sources)
    for word in reading.words:
        if not word.heavy:
            continue
        if word.stem in evidence.stems or word.text in evidence.texts or turned(word.text, evidence.stems):
            known, run = known + 1, 0
        elif word.stem in REPORTED or word.stem in ACT_STEMS or word.stem in SOFT:
            continue
        elif may_resolve and word.stem in evidence.context.stems and resolved < RESOLVED_MAX:
            resolved, run = resolved + 1, 0
        else:
            new.append(word.text)
            run += 1
            longest = max(longest, run)
    literal = len(reading.numbers) + len(reading.links) + len(reading.codes) + len(reading.identifiers)
    if not known and not literal:
        return ["expected words of the sources, got none of them"]
    if longest > NEW_RUN_MAX or len(new) > NEW_SHARE_MAX * (known + literal + len(new)):
        return [f"expected what the sources say, got {', '.join(new[:6])}"]
    return []
