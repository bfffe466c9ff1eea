"""Domain packs as files: what `cadence lod pack` writes and a server reads."""

from __future__ import annotations

from pathlib import Path

from cadence.lod.pack import Pack, PackError, count, from_json, talk_of

__all__ = ["PACK_BYTES_MAX", "TALK_BYTES_MAX", "PackError", "pack_at", "write_pack"]

PACK_BYTES_MAX = 16 * 1024 * 1024
TALK_BYTES_MAX = 64 * 1024 * 1024  # one line


def write_pack(file: Path, out: Path) -> str:
    """Learn a pack from `file`, write it to `out`, and say so in a sentence. Raises `PackError`."""
    talks = []
    try:
        with file.open("rb") as source:
            number = 0
            while data := source.readline(TALK_BYTES_MAX + 1):
                number += 1
                if len(data) > TALK_BYTES_MAX:
                    raise PackError(f"{file}, line {number}: expected at most {TALK_BYTES_MAX} bytes, got more")
                if data.strip():
                    try:
                        talks.append(talk_of(data.decode()))
                    except (PackError, UnicodeDecodeError) as error:
                        raise PackError(f"{file}, line {number}: {error}") from None
        pack = count(talks)
        out.write_text(pack.to_json(), encoding="utf-8")
    except OSError as error:
        raise PackError(f"{error.filename}: cannot be used: {error.strerror}") from None
    return f"{out}: {len(pack.words)} words from {pack.talks} talks"


def pack_at(path: Path | None) -> Pack | None:
    """The pack in a file; None for no path. Raises `PackError`."""
    if path is None:
        return None
    try:
        with path.open("rb") as source:
            data = source.read(PACK_BYTES_MAX + 1)
        if len(data) > PACK_BYTES_MAX:
            raise PackError(f"{path}: expected a pack of at most {PACK_BYTES_MAX} bytes, got more")
        return from_json(data.decode())
    except OSError as error:
        raise PackError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PackError(f"{path}: expected a pack in UTF-8, got other bytes") from None
    except PackError as error:
        raise PackError(f"{path}: {error}; make one with `cadence lod pack FILE`") from None
