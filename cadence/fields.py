"""Read declared fields out of a table somebody wrote by hand, and say everything that is wrong with it.

The declaration is a msgspec struct. `read` reports every problem of a table, not only the first: an unknown
key is named with the nearest known one, a wrong value with what was expected and what came.

Pure: no files. Whoever read the file makes the `Report`.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

_S = TypeVar("_S", bound=Struct)

PROBLEMS_PER_FILE_MAX = 50
ID_PATTERN = r"[a-z0-9_-]{1,64}"
_BAD: Any = object()  # a value whose problems have been told
_PLAIN = {"str": "a string", "bool": "true or false", "int": "a whole number", "float": "a number", "array": "a list"}
_ID_WORDS = "an id of 1 to 64 characters out of a-z, 0-9, _ and -"

Id = Annotated[str, Meta(pattern=f"^{ID_PATTERN}\\Z", description=_ID_WORDS)]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a place. `file` is relative to it; `line` counts from 1."""

    file: str
    line: int | None
    field: str | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: `{self.field}`: {self.message}" if self.field else f"{where}: {self.message}"


@dataclass(slots=True)
class Report:
    """Collects the problems of one file, at most `PROBLEMS_PER_FILE_MAX` and one line that counts the rest.

    `source` is the file's text: a field without a line is looked up in it, so that an editor can jump there.
    """

    file: str
    source: str = ""
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0

    def tell(self, message: str, *, field: str | None = None, line: int | None = None) -> None:
        """Add a problem."""
        if len(self.problems) >= PROBLEMS_PER_FILE_MAX:
            self.left_out += 1
            return
        if line is None and field:
            line = line_of(self.source, field)
        self.problems.append(Problem(self.file, line, field, message))

    def all(self) -> list[Problem]:
        """The problems in the order they were told."""
        if not self.left_out:
            return list(self.problems)
        return [*self.problems, Problem(self.file, None, None, f"and {self.left_out} more problems of this kind")]


def read(
    struct: type[_S], table: Mapping[str, object], report: Report, *, at: str = "", line: int | None = None
) -> _S | None:
    """`table` as a `struct`; every problem is told to `report`. `at` prefixes the names of fields.

    A field with a problem gets its default, so that what depends on the others can be checked too; None if a
    required field is missing or wrong.
    """
    known = {item.encode_name: item for item in msgspec.structs.fields(struct)}
    for key in table:
        if key not in known:
            report.tell(f"unknown key; the nearest known key is `{nearest(key, known)}`", field=at + key, line=line)
    values: dict[str, Any] = {}
    complete = True
    for key, item in known.items():
        if key in table:
            value = _value(item.type, table[key], report, at + key, line)
        elif item.required:
            value = _BAD
            report.tell(f"missing; expected {_expected(item.type)}", field=at + key, line=line)
        else:
            continue
        if value is not _BAD:
            values[item.name] = value
        elif item.required:
            complete = False
    return struct(**values) if complete else None


def parse_toml(text: str, report: Report) -> dict[str, object] | None:
    """The TOML table in `text`, or None after telling where it is broken."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        report.tell("expected TOML, got values nested too deeply to read")
    except ValueError as error:  # TOMLDecodeError, and integers with thousands of digits
        reason, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        last = text.count("\n") + 1  # the parser says "at end of document" instead of a line
        report.tell(f"expected TOML, but: {reason}", line=int(found[1]) if found else last)
    return None


def nearest(word: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """The one of `known` that looks most like `word`; `known` must not be empty."""
    return difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.0)[0]


def brief(value: object) -> str:
    """A value in an error message: its JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _value(kind: Any, value: object, report: Report, at: str, line: int | None) -> Any:
    """`value` converted to `kind`, or `_BAD` after telling its problems."""
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, Mapping):
        inside = read(kind, value, report, at=f"{at}.", line=line)
        return _BAD if inside is None else inside
    if get_origin(kind) is dict and isinstance(value, Mapping):  # keys are free, each value is of one kind
        entries = {key: _value(get_args(kind)[1], each, report, f"{at}.{key}", line) for key, each in value.items()}
        return _BAD if any(each is _BAD for each in entries.values()) else entries
    inner = _item_of(kind)
    if isinstance(inner, type) and issubclass(inner, Struct) and isinstance(value, list):
        items = [_value(inner, item, report, f"{at}[{n}]", line) for n, item in enumerate(value)]
        limit = next((meta.max_length for meta in getattr(kind, "__metadata__", ()) if meta.max_length), len(items))
        if len(items) > limit:
            report.tell(f"expected at most {limit} entries, got {len(items)}", field=at, line=line)
        return _BAD if _BAD in items or len(items) > limit else tuple(items)
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        report.tell(_sentence(kind, value, reason), field=at + path.rstrip("`"), line=line)
        return _BAD
    if isinstance(converted, float) and not math.isfinite(converted):
        report.tell(f"expected a finite number, got {converted}", field=at, line=line)
        return _BAD
    return converted


def _sentence(kind: Any, value: object, reason: str) -> str:
    """What was expected and what came. A declared description beats msgspec's words."""
    described = _expected(kind)
    words = reason.removeprefix("Expected ").partition(", got ")[0]
    is_table = isinstance(kind, type) and issubclass(kind, Struct)
    if words != reason and not is_table and not _described(kind):  # msgspec knows which bound was broken
        described = re.sub(r"`(\w+)`", lambda found: _PLAIN.get(found[1], found[0]), words)
    return f"expected {described}, got {brief(value)}"


def _expected(kind: Any) -> str:
    kind = _bare(kind)
    if described := _described(kind):
        return described
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(brief(choice) for choice in get_args(kind))
    inner = _item_of(kind)
    if inner is not None:
        return f"a list, each entry {_expected(inner)}"
    if isinstance(kind, type) and issubclass(kind, Struct):
        return "a table with the keys " + ", ".join(kind.__struct_encode_fields__)
    return _PLAIN.get(getattr(kind, "__name__", ""), str(kind))


def _described(kind: Any) -> str:
    return next((str(meta.description) for meta in getattr(kind, "__metadata__", ()) if meta.description), "")


def _bare(kind: Any) -> Any:
    """`kind` without `| None` and `| UnsetType`."""
    if get_origin(kind) in (Union, types.UnionType):
        kept = [choice for choice in get_args(kind) if choice not in (UnsetType, types.NoneType)]
        if len(kept) == 1:
            return kept[0]
    return kind


def _item_of(kind: Any) -> Any:
    """The type of a tuple's items, or None."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return get_args(kind)[0] if get_origin(kind) is tuple else None


def line_of(source: str, field: str) -> int | None:
    """The line that sets `field` in a TOML text, as far as one can tell without a second parser; counts from 1.

    A field of a table is looked for below the table's own header first.
    """
    table, _, key = field.rpartition(".")
    key = key.partition("[")[0]
    below = re.search(rf"^[ \t]*\[{re.escape(table)}\][^\n]*\n(?:(?![ \t]*\[).*\n)*", f"{source}\n", re.MULTILINE)
    pattern = re.compile(rf"^[ \t]*(?:[\w.]+\.)?{re.escape(key)}[ \t]*=", re.MULTILINE)
    found = pattern.search(source, *below.span()) if table and below else None
    found = found or (pattern.search(source) if key else None)
    header = found or (re.search(rf"^[ \t]*\[{re.escape(field)}\]", source, re.MULTILINE) if key else None)
    return None if header is None else source.count("\n", 0, header.start()) + 1
