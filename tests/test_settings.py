from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cadence.settings import Settings, SettingsError, data_home, load, mediators_fitting


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CADENCE_{name.upper()}", raising=False)


def test_without_a_word_the_server_listens_to_this_machine_only() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.open, settings.token) == ("127.0.0.1", 8765, False, None)
    assert (settings.place, settings.speed) == (Path("."), 1.0)


def test_the_environment_sets_and_the_command_line_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_PORT", "9000")
    monkeypatch.setenv("CADENCE_SPEED", "20")
    monkeypatch.setenv("CADENCE_OPEN", "true")
    settings = load(port=9001, speed=None)
    assert (settings.port, settings.speed, settings.open) == (9001, 20.0, True)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_PORT", "")
    assert load().port == 8765


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"port": 70000}, "port (CADENCE_PORT): expected less than or equal to 65535, got 70000"),
        ({"port": "x"}, "port (CADENCE_PORT): expected a valid integer, unable to parse string as an integer"),
        ({"speed": 0}, "speed (CADENCE_SPEED): expected greater than or equal to 0.01, got 0"),
        ({"speed": float("nan")}, "speed (CADENCE_SPEED): expected less than or equal to 100, got nan"),
        ({"host": ""}, "host (CADENCE_HOST): expected a string of at least 1 character, got ''"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_came(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**given)
    assert str(caught.value).startswith(sentence)


def test_a_variable_that_cannot_be_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_SPEED", "fast")
    with pytest.raises(SettingsError, match=r"^speed \(CADENCE_SPEED\): .*got 'fast'$"):
        load()


def test_the_token_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADENCE_TOKEN", "hunter2")
    settings = load()
    assert settings.token is not None and settings.token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        load(token=["hunter2"])
    assert "hunter2" not in str(caught.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1


@pytest.mark.parametrize(
    ("platform", "variable", "ending"),
    [
        ("linux", "XDG_DATA_HOME", "there/cadence"),
        ("win32", "LOCALAPPDATA", "there/cadence"),
        ("darwin", "HOME", "there/Library/Application Support/cadence"),
    ],
)
def test_data_goes_where_the_platform_keeps_it(
    platform: str, variable: str, ending: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path / "there"))
    assert data_home() == tmp_path / ending


def test_without_a_variable_data_goes_below_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert data_home() == tmp_path / ".local/share/cadence"


@pytest.mark.parametrize(
    ("system", "cores", "fitting"), [("posix", 2, 1), ("posix", 1, 0), ("nt", 8, 0), ("posix", None, 0)]
)
def test_alex_gets_a_process_where_there_is_a_core_for_it(
    monkeypatch: pytest.MonkeyPatch, system: str, cores: int | None, fitting: int
) -> None:
    monkeypatch.setattr("cadence.settings.os.name", system)
    monkeypatch.setattr("cadence.settings.os.cpu_count", lambda: cores)
    assert mediators_fitting() == fitting


def test_where_servers_share_rooms_alex_works_as_he_does_without() -> None:
    assert load(redis="redis://here").mediators == mediators_fitting()
    assert load(redis="redis://here", mediators=2).mediators == 2
