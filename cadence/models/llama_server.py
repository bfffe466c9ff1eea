"""Serves a GGUF file with llama.cpp; run by the Python of the environment that `make llama` makes.

Nothing of ours is there, so this file stands alone. Settings come as JSON on standard input, because a key must not be
among the arguments, which every user of the machine can read. It ends when it is told to, or when whoever started it is
gone.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any


def parameters(settings: dict[str, Any]) -> Any:
    """llama.cpp's own settings for ours."""
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = settings["model"]
    wanted.model_alias = {settings["served"]}
    wanted.hostnames = [settings["host"]]
    wanted.port = settings["port"]
    wanted.n_ctx = settings["context_tokens"]
    wanted.n_parallel = settings["slots"]
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = settings["threads"]
    wanted.endpoint_metrics = True
    wanted.ui = False
    wanted.offline = True
    wanted.cors_origins = f"http://{settings['host']}:{settings['port']}"  # no page of the web may talk to it
    if settings["key"] is not None:
        wanted.api_keys = [settings["key"]]
    return wanted


def main() -> None:
    """Serve until SIGTERM or SIGINT, or until standard input ends."""
    import xllamacpp

    settings = json.loads(sys.stdin.readline())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server = xllamacpp.Server(parameters(settings))
    print(f"listening at {server.listening_address}", flush=True)
    sys.stdin.read()  # whoever started us keeps it open


if __name__ == "__main__":
    main()
