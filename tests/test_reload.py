from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cadence import reload as module
from cadence.reload import PID_FILE, ReloadError, ask_to_reload

# Says when it is ready, then what it was sent. Its command line holds the name of the program it plays.
CHILD = (
    "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP]); print('ready', flush=True); "
    "print(signal.sigwait([signal.SIGHUP]).name, flush=True)"
)


def write_pid(data: Path, text: str) -> None:
    (data / PID_FILE).write_text(text)


def child(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_the_running_server_gets_the_signal(tmp_path: Path) -> None:
    with child("cadence") as process:
        write_pid(tmp_path, f"{process.pid}\n")
        assert ask_to_reload(tmp_path) == process.pid
        assert process.communicate(timeout=30)[0] == "SIGHUP\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to tell programs apart")
def test_another_program_that_got_the_old_id_is_left_alone(tmp_path: Path) -> None:
    with child("innocent") as process:
        write_pid(tmp_path, str(process.pid))
        with pytest.raises(ReloadError, match=f"process {process.pid} of .* ended or is another program"):
            ask_to_reload(tmp_path)
        assert process.poll() is None
        process.kill()


def test_without_a_file_no_server_is_running(tmp_path: Path) -> None:
    with pytest.raises(ReloadError, match="no server is running on .*: expected its process id in"):
        ask_to_reload(tmp_path)


@pytest.mark.parametrize("text", ["", "0", "1", "-1", "12x", "\u0661\u0662", "9" * 40])
def test_nothing_but_the_id_of_one_process_is_ever_signalled(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    write_pid(tmp_path, text)
    with pytest.raises(ReloadError):
        ask_to_reload(tmp_path)
    assert [number for _, number in killed if number == signal.SIGHUP] == []


def test_a_server_that_ended_is_told_apart_from_one_that_runs(tmp_path: Path) -> None:
    with child("cadence") as process:
        process.kill()
    write_pid(tmp_path, str(process.pid))
    with pytest.raises(ReloadError, match="ended or is another program"):
        ask_to_reload(tmp_path)


def test_a_server_of_somebody_else_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not module._is_ours(12345)


def test_where_processes_cannot_be_looked_at_the_file_is_trusted(tmp_path: Path) -> None:
    assert module._is_ours(os.getpid(), processes=tmp_path / "none")
    assert not module._is_ours(os.getpid(), processes=tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / PID_FILE).mkdir()
    with pytest.raises(ReloadError, match=r"cadence\.pid: cannot be read: Is a directory"):
        ask_to_reload(tmp_path)


def test_a_platform_without_the_signal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGHUP")
    with pytest.raises(ReloadError, match="no SIGHUP"):
        ask_to_reload(tmp_path)
