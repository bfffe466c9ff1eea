"""Files of a place, read with care: nothing outside it, nothing huge, nothing that is not a file.

Every method answers for content somebody else put there; none of them raises for it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cadence.fields import ID_PATTERN, Problem, Report

CONTENT_FOLDERS = ("rooms", "personas", "models")
MACHINE_FOLDERS = ("models/line", "models/shelf")  # the factory writes these, they are nobody's content
FILES_PER_FOLDER_MAX = 1_000
ENTRIES_WALKED_MAX = 20_000
_CODE = (".py", ".pyc", ".pyw")


class Folder:
    """The folder of a place. `problems` gathers what is wrong with it apart from the text of its files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []
        self._home = root.resolve()

    def name(self, path: Path) -> str:
        """How problems call `path`: relative to the place, with slashes."""
        return path.relative_to(self.root).as_posix()

    def ids(self, folder: str, suffix: str) -> Iterator[tuple[str, Path]]:
        """Files of `folder` whose stems are ids, sorted. Other stems are problems; hidden files, README.md are not."""
        home = self.root / folder
        if not os.path.lexists(home):
            return
        try:
            paths = sorted(path for path in home.iterdir() if path.name.endswith(suffix))
        except OSError as error:
            self._tell(home, f"expected a folder that can be read, but: {error.strerror}")
            return
        if len(paths) > FILES_PER_FOLDER_MAX:
            self._tell(home, f"expected at most {FILES_PER_FOLDER_MAX} files *{suffix}, got {len(paths)}")
        for path in paths[:FILES_PER_FOLDER_MAX]:
            stem = path.name.removesuffix(suffix)
            if path.name.startswith(".") or path.name.lower() == "readme.md":
                continue
            if re.fullmatch(ID_PATTERN, stem):
                yield stem, path
            else:
                self._tell(path, f"expected an id before {suffix} (1 to 64 of a-z, 0-9, _ and -), got another name")

    def text(self, path: Path, bytes_max: int, report: Report) -> str | None:
        """The text of a regular file inside the place, or None after telling `report` why not."""
        data = self._bytes(path, bytes_max, report)
        if data is None:
            return None
        try:
            return data.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            report.tell(f"expected UTF-8, got the byte 0x{data[error.start]:02x}", line=line)
            return None

    def refuse_code(self) -> None:
        """Tell of every Python file under the content folders, and of folders linked in from elsewhere."""
        walked = 0
        for folder in CONTENT_FOLDERS:
            for at, folders, files in os.walk(self.root / folder):
                here = Path(at)
                folders[:] = sorted(name for name in folders if self._is_content(here / name))
                for name in sorted(file for file in files if file.endswith(_CODE)):
                    self._tell(here / name, "expected content, got Python code: nothing in a place is ever run")
                walked += len(folders) + len(files)
                if walked > ENTRIES_WALKED_MAX:
                    self._tell(here, f"expected at most {ENTRIES_WALKED_MAX} files and folders in a place, got more")
                    return

    def _is_content(self, path: Path) -> bool:
        if path.name.startswith(".") or self.name(path) in MACHINE_FOLDERS:
            return False
        if not self._inside(path):
            self._tell(path, "expected a folder of this place, got a link that leads out of it")
        return True  # os.walk follows no links

    def _bytes(self, path: Path, bytes_max: int, report: Report) -> bytes | None:
        if not self._inside(path):
            report.tell("expected a file of this place, got a link that leads out of it")
            return None
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # before opening: a pipe would wait for ever
                report.tell("expected a regular file, got something else")
                return None
            with path.open("rb") as file:
                data = file.read(bytes_max + 1)
        except OSError as error:
            report.tell(f"expected a file that can be read, but: {error.strerror}")
            return None
        if len(data) > bytes_max:
            report.tell(f"expected at most {bytes_max} bytes, got more")
            return None
        return data

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._home)
        except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
            return False

    def _tell(self, path: Path, message: str) -> None:
        self.problems.append(Problem(self.name(path), None, None, message))
