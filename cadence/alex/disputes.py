"""Objections and what they object to, as indivisible pairs; agreement, as a count (LOD.md section 5, law 9).

Only explicit objections count, see `cadence.lod.stance`. While one waits, its target is not shown without it.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cadence.alex.memory import ReaderMemory
from cadence.alex.transcript import Entry, Transcript
from cadence.alex.waiting import OpenMessage
from cadence.lod.units import Unit

TELLING_TERMS_MIN = 3


@dataclass(frozen=True, slots=True)
class Dispute:
    """A waiting objection; `target` is what must be shown with it, None if the reader has seen that already."""

    objection: Entry
    unit: Unit
    about: int  # seq of the message objected to
    target: tuple[Entry, Unit] | None

    @property
    def words(self) -> int:
        return self.unit.n + (self.target[1].n if self.target else 0)


def disputes(waiting: Sequence[OpenMessage], memory: ReaderMemory, transcript: Transcript, since: int) -> list[Dispute]:
    """The objections that wait, in the order of the log. Messages up to seq `since` are none of this reader's run."""
    objecting = [message for message in waiting if message.entry.objects_to is not None]
    open_ = {message.entry.seq: message for message in waiting} if objecting else {}
    found: list[Dispute] = []
    for message in objecting:
        about = message.entry.objects_to
        if about is None or message.touched or not message.left:
            continue
        unit = telling(message.left, ())
        if memory.has_seen(about):
            found.append(Dispute(message.entry, unit, about, None))
            continue
        target = open_[about].entry if about in open_ else transcript.entry(about) if about > since else None
        if target is None or not target.parsed.units:
            continue  # its text is gone or before this reader's time: the objection speaks for itself
        terms = {term for one in message.left for term in one.terms}
        found.append(Dispute(message.entry, unit, about, (target, telling(target.parsed.units, terms))))
    return found


def agreements(waiting: Iterable[OpenMessage]) -> Mapping[int, list[Entry]]:
    """Messages that merely agree, by the seq they agree with."""
    found: dict[int, list[Entry]] = {}
    for message in waiting:
        if message.entry.agrees_with is not None and not message.touched:
            found.setdefault(message.entry.agrees_with, []).append(message.entry)
    return found


def telling(units: Sequence[Unit], about: Iterable[str]) -> Unit:
    """The unit that says most of `about`, in the speaker's own words; of equals the first with something to say."""
    wanted = set(about)
    own = [unit for unit in units if unit.block is None and not unit.text.startswith(">")]
    prose = own or [unit for unit in units if unit.block is None] or list(units)

    def merit(unit: Unit) -> tuple[int, bool]:
        return len(wanted.intersection(unit.terms)), len(unit.terms) >= TELLING_TERMS_MIN

    return max(prose, key=merit)  # of equals `max` takes the first
