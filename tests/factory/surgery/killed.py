"""A process that operates and kills itself, as nobody can catch it, when as many system calls of one kind are done."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from cadence.factory.plan import Plan
from cadence.factory.surgery.operation import operate

source, out, plan, call, count = sys.argv[1:]
left = int(count)
real = getattr(os, call)


def counted(*args: Any, **options: Any) -> Any:
    """The call itself, until the last one, which is not made."""
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **options)


setattr(os, call, counted)
operate(Path(source), Plan.from_json(Path(plan).read_text()), Path(out), shard_bytes_max=600)
