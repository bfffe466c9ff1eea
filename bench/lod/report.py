"""What a section of the benchmark found: tables for people, numbers for programs, and criteria that hold or do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from bench.lod.encodings import Encodings
from bench.lod.figures import Mean

WIDTH_MIN = 180

Cell = Mean | float | int | str


@dataclass(frozen=True)
class Criterion:
    """A line of the acceptance table. `met` is None where nothing could be measured."""

    what: str
    floor: str
    aim: str
    measured: str
    met: bool | None


@dataclass
class Table:
    """Rows of cells by column; `digits` after the point, by column, 2 where not said."""

    title: str
    columns: Sequence[str]
    rows: list[tuple[str, Mapping[str, Cell]]] = field(default_factory=list)
    digits: Mapping[str, int] = field(default_factory=dict)

    def add(self, name: str, **cells: Cell) -> None:
        self.rows.append((name, cells))


@dataclass(frozen=True)
class Curve:
    """Lines for a plot, by name; `x` and `y` say what the axes are. With `log` both axes are logarithmic."""

    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]
    log: bool = False


@dataclass
class Found:
    """All that a section has to say."""

    tables: list[Table] = field(default_factory=list)
    criteria: list[Criterion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plots: Mapping[str, Sequence[Curve]] = field(default_factory=dict)  # curves side by side, by the file's stem


@dataclass(frozen=True)
class Given:
    """What sections work with."""

    shared: Path
    encodings: Encodings
    split: str
    seed: int
    quick: bool  # a fraction of the work, to see that everything runs
    readers: int  # the largest crowd
    say: Callable[[str], None]

    @property
    def vectors(self) -> str:
        return "MiniLM" if self.encodings.available else "no encoder"


Section = Callable[[Given], Found]


def show(console: Console, found: Found) -> None:
    """Draw the tables of a section."""
    for table in found.tables:
        drawn = RichTable("", *table.columns, title=table.title, title_justify="left")
        for name, cells in table.rows:
            drawn.add_row(
                name, *(_cell(cells.get(column, ""), table.digits.get(column, 2)) for column in table.columns)
            )
        console.print(drawn)
    for note in found.notes:
        console.print(f"[dim]{note}[/dim]")


def show_criteria(console: Console, criteria: Sequence[Criterion]) -> None:
    """Draw the acceptance table."""
    drawn = RichTable("criterion", "at least", "aim", "measured", "met", title="Acceptance", title_justify="left")
    for one in criteria:
        drawn.add_row(one.what, one.floor, one.aim, one.measured, {True: "yes", False: "NO", None: "-"}[one.met])
    console.print(drawn)


def as_json(found: Mapping[str, Found]) -> dict[str, Any]:
    """Everything by section, for programs."""
    return {
        name: {
            "tables": [
                {
                    "title": table.title,
                    "rows": [
                        {"name": row, **{key: _plain(cell) for key, cell in cells.items()}} for row, cells in table.rows
                    ],
                }
                for table in one.tables
            ],
            "criteria": [asdict(criterion) for criterion in one.criteria],
            "notes": one.notes,
        }
        for name, one in found.items()
    }


def _cell(cell: Cell, digits: int) -> str:
    if isinstance(cell, str | int):
        return str(cell)
    return format(cell, f".{digits}f")


def _plain(cell: Cell) -> Any:
    return asdict(cell) if isinstance(cell, Mean) else cell
