"""The samples of a soak as one SVG: a panel for each figure, and the line through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.soak.slopes import Slope

WIDTH, HEIGHT, COLUMNS, PAD = 300, 130, 3, 34
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="10">'
    '<rect width="100%" height="100%" fill="#fff"/>'
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure over time: samples at `seconds`, and the line from the sample at `warm_s` on."""

    title: str
    seconds: Sequence[float]
    values: Sequence[float]
    line: Slope | None
    warm_s: float


def draw(panels: Sequence[Panel], path: Path) -> None:
    """Write them to `path`."""
    rows = -(-len(panels) // COLUMNS)
    parts = [HEAD.format(width=COLUMNS * WIDTH, height=rows * HEIGHT)]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number % COLUMNS * WIDTH},{number // COLUMNS * HEIGHT})">')
        parts += [*_panel(panel), "</g>"]
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(panel: Panel) -> list[str]:
    end, top = max(panel.seconds), max(max(panel.values), 1e-9) * 1.1

    def place(second: float, value: float) -> str:
        x = PAD + second / end * (WIDTH - PAD - 12)
        return f"{x:.1f},{HEIGHT - 20 - max(0.0, value) / top * (HEIGHT - PAD - 14):.1f}"

    x0, y0 = place(0, 0).split(",")
    x1, y1 = place(end, top).split(",")
    points = " ".join(place(*each) for each in zip(panel.seconds, panel.values, strict=True))
    parts = [
        f'<text x="{PAD}" y="16" font-weight="bold">{panel.title}</text>',
        f'<path d="M{x0},{y1}V{y0}H{x1}" fill="none" stroke="#999"/>',
        f'<text x="{PAD - 3}" y="{float(y1) + 6:.0f}" text-anchor="end" fill="#666">{top:.3g}</text>',
        f'<text x="{PAD - 3}" y="{y0}" text-anchor="end" fill="#666">0</text>',
        f'<text x="{x1}" y="{HEIGHT - 7}" text-anchor="end" fill="#666">{end / 60:.0f} min</text>',
        f'<polyline points="{points}" fill="none" stroke="#2f5d8a"/>',
    ]
    if panel.line is not None:
        left = place(panel.warm_s, panel.line.first)
        right = place(end, panel.line.at((end - panel.warm_s) / 3600))
        parts.append(f'<path d="M{left}L{right}" stroke="#d1603d" stroke-width="2" stroke-dasharray="5 3"/>')
    return parts
