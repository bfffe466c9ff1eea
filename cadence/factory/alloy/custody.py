"""Whether a chain of custody holds, and if not, at which stage it breaks and how.

| kind | what happened |
|---|---|
| edited | a stage, its link or its signature was changed; without a stage: the recipe was |
| wrong signer | a key that is unknown, revoked, too old, or not allowed to sign this stage |
| unsigned | a stage without link stands before linked ones, or within the length that was sealed |
| dropped | a stage that was signed is gone |
| reordered | stages stand in another order than they were signed in |
| replayed | a stage was copied within the chain, or comes from another chain |
| exchanged | a stage is authentic, but not the one that the next was built on |
| added | a stage stands behind the end that was sealed |
| broken flow | a stage does not take in what the one before put out |
| missing data | a stage names no output, and no amendment says why |

Pure: `now` is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from cadence.factory.alloy.canonical import CanonicalError
from cadence.factory.alloy.chain import (
    AMENDMENT_PURPOSE,
    STAGE_PURPOSE,
    Alloy,
    Stage,
    link_hash,
    recipe_hash,
    signed_part,
)
from cadence.factory.alloy.domain import Domain
from cadence.factory.alloy.hashes import digits, same
from cadence.factory.alloy.keys import Key, Registry, instant
from cadence.factory.alloy.seal import sealed_chain
from cadence.factory.alloy.signatures import SignatureRefused, verify

SIGNATURES_MAX = 16  # of one stage
STAGES_MAX = 1_000  # that are named as dropped
TYPE_SHOWN_CHARS = 40
_LINK = {"chain", "index", "previousHash", "completedAt"}

Kind = Literal[
    "edited",
    "wrong signer",
    "unsigned",
    "dropped",
    "reordered",
    "replayed",
    "exchanged",
    "added",
    "broken flow",
    "missing data",
]


@dataclass(frozen=True)
class Rules:
    """What a domain asks of signatures: stage type -> role that must have signed -> field that names the key, or None.

    Whose keys may sign what at all is the registry's to say.
    """

    signers: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def refusal(self, key: Key, role: str, stage: Stage) -> str | None:
        """Why this key does not fit this stage in this role; None if it does."""
        named = self.signers.get(_kind(stage), {}).get(role)
        if named is not None and stage.get(named) != key.key_id:
            return f"signed as {role} by another key than the one that `{named}` names"
        return None


def rules_of(domains: Iterable[Domain]) -> Rules:
    """The rules that an alloy of these domains is under."""
    signers: dict[str, Mapping[str, str | None]] = {}
    for domain in domains:
        signers |= domain.signers
    return Rules(signers)


@dataclass(frozen=True, slots=True)
class Break:
    """One place where the chain breaks. `stage` counts from 0, as the chain was signed; None is the recipe."""

    kind: Kind
    stage: int | None
    type: str
    what: str

    def __str__(self) -> str:
        where = "the recipe" if self.stage is None else f"stage {self.stage}" + (f" ({self.type})" if self.type else "")
        return f"{where}: {self.kind}: {self.what}"


@dataclass(frozen=True, slots=True)
class Custody:
    """What is known about a chain: how it breaks, first break first, and which stages hold."""

    breaks: tuple[Break, ...]
    attested: tuple[int, ...]
    stages: int

    @property
    def holds(self) -> bool:
        """Whether there is a chain and nothing in it breaks."""
        return bool(self.attested) and not self.breaks


def check(alloy: Alloy, registry: Registry | None, now: datetime, rules: Rules | None = None) -> Custody:
    """Check the whole chain of `alloy`. An alloy without any link has nothing attested and no breaks.

    Amended stages count as attested. That the end was not cut off is known only of a sealed chain. Without a registry
    only the hashes are compared: breaks are found, but nothing counts as attested.
    """
    return _Check(alloy, registry, now, rules or Rules()).run()


class _Check:
    def __init__(self, alloy: Alloy, registry: Registry | None, now: datetime, rules: Rules) -> None:
        stages = alloy.get("stages")
        self._alloy, self._registry, self._now, self._rules = alloy, registry, now, rules
        self._stages: list[Stage] = [
            one if isinstance(one, dict) else {} for one in (stages if isinstance(stages, list) else [])
        ]
        self._links: list[Any] = [one.get("link") for one in self._stages]
        self._last = max((p for p, link in enumerate(self._links) if link is not None), default=-1)
        self._chain = self._chain_id()
        self._authentic: dict[int, int] = {}  # position -> index it was signed at
        self._at: dict[int, int] = {}  # index -> position

    def _chain_id(self) -> Any:
        """The chain the stages belong to: the alloy's, unless all of them agree on another. Then it is the recipe that
        was changed, as its hash will show, and not every single stage.
        """
        named = [link.get("chain") for link in self._links if isinstance(link, dict)]
        agreed = len(named) > 1 and all(chain == named[0] for chain in named)
        return named[0] if agreed else self._alloy.get("chainId")

    def run(self) -> Custody:
        sealed = sealed_chain(self._alloy, self._registry, self._now) if self._registry is not None else None
        length, last = sealed or (0, None)
        if not length and not any(link is not None for link in self._links):
            return Custody((), (), len(self._stages))
        found = [broken for position in range(len(self._stages)) for broken in self._alone(position, length)]
        found += self._order(length)
        if not any(broken.kind in ("dropped", "reordered", "replayed") for broken in found):
            found += [broken for position in self._authentic for broken in self._with_previous(position)]
            found += self._end(last, length, found) if length else []
        if self._registry is not None:
            found += self._data({broken.stage for broken in found}, self._registry)
        found.sort(key=lambda broken: -1 if broken.stage is None else broken.stage)
        broken_at = {broken.stage for broken in found}
        attested = self._authentic if self._registry is not None else ()
        return Custody(tuple(found), tuple(p for p in attested if p not in broken_at), len(self._stages))

    def _alone(self, position: int, length: int) -> Iterator[Break]:
        """What is wrong with one stage, whatever stands around it."""
        stage, link = self._stages[position], self._links[position]
        if link is None:
            if position < max(length, self._last):
                yield self._broken("unsigned", position, "no link, where the chain has one")
            return
        if not isinstance(link, dict) or set(link) != _LINK or not _is_index(link["index"]):
            yield self._broken("edited", position, f"expected a link of {', '.join(sorted(_LINK))}")
            return
        refused = self._signatures(stage, position, self._registry) if self._registry is not None else None
        if refused is not None:
            yield refused
        elif link["chain"] != self._chain:
            yield self._broken("replayed", position, "it was signed for another chain")
        else:
            self._authentic[position] = link["index"]
            self._at.setdefault(link["index"], position)

    def _signatures(self, stage: Stage, position: int, registry: Registry) -> Break | None:
        signatures, type_ = stage.get("signatures"), _kind(stage)
        if not isinstance(signatures, list) or not 0 < len(signatures) <= SIGNATURES_MAX:
            return self._broken("edited", position, "the stage has a link but no signatures")
        try:
            at = instant(stage["link"]["completedAt"])
            for signature in signatures:
                key = verify(signature, STAGE_PURPOSE, signed_part(stage), registry, at, self._now)
                role = signature.get("role", "")
                reason = registry.forbids(key, type_) or self._rules.refusal(key, role, stage)
                if reason is not None:
                    return self._broken("wrong signer", position, reason)
        except SignatureRefused as error:
            return self._broken("wrong signer" if error.wrong_signer else "edited", position, str(error))
        except ValueError as error:
            return self._broken("edited", position, f"completedAt: {error}")
        roles = [signature.get("role", "") for signature in signatures]
        lacking = [role for role in self._rules.signers.get(type_, {}) if role not in roles]
        if lacking:
            return self._broken("wrong signer", position, f"expected a signature as {' and '.join(lacking)}")
        if len(set(roles)) != len(roles):
            return self._broken("edited", position, "two signatures in one role")
        return None

    def _order(self, length: int) -> Iterator[Break]:
        """Stages that were copied, moved or taken away, from the numbers they were signed with."""
        if not self._authentic:
            if not any(self._links) and length:
                yield Break("dropped", 0, "", f"the seal speaks of {length} stages, none of them is here")
            return
        once = []
        for position, index in self._authentic.items():
            if self._at[index] == position:
                once.append((position, index))
            else:
                yield self._broken("replayed", position, f"it is stage {index} a second time")
        for (position, index), expected in zip(once, sorted(index for _, index in once), strict=True):
            if index != expected:
                yield self._broken("reordered", position, f"it was signed as stage {index}")
                break
        doubtful = {position for position in range(len(self._stages)) if position not in self._authentic}
        due = range(max(length, 1 + max(self._authentic.values())))
        missing = (index for index in due if index not in self._at and index not in doubtful)
        for index in islice(missing, STAGES_MAX):
            yield Break("dropped", index, "", "it was signed, and is gone")

    def _with_previous(self, position: int) -> Iterator[Break]:
        """Whether a stage builds on what stands before it."""
        stage, index = self._stages[position], self._authentic[position]
        stated = stage["link"]["previousHash"]
        if index == 0:
            if not same(stated, self._hash(lambda: recipe_hash(self._alloy))):
                yield Break("edited", None, "", "it is not the recipe that stage 0 was signed for")
            return
        before = self._at.get(index - 1)
        if before is None:
            return
        if not same(stated, self._hash(lambda: link_hash(self._stages[before]))):
            yield self._broken("exchanged", before, f"it is not the one that stage {index} was built on")
        output = self._stages[before].get("outputHash")
        taken = stage.get("inputHashes")
        if digits(output) is not None:
            values = taken.values() if isinstance(taken, dict) else ()
            if not any(same(value, output) for value in values):
                yield self._broken("broken flow", position, f"it does not take in what stage {index - 1} put out")

    def _end(self, sealed: str | None, length: int, found: Sequence[Break]) -> Iterator[Break]:
        """Whether the chain ends where the seal says."""
        beyond = [position for position, index in self._authentic.items() if index >= length]
        if beyond:
            yield self._broken("added", beyond[0], "it stands behind the end that was sealed")
        elif self._authentic and not found:
            last = self._at[max(self._authentic.values())]
            if not same(sealed, self._hash(lambda: link_hash(self._stages[last]))):
                yield self._broken("exchanged", last, "it is not the last stage that was sealed")

    def _data(self, broken: set[int | None], registry: Registry) -> Iterator[Break]:
        """Stages without output that no authentic amendment explains."""
        bare = [p for p in self._authentic if digits(self._stages[p].get("outputHash")) is None and p not in broken]
        amended = self._amended(registry) if bare else set()
        for position in bare:
            if (self._authentic[position], link_hash(self._stages[position])) not in amended:
                yield self._broken("missing data", position, "it names no output, and no signed amendment says why")

    def _amended(self, registry: Registry) -> set[tuple[int, str]]:
        """The stages, by number and hash, which an unbroken chain of signed amendments speaks of."""
        listed = self._alloy.get("amendments")
        explained: set[tuple[int, str]] = set()
        first = self._at.get(0)
        previous = recipe_hash(self._alloy) if first is None else self._links[first]["previousHash"]
        for one in listed if isinstance(listed, list) else ():
            try:
                (signature,) = one["signatures"]
                at = instant(one["amended_at"])
                key = verify(signature, AMENDMENT_PURPOSE, signed_part(one), registry, at, self._now)
                says = one["reason"] and one["data_available"] is False and one["signed_by"] == key.key_id
                if not says or not same(one["previousHash"], previous) or registry.forbids(key, "amendment"):
                    break
                explained.add((one["stage_ref"], one["stageHash"]))
            except (KeyError, TypeError, ValueError):
                break
            previous = link_hash(one)
        return explained

    def _hash(self, compute: Callable[[], str]) -> str | None:
        try:
            return compute()
        except CanonicalError:
            return None

    def _broken(self, kind: Kind, position: int, what: str) -> Break:
        return Break(kind, position, _type(self._stages[position]), what)


def _kind(stage: Stage) -> str:
    name = stage.get("type")
    return name if isinstance(name, str) else ""


def _type(stage: Stage) -> str:
    """The stage's type as far as it is shown."""
    return _kind(stage)[:TYPE_SHOWN_CHARS]


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
