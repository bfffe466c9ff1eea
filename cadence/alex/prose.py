"""Prose for a closed node and a rung: what it tells, out of what, how it came about; and what of it is kept.

Prose is made once and shared by all readers of a room who need it (LOD.md section 7). Nothing of a reader goes into it.
What is kept is added by whoever makes prose and read by mediators, which never wait for it: what is not there when a
look is taken is not there.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cadence.alex.grounding import Verdict
from cadence.alex.wording import read

RUNG_WORDS_FIRST = 12
RUNGS_MAX = 6  # 12, 24, ... 384 words
WRITTEN_MAX = 256  # proses kept of a room; those of the oldest nodes go first
WANTED_KEPT = 64  # nodes of a room; of the last ones it is known that prose was asked for
REDACTED_KEPT = 1_000  # messages taken back while prose about them may be on its way
TOLD_STEP = 4  # nodes: a prompt holds what was told of the last 5 to 8, so that it begins alike for a while
TOLD_MAX = 48  # segments of these

Place = tuple[int, int]  # seq, index of a unit
Outcome = Literal["held", "refused", "late", "failed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of a model, and what the grounding check said of it."""

    answer: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Trace:
    """How prose came about, or did not, for `why`. `seqs` are the messages that stood in the prompt or beside it."""

    by: str  # the model's name
    outcome: Outcome
    prompt: str
    attempts: tuple[Attempt, ...]
    seqs: frozenset[int]


@dataclass(frozen=True, slots=True)
class Told:
    """One segment of prose: its speaker, its words, and the units it tells."""

    speaker: str
    text: str
    units: tuple[Place, ...]
    words: int

    @property
    def seqs(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(seq for seq, _ in self.units))


@dataclass(frozen=True, slots=True, eq=False)
class Prose:
    """What a model made of messages first..last within `rung` words, as far as the check let it pass: maybe nothing."""

    first: int
    last: int
    rung: int
    told: tuple[Told, ...]
    trace: Trace


@dataclass(slots=True)
class Written:
    """The prose that was written of one room. At most `WRITTEN_MAX`."""

    _kept: OrderedDict[tuple[int, int, int], Prose] = field(default_factory=OrderedDict)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)  # of nodes, in the order they were first told
    _added: int = 0
    _gone: deque[int] = field(default_factory=lambda: deque(maxlen=REDACTED_KEPT))
    _wanted: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=WANTED_KEPT))

    def want(self, first: int, last: int) -> None:
        """Prose of this node was asked for."""
        self._wanted.append((first, last))

    def wanted(self, first: int, last: int) -> bool:
        """Whether prose was asked for about any of these messages, as far as that is still known."""
        return any(begin <= last and first <= end for begin, end in self._wanted)

    def add(self, prose: Prose) -> bool:
        """Keep prose; False if a message that stood in its prompt is gone by now (law 17)."""
        if not prose.trace.seqs.isdisjoint(self._gone):
            return False
        self._kept[prose.first, prose.last, prose.rung] = prose
        if (prose.first, prose.last) not in self._numbers:
            self._numbers[prose.first, prose.last] = self._added
            self._added += 1
        while len(self._kept) > WRITTEN_MAX:
            _, oldest = self._kept.popitem(last=False)
            self._numbers.pop((oldest.first, oldest.last), None)
        return True

    def redact(self, seq: int) -> None:
        """A message is gone, and with it all prose that was made with it in sight."""
        self._gone.append(seq)
        for key in [key for key, prose in self._kept.items() if seq in prose.trace.seqs]:
            del self._kept[key]

    def clear(self) -> None:
        """A played conversation begins again."""
        self._kept.clear()
        self._numbers.clear()
        self._wanted.clear()

    def within(self, first: int, last: int, rung_max: int) -> list[Prose]:
        """For each node that ends between these messages its longest prose of at most `rung_max` words, in order."""
        best: dict[tuple[int, int], Prose] = {}
        for prose in self._kept.values():
            if first <= prose.last <= last and prose.rung <= rung_max:
                known = best.get((prose.first, prose.last))
                if known is None or known.rung < prose.rung:
                    best[prose.first, prose.last] = prose
        return [best[key] for key in sorted(best)]

    def traces(self, first: int, last: int) -> list[Trace]:
        """How the prose for these messages came about, or did not."""
        return [prose.trace for prose in self._kept.values() if prose.first <= last and prose.last >= first]

    def before(self, first: int) -> list[Told]:
        """What was told last of what came before message `first`, oldest first, each node once.

        It begins with the same node for a few nodes on, so that prompts share their beginning.
        """
        latest: dict[tuple[int, int], Prose] = {}
        for prose in self._kept.values():
            if prose.last < first:
                latest[prose.first, prose.last] = prose
        newest = max((self._numbers.get(key, 0) for key in latest), default=0)
        since = newest // TOLD_STEP * TOLD_STEP - TOLD_STEP
        told = [one for key in sorted(latest) if self._numbers.get(key, -1) >= since for one in latest[key].told]
        return told[-TOLD_MAX:]

    def __len__(self) -> int:
        return len(self._kept)


def rung_for(words: float) -> int:
    """The longest rung of at most so many words; the first one, if even that is more."""
    rung = RUNG_WORDS_FIRST
    for _ in range(RUNGS_MAX - 1):
        if 2 * rung > words:
            break
        rung *= 2
    return rung


def stems_of(told: Iterable[Told], names: Mapping[str, str]) -> list[frozenset[str]]:
    """The words that carry sense of each segment, as the grounding check compares them."""
    return [read(one.text, names.values()).stems for one in told]
