"""What is wrong with an alloy, one problem at a time: where, what, why it matters, how to fix it.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic_core import ErrorDetails

from cadence.factory.alloy.document import Document, Path, show_path

__all__ = ["Level", "Problem", "from_types", "placed"]

Level = Literal["error", "warning"]
ECHO_MAX = 60
WANTED = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than_equal": "at least {ge:g}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le:g}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "text that is not empty",
    "string_type": "a string",
    "too_short": "at least {min_length} item",
}
OUTSIDE = "What lies outside was never meant, and no engine runs it"
BECAUSE = {
    "greater_than_equal": OUTSIDE,
    "less_than_equal": OUTSIDE,
    "literal_error": "An engine knows these and no others",
    "string_pattern_mismatch": "Programs compare and order these",
    "string_too_short": "An empty name says nothing",
    "too_short": "An empty list says nothing; leave it out instead",
}
# Errors that our own types raise: why, and how to fix it.
CUSTOM = {"receipt_date": ("A receipt proves when something was published", "Add issuedAt, or leave the receipt empty")}
TYPES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}


@dataclass(frozen=True)
class Problem:
    """One fault. An error makes the alloy unusable; a warning says that a claim in it counts for nothing, or is odd.

    `line` and `column` count from 1 and are 0 while the place in the text is not known.
    """

    path: Path
    what: str
    why: str
    fix: str
    level: Level = "error"
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """One line: `file:line:column: path: what. Why. Fix.`"""
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: " if self.file else ""
        mark = "warning: " if self.level == "warning" else ""
        return f"{place}{mark}{show_path(self.path)}: {self.what}. {self.why}. {self.fix}."

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: {level, file, line, column, path, what, why, fix}."""
        fields = ("level", "file", "line", "column", "what", "why", "fix")
        return {**{name: getattr(self, name) for name in fields}, "path": show_path(self.path)}


def placed(problems: Iterator[Problem] | list[Problem], document: Document) -> list[Problem]:
    """The same problems with file, line and column, in the order of the text."""
    found = []
    for problem in problems:
        line, column = document.where(problem.path)
        found.append(replace(problem, file=document.name, line=line, column=column))
    return sorted(found, key=lambda one: (one.line, one.column))


def from_types(details: ErrorDetails, value: Any) -> Problem:
    """One error of the types, told in words of the document. `value` is the whole JSON value that was checked."""
    path = _path(details, value)
    kind = details["type"]
    if kind == "union_tag_not_found":
        path, kind = (*path, "type"), "missing"
    if kind == "missing":
        key = path[-1]
        return Problem(path, f"expected the key {key!r}, it is missing", "The shape requires it", f"Add {key!r}")
    if kind in CUSTOM:
        return Problem(path, details["msg"], *CUSTOM[kind])
    words = WANTED.get(kind)
    wanted = words.format(**details.get("ctx", {})) if words else details["msg"].removeprefix("Input should be ")
    why = BECAUSE.get(kind, "Text for a number, or 1 for true, would be read differently elsewhere")
    return Problem(path, f"expected {wanted}, got {_shown(details['input'])}", why, f"Write {wanted}")


def _path(details: ErrorDetails, value: Any) -> Path:
    """The place in the document. Names of union members, which pydantic puts into its paths, are left out."""
    steps: list[str | int] = []
    here = value
    for number, step in enumerate(details["loc"]):
        last = number == len(details["loc"]) - 1
        if isinstance(step, int) and isinstance(here, list) and step < len(here):
            here = here[step]
        elif (
            isinstance(step, str)
            and isinstance(here, dict)
            and step in here
            and not (number == 2 and _is_tag(steps, step, here))
        ):
            here = here[step]
        elif not (last and details["type"] == "missing"):
            continue
        steps.append(step)
    return tuple(steps)


def _is_tag(steps: list[str | int], step: str, here: dict[str, Any]) -> bool:
    """Is this step the stage's type, which follows `stages[i]` in pydantic's path, and no key of the stage?"""
    return steps[0] == "stages" and here.get("type") == step


def _shown(value: Any) -> str:
    """A value for a message: short, on one line, quoted by `repr` so that nothing in it can act."""
    if isinstance(value, dict | list):
        return f"{TYPES[type(value)]} of {len(value)}"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    text = repr(value)
    return text if len(text) <= ECHO_MAX else f"{text[: ECHO_MAX - 1]}…"
