"""How `cadence alloy` speaks: exit codes, one sentence for an error, restrained tables, JSON for programs.

Whatever stands in an alloy is a stranger's text. It is printed on one line, without control characters, and never as
markup of the terminal.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from cadence.factory.alloy.document import Document

HOLDS, FAILS, USAGE, UNKNOWN = 0, 1, 2, 3
COLUMN_MAX = 44
STYLES = {
    "pass": "green",
    "holds": "green",
    "proven": "green",
    "attested": "green",
    "fail": "red",
    "fails": "red",
    "unverified": "red",
    "unknown": "yellow",
    "unsigned": "yellow",
    "self-reported": "yellow",
    "warning": "yellow",
    "error": "red",
}

FileArgument = Annotated[Path, typer.Argument(help="An alloy, NAME.alloy.json.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="File to write (default: print it).")]


def fail(sentence: str, code: int = FAILS) -> NoReturn:
    """End with one sentence on stderr."""
    from cadence.factory.alloy.markdown import clean

    typer.echo(clean(sentence), err=True)
    raise typer.Exit(code)


def load(path: Path) -> Document:
    """Read an alloy, or end with what is wrong with it."""
    from cadence.factory.alloy.document import DocumentError
    from cadence.factory.alloy.files import load as read

    try:
        return read(path)
    except DocumentError as error:
        fail(str(error))


def load_object(path: Path) -> tuple[Document, dict[str, Any]]:
    """Read an alloy whose value is an object, or end."""
    document = load(path)
    if not isinstance(document.value, dict):
        fail(f"{path}: expected an alloy, which is one JSON object. Check that this is the right file.")
    return document, document.value


def say(text: str) -> None:
    """One line of text."""
    from cadence.factory.alloy.markdown import clean

    typer.echo(clean(text))


def as_json(value: Any) -> None:
    """One JSON value."""
    typer.echo(json.dumps(value, indent=2))


def table(rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Columns without lines, each as wide as its longest cell of at most 44 columns. Nothing is cut: hashes are copied.

    Words that are verdicts get their colour where the terminal has colours.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    from cadence.factory.alloy.markdown import clean

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    cells = [["" if one is None else clean(one) for one in row] for row in rows]
    widths: dict[int, int] = {}
    for row in cells:
        for column, one in enumerate(row[:-1]):
            if cell_len(one) <= COLUMN_MAX:
                widths[column] = max(widths.get(column, 0), cell_len(one))
    if title is not None and cells:
        console.print(Text(clean(title), style="bold"))
    for row in cells:
        line = Text("  ")
        for column, one in enumerate(row):
            gap = max(0, widths.get(column, 0) - cell_len(one)) + 2 if column + 1 < len(row) else 0
            line.append(one, STYLES.get(one, "")).append(" " * gap)
        line.rstrip()
        console.print(line)


def write(text: bytes, path: Path | None) -> None:
    """Write a file as a whole or not at all, or print it."""
    if path is None:
        typer.echo(text.decode(), nl=False)
        return
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        fail(f"cannot write {path}: {error.strerror}. Check the folder and its rights.")
