"""`cadence models serve` as a process of its own, and small models to serve."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
TAIL_LINES = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(target: Path | str, *options: str) -> Iterator[str]:
    """The address of a served model, once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "cadence", "models", "serve", str(target), "--port", str(port), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    reading: threading.Thread | None = None
    try:
        for line in process.stderr:
            tail.append(line)
            if line.startswith("ready:"):
                break
        else:
            pytest.fail(f"the server ended before it was ready:\n{''.join(tail)}")
        reading = threading.Thread(target=tail.extend, args=(process.stderr,))
        reading.start()
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()  # it tells its server, waits for it, and insists
        code = process.wait()
        if reading is not None:
            reading.join()
        process.stderr.close()
    assert code == 0, "".join(tail)


def dense(folder: Path, **config: object) -> Path:
    """A folder that looks like a model without experts: one tensor, a tokenizer, a template."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"model.embed_tokens.weight": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}}
    header = json.dumps(tensors).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(32)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 4_096, **config}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder
