"""What turns a claim round: a denial that is lost or new, a hedge or a condition that is dropped, an opposite.

Each function looks for one kind of fault and says what it found; see `cadence.alex.grounding`.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Collection

from cadence.alex.evidence import ACT_STEMS, REPORTED, SOFT, Evidence
from cadence.alex.lexicon import CONDITIONAL, OPPOSITES
from cadence.alex.wording import Mark, Reading, stem, turned

CARRIED_SHARE = 0.5  # of the focus of a denial: then what it denies is told
TOLD_SHARE = 0.5  # of a sentence's words: then the sentence is told
REWORDED_SHARE = 0.5  # of the other words of its sentence: then it is the same denial


def lost_denials(reading: Reading, evidence: Evidence) -> list[str]:
    """What was denied, and is told as if it were not."""
    refused = {mark.word.stem for mark in evidence.marks("refusals")}
    left = [*reading.denials, *(mark for mark in reading.refusals if mark.word.stem not in refused)]
    prefixed = [word for word in reading.words if turned(word.text, evidence.stems)]
    found, claimed = [], list[tuple[str, ...]]()
    for mark in evidence.marks("denials"):
        told = _carried(mark, reading.stems) or _sentence_told(mark, reading, evidence.stems)
        if not told or mark.focus in claimed:
            continue
        if any(turned(word.text, mark.focus) for word in prefixed):
            continue
        fitting = [other for other in left if _alike(mark, other) or _reworded(other, mark, evidence.stems)]
        if not fitting:
            found.append(f"expected what was denied to stay denied: {' '.join((mark.word.text, *mark.focus))}")
            continue
        # The one that says it in the same word and of the same things; each denial of a claim stands for one.
        best = max(fitting, key=lambda other: (other.word.text == mark.word.text, len({*other.focus} & {*mark.focus})))
        left.remove(best)
        claimed.append(mark.focus)
    return found


def new_denials(reading: Reading, evidence: Evidence) -> list[str]:
    """What is told as denied, and was not."""
    heard = [*evidence.marks("denials"), *evidence.marks("refusals")]
    found = []
    for mark in reading.denials:
        if not any(_alike(mark, one) or _reworded(mark, one, evidence.stems) for one in heard) and (
            mark.word.text not in _spoken_no(evidence)
        ):
            found.append(f"expected no denial that was not made: {' '.join((mark.word.text, *mark.focus))}")
    for mark in reading.refusals:
        spoken = mark.word.stem in evidence.stems or any(_alike(mark, one) for one in heard)
        if not spoken and mark.word.stem not in ACT_STEMS and not evidence.objects:
            found.append(f"expected no refusal that was not made: {mark.word.text}")
    for word in reading.words:
        if turned(word.text, evidence.stems) and word.stem not in evidence.stems and not heard:
            found.append(f"expected the sense to stay, got {word.text}")
    return found


def _spoken_no(evidence: Evidence) -> frozenset[str]:
    """The "no" of an answer, which says no without denying a word."""
    return frozenset({"no"} & evidence.texts)


def _carried(mark: Mark, stems: Collection[str]) -> bool:
    """Whether what a mark is about is told."""
    if not mark.focus:
        return False
    told = sum(stem in stems for stem in mark.focus)
    return told > CARRIED_SHARE * len(mark.focus) or (
        mark.focus[0] in stems and told >= CARRIED_SHARE * len(mark.focus)
    )


def _sentence_told(mark: Mark, reading: Reading, stems: Collection[str]) -> bool:
    """Whether the sentence of a mark is told, with another word for what it denies, and without denying anything."""
    if reading.denials or reading.refusals or len(mark.around) < 2 or reading.stems <= {*stems, *REPORTED}:
        return False
    return len(mark.around & reading.stems) >= TOLD_SHARE * len(mark.around)


def _alike(mark: Mark, other: Mark) -> bool:
    """Whether two marks are about the same."""
    if not mark.focus or not other.focus:
        return True
    return bool(other.around.intersection(mark.focus) or mark.around.intersection(other.focus))


def _reworded(mark: Mark, heard: Mark, stems: Collection[str]) -> bool:
    """Whether a mark of a claim may be one that was heard, with another word for what it denies."""
    if not frozenset(mark.focus).isdisjoint(stems):
        return False
    return len(mark.around & heard.around) >= REWORDED_SHARE * len(mark.around - frozenset(mark.focus))


def lost_hedges(reading: Reading, evidence: Evidence) -> list[str]:
    """What may be so, or would be so under a condition, and is told as so."""
    found = []
    soft = SOFT & (reading.texts | frozenset(word.stem for word in reading.words))
    if not soft:
        found += [
            f"expected what was hedged to stay hedged: {' '.join((mark.word.text, *mark.focus))}"
            for mark in evidence.marks("hedges")
            if _carried(mark, reading.stems)
        ]
    if not soft and not CONDITIONAL & reading.texts:
        found += [
            f"expected the condition to be told: {' '.join((mark.word.text, *mark.focus))}"
            for mark in evidence.marks("conditions")
            if _carried(mark, reading.stems)
        ]
    return found


def opposites(reading: Reading, evidence: Evidence) -> list[str]:
    """A word whose opposite was said, and not the word itself."""
    said = evidence.texts | frozenset(word.stem for source in evidence.readings for word in source.words)
    denied = {stem for mark in (*evidence.marks("denials"), *reading.denials) for stem in mark.focus}
    found = []
    for word in reading.words:
        for other in _OPPOSED.get(word.stem, ()):
            if word.stem in REPORTED:
                continue
            spoken = word.stem in said or word.text in said
            if other in said and not spoken and denied.isdisjoint({other, word.stem}):
                found.append(f"expected {other} as it was said, got {word.text}")
    return list(dict.fromkeys(found))


def _opposed() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for first, second in OPPOSITES:
        table.setdefault(stem(first), []).append(stem(second))
        table.setdefault(stem(second), []).append(stem(first))
    return table


_OPPOSED = _opposed()
