"""What a model is given of a stretch of the log: its units as numbered sources, and what was said just before each.

Only what AIs said is retold: what a human says in a reader's room has reached that reader as it was. Blocks are left
out, since nobody may put them into other words.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cadence.alex.grounding import Claim, Ground, Source
from cadence.alex.prose import Place, Told
from cadence.alex.transcript import Entry, Transcript
from cadence.lod.units import Unit, count_words

SOURCES_MAX = 96  # units of a leaf; the rest of a fuller one is left to the digest
NAMES_MESSAGES = 500  # recent messages whose speakers are known by name
BEFORE_MESSAGES = 2  # what a pronoun may stand for was said so shortly before
BEFORE_CHARACTERS_MAX = 600
WORTH_TIMES = 2  # prose of so many words is worth while for so many times as many


@dataclass(frozen=True, slots=True)
class Material:
    """`sources` by their numbers, from 1; `places` says which unit each is. `seqs` are all messages in sight."""

    sources: tuple[Source, ...]
    places: dict[int, Place]
    names: dict[str, str]
    seqs: frozenset[int]
    words: int

    def ground(self, words_max: int, pronouns: dict[str, str], told: Sequence[frozenset[str]] = ()) -> Ground:
        """What claims about it are held against."""
        return Ground({source.key: source for source in self.sources}, words_max, self.names, pronouns, told)

    def told(self, claims: Sequence[Claim]) -> tuple[Told, ...]:
        """Claims that hold, as segments."""
        return tuple(
            Told(
                claim.speakers[0],
                claim.text,
                tuple(sorted({self.places[key] for key in claim.sources})),
                count_words(claim.text),
            )
            for claim in claims
        )

    def worth(self, rung: int) -> bool:
        """Whether there is enough to retell in so many words."""
        return self.words >= WORTH_TIMES * rung


def material(transcript: Transcript, first: int, last: int) -> Material:
    """What was said by AIs in messages first..last, as far as the transcript still has it."""
    entries = [entry for seq in range(first, last + 1) if (entry := transcript.entry(seq)) is not None]
    return gathered(transcript, [(entry, unit) for entry in entries if not entry.human for unit in entry.parsed.units])


def gathered(transcript: Transcript, units: Sequence[tuple[Entry, Unit]]) -> Material:
    """These units, in the order given, as sources; blocks are left out."""
    prose = [(entry, unit) for entry, unit in units if unit.block is None and unit.text][:SOURCES_MAX]
    sources, places, seqs = list[Source](), dict[int, Place](), set[int]()
    for key, (entry, unit) in enumerate(prose, 1):
        before, seen = _before(transcript, entry, unit)
        sources.append(_source(key, entry, unit, transcript, before))
        places[key] = (unit.seq, unit.index)
        seqs |= {unit.seq, *seen}
    names = {entry.speaker: entry.message.from_.name for entry in transcript.newest(NAMES_MESSAGES)}
    names |= {entry.speaker: entry.message.from_.name for entry, _ in prose}
    return Material(tuple(sources), places, names, frozenset(seqs), sum(unit.n for _, unit in prose))


def _source(key: int, entry: Entry, unit: Unit, transcript: Transcript, before: str) -> Source:
    replied = transcript.entry(entry.message.reply_to) if isinstance(entry.message.reply_to, int) else None
    answered = replied.message.from_.name if replied is not None else ""
    return Source(
        key=key,
        seq=unit.seq,
        speaker=unit.speaker,
        name=entry.message.from_.name,
        text=unit.text,
        question=unit.question,
        addressee=answered,
        objects=entry.objects_to is not None,
        agrees=entry.agrees_with is not None,
        about=entry.objects_to,
        before=before,
    )


def _before(transcript: Transcript, entry: Entry, unit: Unit) -> tuple[str, list[int]]:
    """What was said just before a unit: in its message, in the one it answers, in the last two of the room."""
    answered = entry.message.reply_to if isinstance(entry.message.reply_to, int) else entry.seq - 1
    seqs = dict.fromkeys([*range(entry.seq - BEFORE_MESSAGES, entry.seq), answered])
    known = [one for seq in seqs if (one := transcript.entry(seq)) is not None]
    own = [one.text for one in entry.parsed.units if one.index < unit.index and one.block is None]
    texts = [one.message.text[-BEFORE_CHARACTERS_MAX:] for one in known] + own
    return " ".join(texts)[-BEFORE_CHARACTERS_MAX:], [one.seq for one in known]
