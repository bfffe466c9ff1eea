"""Paraphrases of real meetings, faithful and deliberately wrong, made by script out of QMSum at run time.

Nothing of the meetings is kept. A script that retells cannot write well; what it writes is faithful all the same, word
by word, which is what a check of faithfulness is to be measured by. `halves` keeps apart what the check was tuned on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.grounding.synonyms import SYNONYMS
from bench.lod.data import Meeting
from cadence.alex.grounding import Claim, Ground, Source
from cadence.lod.units import Unit

WORDS_MIN, WORDS_MAX = 8, 26
TERMS_MIN = 4
SYNONYMS_MAX = 3
CLAIMS_WORDS_MAX = 96
FAITHFUL_KINDS = ("pronouns", "reordered", "tense", "merged", "synonyms")
CORRUPT_KINDS = ("swapped speaker", "changed number", "dropped negation", "invented name", "lost side", "edited code")
INVENTED = ("Kowalski", "Delgado", "Brighton", "Okafor", "Lindqvist", "Professor Haller", "Marisa", "Northgate")
SNIPPETS = ("`max_retries=3`", "`flush()`", "src/audio/split.py", "`--window 512`", "feature_norm", "`x[0:40]`",
            "https://example.org/runs/17")  # fmt: skip

_OPENER = re.compile(r"^(?:(?:so|and|but|well|ok|okay|yeah|yes|right|now|uh|then)\b[ ,.]*)+", re.IGNORECASE)
_MINE = {
    "i": "they", "i'm": "they are", "i've": "they have", "i'd": "they would", "i'll": "they will", "me": "them",
    "my": "their", "mine": "theirs", "myself": "themselves", "we": "they", "we're": "they are", "we've": "they have",
    "we'd": "they would", "we'll": "they will", "us": "them", "our": "their", "ours": "theirs",
}  # fmt: skip
_PAST = {
    "is": "was", "are": "were", "has": "had", "have": "had", "do": "did", "don't": "didn't", "doesn't": "didn't",
    "isn't": "wasn't", "aren't": "weren't", "can": "could", "can't": "couldn't", "will": "would", "won't": "wouldn't",
    "go": "went", "goes": "went", "know": "knew", "need": "needed", "needs": "needed", "want": "wanted",
    "wants": "wanted", "make": "made", "makes": "made", "get": "got", "gets": "got", "take": "took", "see": "saw",
    "use": "used", "work": "worked", "works": "worked", "mean": "meant", "says": "said", "think": "thought",
}  # fmt: skip
_CONJUNCTION = re.compile(r"^(.{18,}?),? (because|if|when|since|although|while) (.{12,}?)\.?$")
_DIGITS = re.compile(r"\b\d+\b")
_COUNTED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen", "twenty",
            "thirty", "forty", "fifty", "hundred")  # fmt: skip
_NEGATION = re.compile(r"(?:n't|\bnot|\bnever|(?<!or )\bno)\b(?! (?:only|just))")
_YOU = re.compile(r"\b(?:you|your|yours|you're|you've|you'd|you'll)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Case:
    """One answer of a model that is to be judged; `faithful` is the right judgement."""

    kind: str
    faithful: bool
    claims: tuple[Claim, ...]
    ground: Ground
    base: tuple[Claim, ...] = ()  # what it was before it was made wrong


def halves(meetings: Sequence[Meeting]) -> tuple[list[Meeting], list[Meeting]]:
    """The meetings to tune on, and those to report on."""
    return list(meetings[0::2]), list(meetings[1::2])


def faithful(meetings: Sequence[Meeting], count: int, seed: int = 1) -> list[Case]:
    """So many faithful paraphrases, of each kind as many."""
    makers = {kind: _retold(meetings, kind, random.Random(f"{seed} {kind}")) for kind in FAITHFUL_KINDS}
    return [next(makers[FAITHFUL_KINDS[i % len(FAITHFUL_KINDS)]]) for i in range(count)]


def corrupted(meetings: Sequence[Meeting], count: int, seed: int = 1) -> list[Case]:
    """So many paraphrases that say what nobody said, of each kind as many."""
    makers = {kind: _wronged(meetings, kind, random.Random(f"{seed} {kind}")) for kind in CORRUPT_KINDS}
    return [next(makers[CORRUPT_KINDS[i % len(CORRUPT_KINDS)]]) for i in range(count)]


# Faithful.


def _retold(meetings: Sequence[Meeting], kind: str, chance: random.Random) -> Iterator[Case]:
    while True:
        meeting = chance.choice(meetings)
        group = _group(meeting, chance, 2 if kind == "merged" else 1)
        if group is None:
            continue
        sources = [_source(key, unit, meeting) for key, unit in enumerate(group, 1)]
        text = _tell(kind, sources, chance)
        if text is not None:
            yield Case(kind, True, (_claim(sources, text),), _ground(sources, meeting))


def _tell(kind: str, sources: Sequence[Source], chance: random.Random) -> str | None:
    name, said = sources[0].name, [reported(source.text) for source in sources]
    verb = "asks" if sources[0].question else chance.choice(("says that", "explains that", "notes that"))
    end = "?" if sources[0].question else "."
    match kind:
        case "merged":
            return None if sources[0].question else f"{name} {verb} {said[0]}, and adds that {said[1]}."
        case "reordered":
            found = _CONJUNCTION.match(said[0])
            return f"{name} {verb}, {found[2]} {found[3]}, {found[1]}{end}" if found else None
        case "tense":
            past = _exchanged(said[0], _PAST)
            return f"{name} {verb} {past}{end}" if past != said[0] else None
        case "synonyms":
            other = _exchanged(said[0], SYNONYMS, SYNONYMS_MAX, chance)
            return f"{name} {verb} {other}{end}" if other != said[0] else None
        case _:
            return f"{name} {verb} {said[0]}{end}"


def reported(text: str) -> str:
    """What somebody said, as somebody else reports it: no "I", no "so, well" at the beginning."""
    told = _OPENER.sub("", re.sub(r" (?=['’](?:s|re|ll|ve|d|m|t)\b)", "", text)).strip().rstrip(" .?!")
    told = _exchanged(told, _MINE)
    first = told.split(" ")[0]
    return told if first.isupper() or not first[:1].isupper() else told[:1].lower() + told[1:]


def _exchanged(text: str, table: dict[str, str], most: int = 99, chance: random.Random | None = None) -> str:
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if word.strip(",.?!").lower() in table]
    if chance is not None:
        places = chance.sample(places, min(most, len(places)))
    for i in places:
        bare = words[i].strip(",.?!")
        words[i] = words[i].replace(bare, table[bare.lower()], 1)
    return " ".join(words)


# Wrong.


def _wronged(meetings: Sequence[Meeting], kind: str, chance: random.Random) -> Iterator[Case]:
    make: Callable[[Meeting, random.Random], Case | None] = {
        "swapped speaker": _swapped,
        "changed number": _changed_number,
        "dropped negation": _dropped_negation,
        "invented name": _invented_name,
        "lost side": _lost_side,
        "edited code": _edited_code,
    }[kind]
    while True:
        made = make(chance.choice(meetings), chance)
        if made is not None and made.claims != made.base:
            yield made


def _told(meeting: Meeting, chance: random.Random) -> tuple[list[Source], str] | None:
    """One source retold in a way by chance."""
    group = _group(meeting, chance, 1)
    if group is None:
        return None
    sources = [_source(1, group[0], meeting)]
    text = _tell(chance.choice(("pronouns", "tense", "synonyms", "pronouns")), sources, chance)
    return None if text is None else (sources, text)


def _case(kind: str, sources: Sequence[Source], meeting: Meeting, base: str, wrong: str) -> Case:
    claim = _claim(sources, base)
    return Case(kind, False, (replace(claim, text=wrong),), _ground(sources, meeting), (claim,))


def _swapped(meeting: Meeting, chance: random.Random) -> Case | None:
    """Another's name over it; the speakers' field lies too, or the sources are another's, or only the text lies."""
    told, other = _told(meeting, chance), _told(meeting, chance)
    if told is None or other is None or told[0][0].speaker == other[0][0].speaker:
        return None
    (mine, text), (theirs, other_text) = told, other
    wrong = text.replace(mine[0].name, theirs[0].name, 1)
    base = _claim(mine, text)
    both = [mine[0], replace(theirs[0], key=2)]
    way = chance.randrange(3)
    if way == 0:
        claims: tuple[Claim, ...] = (replace(base, text=wrong),)
    elif way == 1:
        claims = (replace(base, text=wrong, speakers=(theirs[0].speaker,)),)
    else:
        claims = (Claim((theirs[0].speaker,), (2,), wrong),)
    second = Claim((theirs[0].speaker,), (2,), other_text)
    return Case("swapped speaker", False, claims, _ground(both, meeting), (base, second))


def _changed_number(meeting: Meeting, chance: random.Random) -> Case | None:
    told = _told(meeting, chance)
    if told is None:
        return None
    sources, text = told
    digits = [match for match in _DIGITS.finditer(text) if match.start() > len(sources[0].name)]
    if digits:
        match = chance.choice(digits)
        other = str(int(match.group()) + chance.choice((1, 2, 7, 10)))
        return _case("changed number", sources, meeting, text, text[: match.start()] + other + text[match.end() :])
    words = text.split(" ")
    counted = [i for i, word in enumerate(words) if word.strip(",.").lower() in _COUNTED]
    if not counted:
        return None
    i = chance.choice(counted)
    words[i] = chance.choice([word for word in _COUNTED if word != words[i].strip(",.").lower()])
    return _case("changed number", sources, meeting, text, " ".join(words))


def _dropped_negation(meeting: Meeting, chance: random.Random) -> Case | None:
    told = _told(meeting, chance)
    if told is None:
        return None
    sources, text = told
    found = list(_NEGATION.finditer(text))
    if not found or len(_NEGATION.findall(text)) > 1:
        return None
    match = found[0]
    wrong = text[: match.start()] + text[match.end() :]
    wrong = re.sub(r"\b(ca|wo)(?= )", lambda cut: {"ca": "can", "wo": "will"}[cut[1]], wrong)
    return _case("dropped negation", sources, meeting, text, " ".join(wrong.split()))


def _invented_name(meeting: Meeting, chance: random.Random) -> Case | None:
    told = _told(meeting, chance)
    if told is None:
        return None
    (sources, text), name = told, chance.choice(INVENTED)
    verb = re.search(r" (?:says that|explains that|notes that|asks) ", text)
    if verb is None or name in sources[0].text:
        return None
    way = chance.randrange(3)
    if way == 0:
        wrong = f"{text[:-1]}, as {name} wanted{text[-1]}"
    elif way == 1:
        wrong = text[: verb.start()] + f" and {name}" + text[verb.start() :]
    else:
        wrong = text[: verb.end()] + f"{name} and " + text[verb.end() :]
    return _case("invented name", sources, meeting, text, wrong)


def _lost_side(meeting: Meeting, chance: random.Random) -> Case | None:
    """A statement and an objection to it, of which only one is told; the edge between them is made up."""
    told, other = _told(meeting, chance), _told(meeting, chance)
    if told is None or other is None or told[0][0].speaker == other[0][0].speaker:
        return None
    first = told[0][0]
    second = replace(other[0][0], key=2, objects=True, about=first.seq, addressee=first.name)
    if second.seq == first.seq:
        return None
    claims = (_claim([first], told[1]), Claim((second.speaker,), (2,), other[1]))
    kept = claims[:1] if chance.random() < 0.5 else claims[1:]
    return Case("lost side", False, kept, _ground([first, second], meeting), claims)


def _edited_code(meeting: Meeting, chance: random.Random) -> Case | None:
    told = _told(meeting, chance)
    if told is None:
        return None
    sources, text = told
    snippet = chance.choice(SNIPPETS)
    source = replace(sources[0], text=f"{sources[0].text.rstrip('. ')} with {snippet}.")
    base = f"{text[:-1]} with {snippet}{text[-1]}"
    inside = [i for i, sign in enumerate(snippet) if sign.isalnum()]
    i = chance.choice(inside)
    sign = chance.choice([other for other in "abkqxz2579" if other != snippet[i].lower()])
    wrong = base.replace(snippet, snippet[:i] + sign + snippet[i + 1 :])
    return _case("edited code", [source], meeting, base, wrong)


# Out of a meeting.


def _group(meeting: Meeting, chance: random.Random, length: int) -> list[Unit] | None:
    """So many units of one message that can be retold without knowing what was said around them."""
    i = chance.randrange(max(1, len(meeting.units) - length))
    group = list(meeting.units[i : i + length])
    same = {(unit.seq, unit.speaker) for unit in group}
    return group if len(same) == 1 and all(_tellable(unit) for unit in group) else None


def _tellable(unit: Unit) -> bool:
    return (
        unit.block is None
        and WORDS_MIN <= unit.n <= WORDS_MAX
        and len(unit.terms) >= TERMS_MIN
        and unit.text[:1].isupper()
        and unit.text.rstrip()[-1:] in ".?"
        and not _YOU.search(unit.text)
        and not set('{}<>[]"') & set(unit.text)
        and unit.text.isascii()
    )


def _source(key: int, unit: Unit, meeting: Meeting) -> Source:
    return Source(key, unit.seq, unit.speaker, unit.speaker, unit.text, question=unit.question)


def _claim(sources: Sequence[Source], text: str) -> Claim:
    return Claim((sources[0].speaker,), tuple(source.key for source in sources), text)


def _ground(sources: Sequence[Source], meeting: Meeting) -> Ground:
    names = {unit.speaker: unit.speaker for unit in meeting.units}
    return Ground({source.key: source for source in sources}, CLAIMS_WORDS_MAX, names)
