from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from cadence import doctor
from cadence.doctor import Finding, examine
from cadence.personas.starter import init
from cadence.rooms.log.schema import open_store
from cadence.rooms.log.tables import VERSION
from cadence.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    init(tmp_path / "place")
    (tmp_path / "data").mkdir(mode=0o700)
    return Settings(place=tmp_path / "place", data=tmp_path / "data", port=0)


def found(settings: Settings, check: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.check == check)


def test_a_machine_that_is_well_has_no_failure_and_every_check_a_line(settings: Settings) -> None:
    findings = examine(settings)
    assert [str(finding) for finding in findings if finding.state == "fail"] == []
    names = "python sqlite,event loop,fan-out,open files,place,page,data folder,disk space,fsync,log,port,door,vectors"
    names += ",mediators,prose"
    assert [finding.check for finding in findings] == names.replace("python ", "python,").split(",")
    assert all(finding.says and "\n" not in str(finding) for finding in findings)
    assert {finding.check: finding.state for finding in findings}["fsync"] in ("ok", "warn")


def test_how_frames_would_leave_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    auto = settings.model_copy(update={"sink": "auto"})
    assert found(auto, "fan-out").says.startswith("to the transport")
    assert found(settings.model_copy(update={"sink": "asgi"}), "fan-out") == Finding("fan-out", "ok", "asgi, as set")

    async def trouble() -> str:
        return "another server"

    monkeypatch.setattr(doctor, "why_not", trouble)
    finding = found(auto, "fan-out")
    assert finding.state == "warn" and finding.says.endswith("another server")


def test_it_changes_nothing(settings: Settings) -> None:
    before = sorted(path for path in settings.data.parent.rglob("*"))
    examine(settings)
    assert sorted(path for path in settings.data.parent.rglob("*")) == before


def test_a_broken_place_is_told_with_its_first_problem(settings: Settings) -> None:
    (settings.place / "rooms" / "hall.toml").write_text("titel = 3\n")
    finding = found(settings, "place")
    assert finding.state == "fail" and "hall.toml" in finding.says and "cadence check" in finding.do
    absent = Settings(place=settings.place / "absent", data=settings.data)
    assert "cadence init" in found(absent, "place").do


def test_how_many_processes_alex_would_have_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    states = {n: found(settings.model_copy(update={"mediators": n}), "mediators") for n in (0, 3, 4)}
    assert [finding.state for finding in states.values()] == ["ok", "ok", "warn"]
    assert states[0].says.startswith("none") and states[4].says == "processes for Alex: 4, cores: 4"


def test_who_would_write_for_alex_is_told(settings: Settings) -> None:
    assert found(settings, "prose") == Finding("prose", "ok", "no model on Alex' card: Alex quotes")
    card = '+++\nname = "Alex"\npronouns = "they/them"\nmodel = "tiny"\n+++\nYou are Alex.\n'
    (settings.place / "personas" / "alex.md").write_text(card)
    lacking = found(settings, "prose")
    assert lacking.state == "warn" and "alex.md" in lacking.says and "models/tiny.toml" in lacking.says
    (settings.place / "models").mkdir(exist_ok=True)
    (settings.place / "models" / "tiny.toml").write_text('endpoint = "http://127.0.0.1:9/v1"\n')
    assert str(found(settings, "prose")) == "ok    prose: by tiny; whether it answers: cadence models check"


def test_a_port_in_use_is_told(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = found(settings.model_copy(update={"port": taken.getsockname()[1]}), "port")
    assert finding.state == "warn" and "is in use" in finding.says
    assert found(settings.model_copy(update={"host": "192.0.2.1"}), "port").state == "fail"


def test_a_door_that_stands_open_is_told(settings: Settings) -> None:
    doors = [
        {},
        {"host": "0.0.0.0"},
        {"host": "0.0.0.0", "open": True},
        {"host": "0.0.0.0", "token": SecretStr("x" * 20)},
    ]
    states = [found(settings.model_copy(update=change), "door").state for change in doors]
    assert states == ["ok", "fail", "warn", "ok"]


def test_the_log_is_opened_as_a_server_would(settings: Settings) -> None:
    path = settings.data / "log.db"
    open_store(path, 0.0).close()
    assert found(settings, "log").says == f"version {VERSION}, rooms: 0"
    for version, state in ((VERSION + 1, "fail"), (1, "warn")):
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        assert found(settings, "log").state == state
    path.write_bytes(b"no database at all" * 100)
    assert found(settings, "log").state == "fail"


def test_disk_files_and_folder_have_bounds(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def free(amount: int) -> object:
        return lambda path: SimpleNamespace(free=amount)

    for amount, state in ((2 * 1024**3, "ok"), (512 * 1024**2, "warn"), (1024, "fail")):
        monkeypatch.setattr(doctor.shutil, "disk_usage", free(amount))
        assert found(settings, "disk space").state == state
    if os.name == "posix":
        settings.data.chmod(0o755)
        assert found(settings, "data folder").state == "warn"
    there = Settings(place=settings.place, data=settings.data / "not" / "yet")
    assert found(there, "data folder") == Finding("data folder", "ok", f"{there.data} will be made")
    (settings.data / "file").write_text("")
    assert found(Settings(place=settings.place, data=settings.data / "file"), "data folder").state == "fail"


def test_an_old_python_or_sqlite_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 20, 0))
    assert found(settings, "sqlite").state == "fail"
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1, "final", 0))
    assert found(settings, "python") == Finding("python", "fail", "3.9.1", "install 3.11 or newer")


def test_a_disk_that_does_not_sync_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(doctor.os, "fsync", broken)
    assert found(settings, "fsync") == Finding("fsync", "fail", "Input/output error", "use another disk: --data")
