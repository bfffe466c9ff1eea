"""Domains: vocabularies of stages. Each registers itself in one file; the core never imports one.

Pure: no clock, no files.

    DOMAINS.register(Domain(id="tickets", version="1.0.0", type_byte="0xFF", stages=(Issued, ...), root=TicketAlloy))
    DOMAINS.shape(value.get("domains"))      the type that an alloy of these domains must have
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args

from pydantic import Field, create_model

from cadence.factory.alloy.core import DEFAULT_DOMAINS, Alloy, Stage
from cadence.factory.alloy.problems import Problem

__all__ = [
    "DOMAINS",
    "Domain",
    "DomainConflict",
    "Registry",
    "UnknownDomain",
    "UnknownStage",
    "added",
    "narrowed",
    "nearest",
    "type_names",
]

NEAREST_MAX = 3
SHAPES_MAX = 64
Phase = Literal["input", "transform", "delivery"]
Rule = Callable[[Any], Iterator[Problem]]


class UnknownDomain(KeyError):
    """No domain of this id is registered; the message lists those that are."""

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownStage(KeyError):
    """No listed domain owns this stage type; the message names the nearest known ones."""

    def __str__(self) -> str:
        return str(self.args[0])


class DomainConflict(ValueError):
    """Two domains claim the same id, stage type or root field."""


@dataclass(frozen=True)
class Domain:
    """One vocabulary. A changed vocabulary gets a new id; a published one is frozen."""

    id: str
    version: str
    type_byte: str
    stages: tuple[type[Stage], ...]
    root: type[Alloy] = Alloy
    """The core with this domain's root fields."""
    rules: tuple[Rule, ...] = ()
    """Checks across fields: each takes the alloy and yields problems."""
    phases: dict[str, Phase] = field(default_factory=dict)
    """Stage type to phase: input, transform, delivery. What is absent is transform."""
    signers: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """Stage type to the roles that must sign it; each with the field that names the key's id, or None."""

    @property
    def types(self) -> dict[str, type[Stage]]:
        """Stage type, as spelled on the wire, to its class."""
        return {name: stage for stage in self.stages for name in type_names(stage)}

    def phase(self, type: str) -> Phase:
        """input: configures, runs once. transform: runs `cycles` times. delivery: verifies and ships, runs once."""
        return self.phases.get(type, "transform")


def type_names(stage: type[Stage]) -> tuple[str, ...]:
    """The values of a stage class's `type`: the current name, then older ones that are still read."""
    return get_args(stage.model_fields["type"].annotation)


class Registry:
    """The known domains, by id."""

    def __init__(self) -> None:
        self._domains: dict[str, Domain] = {}
        self._shape = lru_cache(maxsize=SHAPES_MAX)(self._build)

    def register(self, domain: Domain) -> Domain:
        """Add a domain. The same one twice is a no-op; another under a used id is refused, and so is a stage class that
        another domain owns. Two domains may use one type name; an alloy then cannot list both."""
        known = self._domains.get(domain.id)
        if known is not None and known != domain:
            raise DomainConflict(f"the domain id {domain.id!r} is taken; a changed vocabulary needs a new id")
        for other in self._domains.values():
            if other.id != domain.id and (shared := set(other.stages) & set(domain.stages)):
                raise DomainConflict(f"{shared.pop().__name__} belongs to {other.id!r}; {domain.id!r} needs its own")
        self._domains[domain.id] = domain
        return domain

    def __iter__(self) -> Iterator[Domain]:
        return iter(self._domains.values())

    def get(self, id: str) -> Domain:
        """The domain of this id, spelled exactly; raises `UnknownDomain`."""
        if id not in self._domains:
            known = ", ".join(sorted(self._domains))
            raise UnknownDomain(f"expected a registered domain ({known}), got {id[:80]!r}{nearest(id, self._domains)}")
        return self._domains[id]

    def resolve(self, ids: Sequence[str] | None) -> tuple[Domain, ...]:
        """The domains of an alloy: those it lists, llm-forge if it lists none. Raises `UnknownDomain`."""
        return tuple(self.get(id) for id in dict.fromkeys(ids or DEFAULT_DOMAINS))

    def shape(self, ids: Sequence[str] | None) -> type[Alloy]:
        """The type of an alloy of these domains: all their root fields, and the union of their stages."""
        return self._shape(self.resolve_ids(ids))

    def resolve_ids(self, ids: Sequence[str] | None) -> tuple[str, ...]:
        """Ids without repetition, each of them registered."""
        return tuple(domain.id for domain in self.resolve(ids))

    def stage(self, type: str, ids: Sequence[str] | None) -> type[Stage]:
        """The class of a stage type within these domains; raises `UnknownStage` with the nearest names."""
        types = {name: stage for domain in self.resolve(ids) for name, stage in domain.types.items()}
        if type in types:
            return types[type]
        elsewhere = next((domain.id for domain in self if type in domain.types), None)
        hint = f"; it belongs to the domain {elsewhere!r}, which the alloy does not list" if elsewhere else ""
        listed = ", ".join(self.resolve_ids(ids))
        raise UnknownStage(f"expected a stage of {listed}, got {type[:80]!r}{hint or nearest(type, types)}")

    def conflict(self, one: Domain, other: Domain) -> str | None:
        """The first name (of a stage type or an added root field) that both define; None if an alloy may list both."""
        return min((set(one.types) | added(one)) & (set(other.types) | added(other)), default=None)

    def contested(self) -> frozenset[str]:
        """Core fields that several domains narrow. In an alloy of several domains the first listed one decides."""
        fields = [name for domain in self for name in narrowed(domain)]
        return frozenset(name for name in fields if fields.count(name) > 1)

    def _build(self, ids: tuple[str, ...]) -> type[Alloy]:
        domains = [self.get(id) for id in ids]
        for number, domain in enumerate(domains):
            for other in domains[:number]:
                if name := self.conflict(other, domain):
                    raise DomainConflict(f"{other.id!r} and {domain.id!r} both define {name!r}; list one of them")
        stages = tuple(stage for domain in domains for stage in domain.stages)
        stage: Any = stages[0] if len(stages) == 1 else Annotated[Union[stages], Field(discriminator="type")]  # noqa: UP007
        bases = tuple(dict.fromkeys(domain.root for domain in domains if domain.root is not Alloy)) or (Alloy,)
        decides = {name: domain for domain in reversed(domains) for name in narrowed(domain)}
        decides |= dict.fromkeys(self.contested() & set(decides), domains[0])
        fields: dict[str, Any] = {}
        for name, domain in decides.items():
            field = domain.root.model_fields[name]
            fields[name] = (field.rebuild_annotation(), field)
        title = " + ".join(ids)
        return create_model(title, __base__=bases, stages=(list[stage], []), **fields)


def added(domain: Domain) -> set[str]:
    """Root fields that a domain adds to the core."""
    return set(domain.root.model_fields) - set(Alloy.model_fields)


def narrowed(domain: Domain) -> set[str]:
    """Root fields of the core to which a domain gives a shape of its own."""
    core, own = Alloy.model_fields, domain.root.model_fields
    return {name for name in core if own[name].annotation != core[name].annotation}


def nearest(name: str, known: Sequence[str] | dict[str, Any]) -> str:
    """`; nearest: a, b` with the known names most like `name`, or nothing."""
    close = difflib.get_close_matches(name[:80], list(known), n=NEAREST_MAX, cutoff=0.4)
    return f"; nearest: {', '.join(close)}" if close else ""


DOMAINS = Registry()
