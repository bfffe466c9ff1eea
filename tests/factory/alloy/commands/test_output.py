"""How the commands speak."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from cadence.factory.alloy.commands import output


def test_an_error_is_one_harmless_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        output.fail("a\nb\x1b[31m c", 2)
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err == "a b [31m c\n"


def test_a_table_aligns_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    digits = "f" * 64
    output.table([("a", "pass", digits), ("longer", None, "x"), ("[red]b[/red]", "fail", "\x1b]0;title\x07")], "Title")
    assert capsys.readouterr().out.splitlines() == [
        "Title",
        f"  a             pass  {digits}",
        "  longer              x",
        "  [red]b[/red]  fail  ]0;title",
    ]


def test_an_empty_table_says_nothing_not_even_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    output.table([], "Title")
    assert capsys.readouterr().out == ""


def test_a_file_is_written_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output.write(b"{}", tmp_path / "a")
    output.write(b"[]", tmp_path / "a")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a", b"[]")]
    output.write("ü\n".encode(), None)
    assert capsys.readouterr().out == "ü\n"


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(typer.Exit):
        output.write(b"{}", tmp_path / "a")
    assert "cannot write" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_alloy_ends_with_a_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(typer.Exit) as caught:
        output.load_object(tmp_path / "x")
    assert caught.value.exit_code == 1
    assert str(tmp_path / "x") in capsys.readouterr().err
