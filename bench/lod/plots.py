"""The curves of the benchmark as pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.lod.report import Curve, Found

LOUD = ("Alex", "all in", "messages parsed", "windows built")  # lines whose names begin so are ours
QUIET = ("#9aa0a6", "#b8a48c", "#8fa7b8", "#a8b89a", "#b89aab", "#8c8c8c", "#c0b0d0", "#a0c0b8")
OURS = ("#0b6e4f", "#d1603d", "#2f5d8a")
PANEL_INCHES = (5.2, 4.2)
DPI = 110


def draw(found: Iterable[Found], folder: Path) -> list[Path]:
    """Write one PNG for each plot into `folder`, and return where."""
    import matplotlib  # an extra of this benchmark alone

    matplotlib.use("Agg")
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for one in found:
        for stem, curves in one.plots.items():
            size = (PANEL_INCHES[0] * len(curves), PANEL_INCHES[1])
            figure, panels = pyplot.subplots(1, len(curves), figsize=size, squeeze=False)
            for panel, curve in zip(panels[0], curves, strict=True):
                _panel(panel, curve)
            handles, names = panels[0][0].get_legend_handles_labels()
            if len(names) > 3:  # the same lines in every panel
                figure.legend(handles, names, loc="lower center", ncols=6, fontsize=8, frameon=False)
                figure.tight_layout(rect=(0, 0.1, 1, 1))
            else:
                for panel in panels[0]:
                    panel.legend(fontsize=8, frameon=False)
                figure.tight_layout()
            path = folder / f"{stem}.png"
            figure.savefig(path, dpi=DPI)
            pyplot.close(figure)
            written.append(path)
    return written


def _panel(axes: Any, curve: Curve) -> None:
    loud, quiet = iter(OURS), iter(QUIET)
    for name, points in curve.lines.items():
        style: dict[str, Any] = {"color": "black", "linewidth": 1.0, "linestyle": "--"}
        if name.startswith(LOUD):
            style = {"color": next(loud), "linewidth": 2.2, "marker": "o", "markersize": 4, "zorder": 3}
        elif name != "oracle":
            style = {"color": next(quiet), "linewidth": 1.2}
        axes.plot([x for x, _ in points], [y for _, y in points], label=name, **style)
    xs = sorted({x for points in curve.lines.values() for x, _ in points})
    axes.set_xscale("log")
    axes.set_xticks(xs, [f"{x:,.0f}" for x in xs])
    axes.minorticks_off()
    if curve.log:
        axes.set_yscale("log")
    axes.set_xlabel(curve.x)
    axes.set_ylabel(curve.y)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(alpha=0.25)
