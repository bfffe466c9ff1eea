"""The file that starts llama.cpp, with a stand-in for its library. `make test-llama` has the real one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cadence.models.onhand import LLAMA_PROGRAM

pytestmark = pytest.mark.real_time
LIBRARY = """\
class Fields:
    pass

class CommonParams(Fields):
    def __init__(self):
        self.model, self.cpuparams, self.cpuparams_batch = Fields(), Fields(), Fields()

class Server:
    def __init__(self, wanted):
        self.listening_address = f"http://{wanted.hostnames[0]}:{wanted.port}"
        keys = [key for key in vars(wanted) if key not in ("model", "cpuparams", "cpuparams_batch")]
        import json, sys
        told = {key: sorted(value) if isinstance(value := getattr(wanted, key), set) else value for key in keys}
        print(json.dumps({**told, "path": wanted.model.path, "threads": wanted.cpuparams.n_threads}))
"""
SETTINGS = {
    "model": "/m/smol.gguf",
    "served": "tiny",
    "host": "127.0.0.1",
    "port": 8123,
    "context_tokens": 4096,
    "slots": 2,
    "threads": 3,
    "key": None,
}


def started(tmp_path: Path, settings: dict[str, object]) -> subprocess.Popen[str]:
    (tmp_path / "xllamacpp.py").write_text(LIBRARY)
    process = subprocess.Popen(
        [sys.executable, str(LLAMA_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings) + "\n")
    process.stdin.flush()
    return process


def test_settings_reach_the_library_and_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    with started(tmp_path, SETTINGS) as process:
        assert process.stdout is not None and process.stdin is not None
        told = json.loads(process.stdout.readline())
        assert process.stdout.readline() == "listening at http://127.0.0.1:8123\n"
        process.stdin.close()
    assert process.returncode == 0
    assert (told["path"], told["threads"], told["n_ctx"], told["n_parallel"]) == ("/m/smol.gguf", 3, 4096, 2)
    assert (told["model_alias"], told["hostnames"], told["port"]) == (["tiny"], ["127.0.0.1"], 8123)
    assert told["cors_origins"] == "http://127.0.0.1:8123", "pages of the web are none of its clients"
    assert "api_keys" not in told


def test_a_key_is_asked_for_where_there_is_one(tmp_path: Path) -> None:
    with started(tmp_path, {**SETTINGS, "key": "secret"}) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["api_keys"] == ["secret"]
        process.stdin.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path, SETTINGS) as process:
        assert process.stdout is not None
        process.stdout.readline(), process.stdout.readline()
        process.send_signal(number)
        assert process.wait() == 0
