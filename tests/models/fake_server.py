"""Stands in for vLLM's or llama.cpp's server: takes the same command line, answers /health, and ends as it is told to.

Run by path. FAKE in the environment says how it behaves: `well`, `crashes`, `stubborn` (does not end when asked) or
`mute` (is never ready). It starts a child of its own, as vLLM does, and prints both process ids.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

MANNER = os.environ.get("FAKE", "well")


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if MANNER == "mute" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    arguments = sys.argv[1:]
    if MANNER == "crashes":
        print("RuntimeError: no such kernel", flush=True)
        sys.exit(3)
    if MANNER == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if "--port" in arguments:
        port = int(arguments[arguments.index("--port") + 1])
    else:
        port = int(json.loads(sys.stdin.readline())["port"])
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        print(f"pids {os.getpid()} {child.pid} key {os.environ.get('VLLM_API_KEY')}", flush=True)
        HTTPServer(("127.0.0.1", port), Health).serve_forever()
    finally:
        child.kill()


if __name__ == "__main__":
    main()
