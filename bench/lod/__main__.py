"""The proof of the level of detail on real conversations, as tables.

    python -m bench.lod [--only qmsum,argkp,...] [--data DIR] [--shared DIR] [--split val] [--json] [--quick]

Reads real meetings, arguments and chats from `--shared` and prints what Alex makes of them beside what a person would
think of first. Vectors need the extra `vectors` and its tokenizer in `--data`, where encodings are also kept; without
them everything runs on word counts alone, and says so. The same seed gives the same tables, but for times.
Exit code 1 if a criterion is not met.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench.lod.data import Absent
from bench.lod.encodings import Encodings
from bench.lod.plots import draw
from bench.lod.report import WIDTH_MIN, Found, Given, Section, as_json, show, show_criteria
from cadence.settings import data_home

SECTIONS = ("qmsum", "pack", "ask", "argkp", "chat", "lazy", "cost")


def section(name: str) -> Section:
    """The function that measures one section."""
    run: Section = import_module(f"bench.lod.{name}").run
    return run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lod", description=__doc__)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--data", type=Path, default=data_home(), help="tokenizer and kept encodings")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"), help="the real conversations")
    parser.add_argument("--split", default="val", help="of QMSum")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", type=int, default=10_000, help="the largest crowd whose cost is measured")
    parser.add_argument("--quick", action="store_true", help="a fraction of the work, to see that it runs")
    parser.add_argument("--plots", type=Path, help="draw into this folder (needs the extra `bench`)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    names = given.only.split(",")
    if unknown := sorted(set(names) - set(SECTIONS)):
        parser.error(f"expected sections out of {', '.join(SECTIONS)}, got {', '.join(unknown)}")
    progress = Console(stderr=True)
    console = Console(width=max(Console().width, WIDTH_MIN))
    work = Given(given.shared, Encodings(given.data), given.split, given.seed, given.quick, given.readers, progress.log)
    if work.encodings.why_not:
        progress.log(f"no vectors: {work.encodings.why_not}")
    found: dict[str, Found] = {}
    for name in names:
        try:
            found[name] = section(name)(work)
        except Absent as absent:
            found[name] = Found(notes=[f"{name}: skipped, {absent}"])
        if not given.json:
            show(console, found[name])
    if given.plots:
        draw(found.values(), given.plots)
    criteria = [criterion for one in found.values() for criterion in one.criteria]
    if given.json:
        json.dump(as_json(found), sys.stdout)
    else:
        show_criteria(console, criteria)
    return 0 if all(one.met is not False for one in criteria) else 1


if __name__ == "__main__":
    raise SystemExit(main())
