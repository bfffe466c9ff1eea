"""Tables of figures as Markdown, ready to be pasted into docs/benchmarks.md."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

Cell = float | str | None


class Missing(str):
    """Why there is no figure, of an error: in one line, and not at length."""

    __slots__ = ()
    CHARACTERS_MAX = 120

    @classmethod
    def of(cls, error: BaseException) -> Missing:
        """Why not."""
        lines = str(error).splitlines() or [type(error).__name__]
        return cls(lines[-1][-cls.CHARACTERS_MAX :])


@dataclass(slots=True)
class Table:
    """A title, columns, and rows that begin with their label."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[Cell]] = field(default_factory=list)
    note: str = ""

    def add(self, label: str, *cells: Cell) -> None:
        """Add a row; what is missing at its end stays empty."""
        self.rows.append([label, *cells, *[None] * (len(self.columns) - 1 - len(cells))])

    @property
    def whole(self) -> bool:
        """Whether everything was measured."""
        return not any(isinstance(cell, Missing) for row in self.rows for cell in row)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"## {self.title}", "", f"| {' | '.join(self.columns)} |", "|---" * len(self.columns) + "|"]
        lines += [f"| {' | '.join(map(_shown, row))} |" for row in self.rows]
        return "\n".join([*lines, "", self.note, ""])


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.replace("|", "/")
    whole = abs(cell) >= 1000 or cell == int(cell)
    return f"{cell:,.0f}" if whole else f"{cell:.3g}"
