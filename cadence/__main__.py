"""`python -m cadence` is the command `cadence`, also where no script of that name is on the PATH."""

from cadence.cli import main

main()
