"""The command `cadence alloy`: everything about an alloy that can be done on one machine, without a network.

Exit codes, the same for every command:

    0   it holds, or it is done
    1   it does not hold: a problem was found, a hash or a signature is wrong, two alloys differ
    2   wrong usage
    3   it cannot be told: nothing was found wrong, and what would prove it right is not there

With `--json` a command prints one JSON value on stdout and nothing else. Everything heavy is imported inside commands.
"""

from __future__ import annotations

import typer

from cadence.factory.alloy.commands import check, compare, make

app = typer.Typer(help="Alloys: recipe, report and proof of a model in one file.", no_args_is_help=True)

for command in (
    check.validate,
    check.hash,
    check.verify,
    check.gate,
    make.key,
    make.sign,
    make.fork,
    make.card,
    make.page,
    compare.diff,
    compare.lineage,
):
    app.command()(command)
