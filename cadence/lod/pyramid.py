"""The pyramid of one scope: what was said, at every scale of time (LOD.md section 6; Burt & Adelson 1983).

Time is cut into leaves: a leaf ends with its slot of five seconds, or before the message that would make it more than
256 words. Leaves have keys that grow with time; two neighbouring stretches are merged as soon as time has left the
smallest dyadic block that holds both. So the tree is that of the bits of the keys, and depends on the log only.

    stack     the stretches not yet merged, oldest and largest first: together all of the past
    detail    a merged node keeps its two halves while it is among the last `BLOCKS_DETAILED` blocks of its size,
              so detail falls off with age, and the pyramid grows with the logarithm of the past
    whole     a node that left nothing out needs no halves

`add` is cheap; building is done by `carry`, one node at a time, so that nobody waits for a long chain of merges.
Stored nodes (`take_changes`) make a pyramid again; what is missing is built from the log.

Pure: no clock, no files. The same log gives the same bytes, however it was built.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cadence.lod.branches import Branch, Ident, apart, grown
from cadence.lod.nodes import HEAD_WORDS_MAX, Node, Said, leaf, merge

LEAF_WORDS_MAX = HEAD_WORDS_MAX
SLOT_SECONDS = 5.0
LEAF_BITS = 16  # a slot has room for 65,536 leaves; a fuller one puts the rest into its last
BLOCKS_DETAILED = 64  # of each size of block, so many of the last ones keep their halves
NODES_READ = 8  # an interval is read from about so many


@dataclass(frozen=True, slots=True)
class Stored:
    """A node for whoever keeps it: its name, which seqs it stands for, how many of them are redacted, and its bytes."""

    ident: Ident
    first: int
    last: int
    gone: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be kept and what is to be struck out, as one step."""

    kept: tuple[Stored, ...] = ()
    dropped: tuple[Ident, ...] = ()


class Pyramid:
    """See the module's text. `bodies` are stored nodes to go on from; `last` says after which message.

    `first` is the seq of the first message to hear, for a pyramid of a stretch (see `mend`); `builds` counts the nodes
    ever built here. Raises `ValueError` if `bodies` are no nodes of this scope.
    """

    def __init__(self, scope: str, bodies: Iterable[bytes] = (), *, first: int = 1) -> None:
        self.scope = scope
        self.first = first
        self.builds = 0
        self._open: list[Said] = []
        self._open_key = -1
        self._closed: deque[tuple[int, list[Said]]] = deque()  # leaves not yet built
        self._incoming: Branch | None = None
        self._stack: list[Branch] = []
        self._live: dict[Ident, Branch] = {}
        self._detailed: dict[int, deque[Branch]] = {}  # level -> branches with halves, oldest first
        self._changed: dict[Ident, None] = {}
        given = tuple(bodies)
        if given:
            self._stack = grown(scope, given)
            self._index()
            self._changed = {}

    # Hearing.

    @property
    def last(self) -> int:
        """The last seq heard; before the first, the one before that."""
        if self._open:
            return self._open[-1].seq
        if self._closed:
            return self._closed[-1][1][-1].seq
        return self._incoming.last if self._incoming else self._stack[-1].last if self._stack else self.first - 1

    @property
    def open_leaf(self) -> tuple[int, int, float] | None:
        """First and last seq of the leaf that still grows, and when its slot ends; None if none grows."""
        if not self._open:
            return None
        return self._open[0].seq, self._open[-1].seq, ((self._open_key >> LEAF_BITS) + 1) * SLOT_SECONDS

    def add(self, said: Said) -> None:
        """Hear the next message of the log; its node is built by `carry`, later."""
        assert said.seq == self.last + 1, f"expected seq {self.last + 1}, got {said.seq}"
        key = self._key(said)
        if self._open and key != self._open_key:
            self._close()
        self._open_key = key
        self._open.append(said)

    def _key(self, said: Said) -> int:
        """The leaf of the next message: that of its slot, the one that is open, or one more."""
        slot = int(said.at // SLOT_SECONDS)
        newest = self._open_key if self._open else self._newest_key()
        if newest < 0 or slot > newest >> LEAF_BITS:
            return slot << LEAF_BITS
        fits = bool(self._open) and _words(self._open) + _words([said]) <= LEAF_WORDS_MAX
        return newest if fits or _is_last(newest) else newest + 1

    def _close(self) -> None:
        if self._open:
            self._closed.append((self._open_key, self._open))
            self._open = []

    def _newest_key(self) -> int:
        if self._closed:
            return self._closed[-1][0]
        return self._incoming.last_key if self._incoming else self._stack[-1].last_key if self._stack else -1

    # Building.

    @property
    def unbuilt(self) -> int:
        """How many leaves `carry` has still to put in their place."""
        return len(self._closed) + (self._incoming is not None)

    def carry(self) -> bool:
        """Build one node, if there is one to build. False when nothing is left to do."""
        if self._incoming is None:
            if not self._closed:
                return False
            key, said = self._closed.popleft()
            self.builds += 1
            self._incoming = Branch(leaf(self.scope, key, said))
        elif not self._merge_before(self._incoming.first_key):
            self._push(self._incoming)
            self._incoming = None
        return True

    def settle(self) -> None:
        """Build all that is to be built."""
        while self.carry():
            pass

    def _merge_before(self, key: int) -> bool:
        """Merge the last two of the stack if time, by going on to `key`, has left their block."""
        if len(self._stack) < 2:
            return False
        older, newer = self._stack[-2:]
        if apart(older.last_key, newer.first_key) >= apart(newer.last_key, key):
            return False
        self.builds += 1
        merged = Branch(merge(older.node(), newer.node()), (older, newer))
        if merged.whole:
            self._halve(merged)
        del self._stack[-2:]
        self._stack.append(merged)
        self._keep(merged)
        return True

    def _push(self, branch: Branch) -> None:
        self._stack.append(branch)
        self._keep(branch)
        self._fade(branch.last_key)

    def _keep(self, branch: Branch) -> None:
        self._live[branch.ident] = branch
        self._changed[branch.ident] = None
        if branch.halves is not None:
            self._detailed.setdefault(branch.level, deque()).append(branch)

    def _halve(self, branch: Branch) -> None:
        """Let go of the halves of a branch, and of what is below them."""
        for half in branch.halves or ():
            for gone in half.all():
                self._live.pop(gone.ident, None)
                self._changed[gone.ident] = None
        branch.halves = None

    def _fade(self, now_key: int) -> None:
        """Let go of the halves of what has become old for its size."""
        for level, branches in self._detailed.items():
            while branches and (now_key >> level) - (branches[0].first_key >> level) >= BLOCKS_DETAILED:
                self._halve(branches.popleft())

    # Keeping.

    def take_changes(self) -> Changes:
        """What changed since the last call, for whoever stores it."""
        changed, self._changed = sorted(self._changed), {}
        kept = [self._live[ident] for ident in changed if ident in self._live]
        return Changes(tuple(map(_stored, kept)), tuple(ident for ident in changed if ident not in self._live))

    def bodies(self) -> list[bytes]:
        """Every node, in order of time, larger before smaller."""
        return [branch.body for root in self._stack for branch in root.all()]

    def _index(self) -> None:
        """Find everything again after the trees were changed by hand."""
        before = self._live
        self._live = {branch.ident: branch for root in self._stack for branch in root.all()}
        self._detailed = {}
        for branch in self._live.values():
            if branch.halves is not None:
                self._detailed.setdefault(branch.level, deque()).append(branch)
        for ident in before.keys() | self._live.keys():
            if before.get(ident) is not self._live.get(ident):
                self._changed[ident] = None
        if self._stack:
            self._fade(self._stack[-1].last_key)

    # Reading.

    def read(
        self, after: int = 0, weigh: Callable[[float], float] = lambda at: 1.0, nodes: int = NODES_READ
    ) -> list[Node]:
        """The nodes that stand for all that was said after seq `after`, oldest first: about so many.

        Where most was said, times `weigh` of when, is read in most detail. The first may reach back behind `after`.
        """
        self.settle()
        heap = [(-_urgency(root, after, weigh), root.first, root) for root in self._stack if root.last > after]
        heapq.heapify(heap)
        chosen: list[Branch] = []
        while heap:
            urgency, _, branch = heapq.heappop(heap)
            enough = len(heap) + len(chosen) + 1 >= nodes and urgency > -math.inf
            if branch.halves is None or enough:
                chosen.append(branch)
                continue
            for half in branch.halves:
                if half.last > after:
                    heapq.heappush(heap, (-_urgency(half, after, weigh), half.first, half))
        found = [branch.node() for branch in sorted(chosen, key=lambda branch: branch.first)]
        if self._open and self._open[-1].seq > after:
            found.append(leaf(self.scope, self._open_key, self._open))
        return found

    def outline(self, nodes: int) -> list[Node]:
        """The closed past in at most so many nodes if the stack is not longer, oldest first, cut as deep everywhere.

        What stands at the beginning changes less often than with `read` while more is said.
        """
        self.settle()
        chosen: list[Branch] = []
        finer = self._stack
        while len(finer) > len(chosen) and (len(finer) <= nodes or not chosen):
            chosen, finer = finer, [half for one in finer for half in (one.halves or (one,))]
        return [branch.node() for branch in chosen]

    # Redaction.

    def stretch(self, seq: int) -> tuple[int, int] | None:
        """First and last seq of what has to be heard again because message `seq` was redacted; None: it was not heard.

        Until `mend` nodes still know which words the message used, though not its text.
        """
        if not 0 < seq <= self.last:
            return None
        self.settle()
        hole, opened = self._hole(seq)[1:3]
        first = hole[0].first if hole else self._open[0].seq
        return first, self._open[-1].seq if opened else hole[-1].last

    def mend(self, heard: Pyramid) -> None:
        """Put a whole `stretch`, heard again as it stands in the log now, in the place of what was there."""
        self.settle()
        before, _, opened, after = self._hole(heard.first)
        if not opened:
            heard._close()
        heard.settle()
        self.builds += heard.builds
        self._stack = list(before)
        for branch in (*heard._stack, *after):
            while self._merge_before(branch.first_key):
                pass
            self._stack.append(branch)
        if opened:
            self._open, self._open_key = heard._open, heard._open_key
        self._index()

    def _hole(self, seq: int) -> tuple[list[Branch], list[Branch], bool, list[Branch]]:
        """The past around a message: before, what falls with it, whether the open leaf does, after.

        A redacted message is shorter, so all leaves of its slot may be cut elsewhere.
        """
        parts, i = list(self._stack), 0
        if not (self._open and self._open[0].seq <= seq):
            while True:
                i = next(i for i, branch in enumerate(parts) if branch.last >= seq)
                if parts[i].halves is None or parts[i].level <= LEAF_BITS:
                    break
                parts[i : i + 1] = parts[i].halves or ()
            if parts[i].level > LEAF_BITS:
                return parts[:i], [parts[i]], False, parts[i + 1 :]
            slot = parts[i].last_key >> LEAF_BITS
        else:
            slot = self._open_key >> LEAF_BITS
        same = [i for i, one in enumerate(parts) if one.first_key >> LEAF_BITS == one.last_key >> LEAF_BITS == slot]
        low, high = (same[0], same[-1] + 1) if same else (len(parts), len(parts))
        opened = bool(self._open) and self._open_key >> LEAF_BITS == slot
        return parts[:low], parts[low:high], opened, parts[high:]


def _words(said: Sequence[Said]) -> int:
    return sum(unit.n for one in said for unit in one.units)


def _is_last(key: int) -> bool:
    return (key + 1) >> LEAF_BITS != key >> LEAF_BITS


def _stored(branch: Branch) -> Stored:
    return Stored(branch.ident, branch.first, branch.last, branch.node().gone, branch.body)


def _urgency(branch: Branch, after: int, weigh: Callable[[float], float]) -> float:
    """How much is gained by halving a branch; one that reaches back behind the interval comes first."""
    if branch.first <= after:
        return math.inf
    return weigh((branch.start + branch.end) / 2) * branch.unit_words
