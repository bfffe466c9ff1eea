"""Says why a client's frame was refused, without repeating what a stranger sent.

The typed decoder stops at the first fault with a sentence of its own. Here the frame is read once more,
without types, to find `ref`, `room` and the value at fault. Whatever is echoed is short and printable.

Pure: no clock, no files.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, get_args

from msgspec import inspect

from cadence.rooms.wire.client import ClientFrame
from cadence.rooms.wire.server import WireError

REQUEST_TYPES = tuple(str(struct.__struct_config__.tag) for struct in get_args(ClientFrame))

_ECHO_CHARACTERS_MAX = 40
_FIELD_CHARACTERS_MAX = 64
_REASON_CHARACTERS_MAX = 120
_REF_CHARACTERS_MAX = 128
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_STRUCTS = dict(zip(REQUEST_TYPES, inspect.multi_type_info(get_args(ClientFrame)), strict=True))


def explain(data: str | bytes, reason: str) -> WireError:
    """Why `data` is not a client's frame; `reason` is what the typed decoder said."""
    loose = _read_loosely(data)
    if not isinstance(loose, dict):
        return WireError("bad_frame", _not_a_frame(reason))
    ref, room = _echo(loose.get("ref"), _REF_CHARACTERS_MAX), _echo(loose.get("room"), _FIELD_CHARACTERS_MAX)
    kind = loose.get("type")
    if not isinstance(kind, str):
        came = _brief(kind) if "type" in loose else "nothing"
        return WireError("bad_frame", f"`type`: expected a string, got {came}", field="type", ref=ref, room=room)
    expected, _, path = reason.partition(" - at `$")
    path = path.rstrip("`")
    if kind not in REQUEST_TYPES or path == ".type":
        known = ", ".join(REQUEST_TYPES)
        sentence = f"`type`: expected one of {known}; got {_brief(kind)}"
        return WireError("unknown_type", sentence, field="type", ref=ref, room=room)
    if missing := _MISSING.match(expected):
        path, expected = f"{path}.{missing[1]}", "Expected this field"
    if path:
        expected, came = _expected(kind, path, expected), _value(loose, path)
    elif unfit := _unfit(loose):
        expected, (path, came) = "expected a finite number or valid Unicode", unfit
    else:
        return WireError("bad_frame", _not_a_frame(reason), ref=ref, room=room)
    field = path.lstrip(".")[:_FIELD_CHARACTERS_MAX]
    return WireError("bad_field", f"`{field}`: {expected}; got {came}", field=field, ref=ref, room=room)


def _read_loosely(data: str | bytes) -> Any:
    """`data` as JSON, or None. Unlike the typed decoder it reads 1e999 and NaN, so that we can name the field."""
    try:
        return json.loads(data if isinstance(data, str) else data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _not_a_frame(reason: str) -> str:
    printable = reason.encode("ascii", "backslashreplace").decode()
    return f"expected one JSON object, got something else: {printable[:_REASON_CHARACTERS_MAX]}"


def _expected(kind: str, path: str, said: str) -> str:
    """The decoder's sentence in our words: a refused literal lists the lawful ones."""
    if said.startswith("Invalid enum value"):
        info = _type_at(_STRUCTS[kind], path)
        if isinstance(info, inspect.LiteralType):
            return f"expected one of {', '.join(str(value) for value in info.values)}"
    if said.endswith("out of range"):
        return "expected a number in range"
    return f"e{said.partition(', got ')[0][1:]}" if said.startswith("Expected") else said[:_REASON_CHARACTERS_MAX]


def _type_at(info: inspect.Type, path: str) -> inspect.Type | None:
    for name, _index in _STEP.findall(path):
        if name and isinstance(info, inspect.StructType):
            found = next((field.type for field in info.fields if field.encode_name == name), None)
        else:
            found = info.item_type if isinstance(info, inspect.VarTupleType) else None
        if found is None:
            return None
        info = found
    return info


def _value(loose: Any, path: str) -> str:
    """The value at `path`, in brief."""
    for name, index in _STEP.findall(path):
        if name and isinstance(loose, dict) and name in loose:
            loose = loose[name]
        elif index and isinstance(loose, list) and int(index) < len(loose):
            loose = loose[int(index)]
        else:
            return "nothing"
    return _brief(loose)


def _unfit(loose: dict[str, Any]) -> tuple[str, str] | None:
    """Path and brief value of the first thing that JSON can spell but no frame may carry."""
    waiting: list[tuple[str, Any]] = [("", loose)]
    while waiting:
        path, value = waiting.pop()
        inner: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            inner = [(f".{key if key.isascii() and key.isidentifier() else '?'}", value[key]) for key in value]
        elif isinstance(value, list):
            inner = [(f"[{index}]", item) for index, item in enumerate(value)]
        elif (isinstance(value, float) and not isfinite(value)) or (isinstance(value, str) and not _whole(value)):
            return path, _brief(value)
        # A path is cut while it grows: one long key over a long list would cost its product.
        waiting.extend(((path + step)[:_FIELD_CHARACTERS_MAX], item) for step, item in reversed(inner))
    return None


def _whole(text: str) -> bool:
    """Can `text` be sent? JSON can spell half a surrogate pair, UTF-8 cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _echo(value: object, characters_max: int) -> str | None:
    """`value` if it is a string that may be sent back as it is."""
    return value if isinstance(value, str) and len(value) <= characters_max and _whole(value) else None


def _brief(value: object) -> str:
    """A value in an error message: short, in ASCII, and never the whole of what a stranger sent."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = json.dumps(value[: _ECHO_CHARACTERS_MAX + 1] if isinstance(value, str) else value)
    return text if len(text) <= _ECHO_CHARACTERS_MAX else text[: _ECHO_CHARACTERS_MAX - 3] + "..."
