"""A model server that is started, watched and never left behind, with a stand-in for the server itself."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cadence.models import supervising as module
from cadence.models.launch import Launch, LaunchError
from cadence.models.onhand import cores
from cadence.models.supervising import Supervised
from tests.models.serving import dense, free_port, served
from tests.source import ROOT

pytestmark = [pytest.mark.real_time, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]
FAKE = ROOT / "tests/models/fake_server.py"
PATIENCE_S = 60.0


def fake(manner: str = "well", **changes: object) -> Launch:
    argv = (sys.executable, str(FAKE), "--port", str(port := free_port()))
    made = Launch("vllm", argv, {"FAKE": manner}, "127.0.0.1", port, "tiny", cores(), None, 60.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def stops_when(start: str, said: list[str]) -> module.Say:
    """Keeps what is said, and tells us to stop at a line that starts so."""

    def say(line: str) -> None:
        said.append(line)
        if line.startswith(start):
            os.kill(os.getpid(), signal.SIGTERM)

    return say


def run(launch: Launch, log: Path, start: str = "ready") -> tuple[list[str], list[int]]:
    """What was said, and the process ids of the server and its child."""
    said: list[str] = []
    try:
        Supervised(launch, stops_when(start, said), log).run()
    finally:
        pids = log.read_text().partition("pids ")[2].split()[:2] if log.exists() else []
    return said, [int(pid) for pid in pids]


def ended(pid: int) -> bool:
    """Whether a process ends; waits for it."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], PATIENCE_S)[0])
    finally:
        os.close(watched)


def test_it_is_ready_when_it_answers_and_ends_when_told(tmp_path: Path) -> None:
    launch = fake()
    said, pids = run(launch, tmp_path / "log")
    assert said[0].startswith(f"starting tiny with vllm at http://127.0.0.1:{launch.port}/v1")
    assert said[-1].startswith(f"ready: tiny at http://127.0.0.1:{launch.port}/v1 after ")
    assert len(pids) == 2 and all(map(ended, pids))
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "signals are as they were"


def test_settings_go_to_its_standard_input(tmp_path: Path) -> None:
    launch = fake(argv=(sys.executable, str(FAKE)))
    said, pids = run(replace(launch, settings={"port": launch.port, "key": "secret"}), tmp_path / "log")
    assert said[-1].startswith("ready") and "secret" not in " ".join(said)


def test_one_that_does_not_end_is_made_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    said, pids = run(fake("stubborn"), tmp_path / "log")
    assert said[-1] == "vllm did not end within 0.2 s: it is made to"
    assert all(map(ended, pids))


def test_last_words_of_one_that_crashes(tmp_path: Path) -> None:
    with pytest.raises(
        LaunchError, match="vllm ended before it was ready; its last words:\nRuntimeError: no such kernel"
    ):
        run(fake("crashes"), tmp_path / "log")


def test_one_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="expected vllm to be ready within 0.1 s, it is not") as caught:
        run(fake("mute", start_s=0.1), tmp_path / "log")
    pids = [int(pid) for pid in (tmp_path / "log").read_text().split()[1:3]]
    assert all(map(ended, pids)), caught


def test_waiting_is_told_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRESS_SECONDS", 0.0)
    said, pids = run(fake("mute"), tmp_path / "log", "waiting for vllm")
    assert said[-1].startswith("waiting for vllm, ")
    assert all(map(ended, pids))


def test_one_that_takes_too_much_memory_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORY_SECONDS", 0.0)
    with pytest.raises(LaunchError, match=r"expected vllm to take at most 0.001 GiB, it takes 0.0\d"):
        run(fake(memory_gib=0.001), tmp_path / "log", "never")


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    launch = fake()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", launch.port))
        taken.listen()
        with pytest.raises(
            LaunchError, match=f"expected a free port {launch.port} on 127.0.0.1, got one that is in use"
        ):
            run(launch, tmp_path / "log")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        LaunchError, match="expected to start /nowhere/python, but: No such file or directory: make vllm"
    ):
        run(fake(argv=("/nowhere/python",)), tmp_path / "log")


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="expected a file to log to at .*, but: No such file or directory"):
        run(fake(), tmp_path / "nowhere" / "log")


def stand_in(tmp_path: Path) -> str:
    """A file that is called like a Python and starts the stand-in."""
    python = tmp_path / "env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    python.chmod(0o755)
    return str(python)


def children(pid: int) -> list[int]:
    """The processes that a process of one thread started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_command_serves_a_folder(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served(dense(tmp_path / "model"), "--python", stand_in(tmp_path), "--log", str(log), "--data", str(tmp_path)):
        pass
    pids = [int(pid) for pid in log.read_text().split()[1:3]]
    assert len(pids) == 2 and all(map(ended, pids))


def test_a_server_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    options = ["--python", stand_in(tmp_path), "--data", str(tmp_path), "--port", str(free_port())]
    command = [sys.executable, "-m", "cadence", "models", "serve", str(dense(tmp_path / "model")), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("ready") for line in process.stderr)
        (server,) = children(process.pid)
        (its_child,) = children(server)
        process.kill()
    assert ended(server) and ended(its_child)
