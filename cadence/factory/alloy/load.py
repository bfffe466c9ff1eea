"""Reads an alloy: strict JSON, then the shape its domains give it, then the rules across its fields.

Pure: no clock, no files.

    loaded = load(raw, name="x.alloy.json")     DocumentError if it is not even JSON that all readers agree on
    loaded.alloy                                the typed alloy, None if its shape is wrong
    loaded.problems                             everything wrong with it, in the order of the text
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError

from cadence.factory.alloy import domains as domains
from cadence.factory.alloy import rules
from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.document import Document, Path, read
from cadence.factory.alloy.domain import DOMAINS, Domain, DomainConflict, Registry, UnknownDomain, UnknownStage
from cadence.factory.alloy.problems import Problem, from_types, placed

__all__ = ["Loaded", "check", "check_value", "load"]

PROBLEMS_MAX = 100  # that are told
DETAILS_MAX = 1_000  # errors of the types that are looked at; one place may have several


@dataclass(frozen=True)
class Loaded:
    """A document, the alloy in it if its shape holds, and all problems found, at most 100."""

    document: Document
    alloy: Alloy | None
    problems: tuple[Problem, ...]
    domains: tuple[Domain, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make the alloy unusable."""
        return tuple(one for one in self.problems if one.level == "error")

    @property
    def valid(self) -> bool:
        """Nothing but warnings, or nothing at all."""
        return self.alloy is not None and not self.errors


def load(source: str | bytes, *, name: str, registry: Registry = DOMAINS) -> Loaded:
    """Read and check an alloy. Raises `DocumentError` for what is not JSON; everything else becomes a problem."""
    return check(read(source, name=name), registry=registry)


def check(document: Document, *, registry: Registry = DOMAINS) -> Loaded:
    """Check a document that was read already."""
    alloy, listed, problems = check_value(document.value, registry)
    found = placed(_worst(problems), document) if problems else []
    return Loaded(document, alloy, tuple(found), listed)


def check_value(value: Any, registry: Registry = DOMAINS) -> tuple[Alloy | None, tuple[Domain, ...], list[Problem]]:
    """The same for a plain value, for what is built and not read: (alloy, its domains, problems without places)."""
    if not isinstance(value, dict):
        what = f"expected an object, got {type(value).__name__}"
        return None, (), [Problem((), what, "An alloy is one JSON object", "Begin the file with {")]
    ids = value.get("domains")
    try:
        well_formed = isinstance(ids, list) and ids and all(isinstance(id, str) for id in ids)
        listed = registry.resolve(ids if well_formed else None)
        shape = registry.shape([domain.id for domain in listed])
    except (UnknownDomain, DomainConflict) as error:
        why = "Without its domains nobody knows what the stages mean"
        return None, (), [Problem(("domains",), str(error), why, "List registered domains that go together")]
    unknown = list(islice(_unknown_stages(value, listed, registry), PROBLEMS_MAX))
    try:
        alloy = shape.model_validate(value)
    except ValidationError as error:
        told = {problem.path[:2] for problem in unknown}
        others = (from_types(one, value) for one in error.errors(include_url=False)[:DETAILS_MAX])
        return None, listed, unknown + _unique(one for one in others if one.path[:2] not in told)
    return alloy, listed, list(rules.check(alloy, listed))


def _unknown_stages(value: dict[str, Any], listed: tuple[Domain, ...], registry: Registry) -> Iterator[Problem]:
    stages = value.get("stages")
    ids = [domain.id for domain in listed]
    for number, stage in enumerate(stages if isinstance(stages, list) else []):
        type = stage.get("type") if isinstance(stage, dict) else None
        if not isinstance(type, str):
            continue
        try:
            registry.stage(type, ids)
        except UnknownStage as error:
            why = "No engine would know what to do"
            yield Problem(("stages", number, "type"), str(error), why, "Use a known type, or list its domain")


def _worst(problems: list[Problem]) -> list[Problem]:
    """As many as are told, errors before warnings: no flood of warnings may hide an error."""
    return sorted(problems, key=lambda one: one.level != "error")[:PROBLEMS_MAX]


def _unique(problems: Iterator[Problem]) -> list[Problem]:
    """One problem for each place, the deepest: a value of the wrong kind fails every branch of a union."""
    found: dict[Path, Problem] = {}
    for problem in problems:
        found.setdefault(problem.path, problem)
    above = {path[:depth] for path in found for depth in range(len(path))}
    return [problem for path, problem in found.items() if path not in above]
