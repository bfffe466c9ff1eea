"""Commands that look at more than one alloy: diff, lineage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cadence.factory.alloy.commands.output import (
    FAILS,
    HOLDS,
    UNKNOWN,
    USAGE,
    FileArgument,
    JsonOption,
    as_json,
    fail,
    load_object,
    table,
)

if TYPE_CHECKING:
    from cadence.factory.alloy.lineage import Ancestor, Known

ALLOYS_MAX = 1_000  # that are looked through for parents
SHOWN_CHARS = 60
ENDS = {"origin": HOLDS, "contradicted": FAILS, "endless": FAILS}


def diff(
    left: Annotated[Path, typer.Argument(help="An alloy.", show_default=False)],
    right: Annotated[Path, typer.Argument(help="Another.", show_default=False)],
    as_json_: JsonOption = False,
) -> None:
    """Say what differs in meaning: in recipe, report and proof. Ends with 1 if something does."""
    from cadence.factory.alloy.diff import changes
    from cadence.factory.alloy.document import show_path

    found = changes(load_object(left)[1], load_object(right)[1])
    if as_json_:
        as_json([one.as_dict() for one in found])
    else:
        for part in ("recipe", "report", "proof"):
            rows = [(one.kind, show_path(one.path), _change(one)) for one in found if one.part == part]
            if rows:
                table(rows, part.capitalize())
        if not found:
            table([("holds", "the two say the same")])
    raise typer.Exit(FAILS if found else HOLDS)


def lineage(
    file: FileArgument,
    among: Annotated[Path | None, typer.Option(help="Folder with its ancestors (default: that of FILE).")] = None,
    compromised: Annotated[list[str] | None, typer.Option(help="Hash of an alloy that turned out to be bad.")] = None,
    as_json_: JsonOption = False,
) -> None:
    """Follow an alloy back to its origin, as far as hashes prove it. Ends with 3 where they do not.

    With --compromised, ends with 1 if one of those is among its ancestors, or is the alloy itself.
    """
    from cadence.factory.alloy.lineage import known, trace

    start = known(load_object(file)[0])
    if start is None:
        fail(f"{file}: expected an alloy, which is one JSON object. Check that this is the right file.")
    line = trace(start, _at_hand(among or file.parent))
    fallen = _fallen(line, compromised or [])
    if as_json_:
        as_json([_as_dict(one, one in fallen) for one in line])
    else:
        table([_row(one, one in fallen) for one in line])
    raise typer.Exit(FAILS if fallen else ENDS.get(line[-1].standing, UNKNOWN))


def _fallen(line: tuple[Ancestor, ...], compromised: list[str]) -> tuple[Ancestor, ...]:
    """The bad ones and all that descend from them. A hash counts also where the alloy itself is not at hand."""
    from cadence.factory.alloy.hashes import digits

    bad = {digits(one) for one in compromised}
    if None in bad:
        fail("expected 64 hex digits for --compromised, as `cadence alloy hash` prints them.", USAGE)
    last = max(
        (at for at, one in enumerate(line) if {one.alloy.alloy_hash, one.alloy.file_hash, one.parent} & bad), default=-1
    )
    return line[: last + 1]


def _as_dict(one: Ancestor, fallen: bool) -> dict[str, Any]:
    return {
        "file": one.alloy.file,
        "name": one.alloy.value.get("name"),
        "version": one.alloy.value.get("version"),
        "alloyHash": f"sha256:{one.alloy.alloy_hash}",
        "standing": one.standing,
        "parent": f"sha256:{one.parent}" if one.parent else None,
        "kind": one.kind,
        "compromised": fallen,
    }


def _row(one: Ancestor, fallen: bool) -> tuple[object, ...]:
    told = "compromised, or comes from what is" if fallen else _told(one)
    named = (one.alloy.value.get("name"), one.alloy.value.get("version"))
    return ("fails" if fallen else one.standing, *named, one.alloy.alloy_hash, told)


def _told(one: Ancestor) -> str:
    words = {
        "origin": "names no parent",
        "proven": "its parent has the hash it names",
        "claimed": "names a parent, but no hash of it",
        "missing": f"no alloy here has the hash {one.parent}",
        "contradicted": "names two parents",
        "endless": "has more ancestors than anybody needs",
    }
    return words[one.standing]


def _at_hand(folder: Path) -> list[Known]:
    from cadence.factory.alloy.canonical import CanonicalError
    from cadence.factory.alloy.core import ALLOY_SUFFIX
    from cadence.factory.alloy.document import DocumentError
    from cadence.factory.alloy.files import load as read
    from cadence.factory.alloy.lineage import known

    found: list[Known] = []
    paths = sorted(folder.glob(f"*{ALLOY_SUFFIX}"))
    if len(paths) > ALLOYS_MAX:
        fail(f"expected at most {ALLOYS_MAX} alloys in {folder}, it has {len(paths)}. Name a smaller folder.")
    for path in paths:
        try:
            one = known(read(path))
        except (CanonicalError, DocumentError):
            continue  # what cannot be read is nobody's parent
        if one is not None:
            found.append(one)
    return found


def _change(one: Any) -> str:
    left, right = _short(one.left), _short(one.right)
    return {"added": right, "removed": left}.get(one.kind, f"{left} -> {right}")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"
