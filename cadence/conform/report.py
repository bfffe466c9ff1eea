"""What a run found, check by check, for people and for programs. Pure."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["pass", "fail", "skipped"]
CAME_CHARS_MAX = 400


class Failure(Exception):
    """A check did not hold."""

    def __init__(self, expected: str, came: object) -> None:
        super().__init__(f"expected {expected}, got {came}")
        self.expected = expected
        self.came = came if isinstance(came, str) else json.dumps(came, ensure_ascii=False, default=str)


class Skipped(Exception):
    """A check could not be made here; the text says why."""


def expect(holds: object, expected: str, came: object) -> None:
    """Raise `Failure` unless `holds`."""
    if not holds:
        raise Failure(expected, came)


@dataclass(frozen=True, slots=True)
class Result:
    """One check. `rule` is the protocol's number or word for it; `expected` and `came` tell of a failure."""

    rule: str
    title: str
    state: State
    expected: str = ""
    came: str = ""
    why: str = ""

    def lines(self) -> list[str]:
        """For people."""
        mark = {"pass": "pass", "fail": "FAIL", "skipped": "skip"}[self.state]
        told = [f"{mark}  {self.rule:<9} {self.title}" + (f" ({self.why})" if self.why else "")]
        if self.state == "fail":
            told += [f"      expected {self.expected}", f"      got      {self.came}"]
        return told


def failed(rule: str, title: str, failure: Failure) -> Result:
    """A check that did not hold; what came is cut to a readable length and to one line."""
    came = " ".join(failure.came.split())
    short = came if len(came) <= CAME_CHARS_MAX else f"{came[: CAME_CHARS_MAX - 2]} …"
    return Result(rule, title, "fail", failure.expected, short)


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one run against `server`."""

    server: str
    results: tuple[Result, ...]

    @property
    def conforms(self) -> bool:
        """Whether no check failed, and at least one was made."""
        states = Counter(result.state for result in self.results)
        return states["fail"] == 0 and states["pass"] > 0

    def __str__(self) -> str:
        states = Counter(result.state for result in self.results)
        lines = [line for result in self.results for line in result.lines()]
        total = f"{self.server}: {states['pass']} passed, {states['fail']} failed, {states['skipped']} skipped"
        return "\n".join([*lines, total])

    def as_dict(self) -> dict[str, object]:
        """For programs."""
        return {"server": self.server, "conforms": self.conforms, "results": [asdict(each) for each in self.results]}
