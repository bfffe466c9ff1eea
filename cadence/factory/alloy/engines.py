"""Which engine carries out an alloy: one that declares its domains and knows every one of its stages.

Pure: no clock, no files. No model is loaded to find out: dispatch is the cheapest of the four kinds of reproducibility.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cadence.factory.alloy.core import Alloy
from cadence.factory.alloy.domain import DOMAINS, Registry, nearest

__all__ = ["Engine", "EngineRefused", "pick"]


class EngineRefused(ValueError):
    """No engine can carry out this alloy; the message says which domain or stage type nobody knows."""


@dataclass(frozen=True)
class Engine:
    """What an engine declares. `stages` are the types it carries out, within its domains."""

    name: str
    domains: frozenset[str]
    stages: frozenset[str]

    def refusal(self, alloy: Alloy, registry: Registry = DOMAINS) -> str | None:
        """Why it cannot carry out this alloy; None if it can."""
        foreign = [id for id in registry.resolve_ids(alloy.domains) if id not in self.domains]
        if foreign:
            return f"{self.name} does not serve the domain {foreign[0]!r}"
        for number, stage in enumerate(alloy.stages):
            if stage.type not in self.stages:
                hint = nearest(stage.type, sorted(self.stages))
                return f"unknown stage type {stage.type[:80]!r} at stages[{number}] for {self.name}{hint}"
        return None


def pick(alloy: Alloy, engines: Iterable[Engine], registry: Registry = DOMAINS) -> Engine:
    """The first engine that can carry out all of the alloy; raises `EngineRefused` with each one's reason."""
    reasons: list[str] = []
    for engine in engines:
        reason = engine.refusal(alloy, registry)
        if reason is None:
            return engine
        reasons.append(reason)
    raise EngineRefused(f"expected an engine for {alloy.name[:80]!r}: {'; '.join(reasons) or 'there is none'}")
