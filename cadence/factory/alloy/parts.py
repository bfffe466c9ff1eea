"""What every shape in an alloy has in common: camelCase on the wire, unknown keys kept, nothing converted silently.

Pure: no clock, no files.

A `Part` remembers the mapping it was read from. `plain(part)` gives that mapping back: same keys, same order, same
spelling of numbers (12 stays 12, 12.0 stays 12.0), explicit nulls kept, defaults not added; only what was changed with
`model_copy(update=...)` differs. That is what lets an alloy go through the types and come out as the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr
from pydantic import model_validator as validator
from pydantic.alias_generators import to_camel

__all__ = ["Count", "Integer", "Name", "Number", "Part", "Share", "Size", "Text", "Texts", "plain"]


def _whole(value: object) -> object:
    """JSON has one kind of number: 12.0 is the integer 12 (JSON Schema says so too)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[float, Field(allow_inf_nan=False)]
Integer = Annotated[int, BeforeValidator(_whole)]
Size = Annotated[Number, Field(ge=0)]
"""A quantity that cannot be negative; its field's name says the unit."""
Count = Annotated[Integer, Field(ge=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
"""A part of a whole, 0 to 1. Not points and not per cent."""
Name = Annotated[str, Field(min_length=1)]
Text = str
Texts = list[str]


class Part(BaseModel):
    """One object of an alloy. Frozen: a change is a copy. Shapes are strict: "12" is not 12 and true is not 1."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=False,
        validate_by_alias=True,
        extra="allow",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    _came: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @validator(mode="wrap")
    @classmethod
    def _remember(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        part = handler(value)
        if isinstance(value, dict):
            part._came = value
        return part

    @property
    def came(self) -> Mapping[str, Any]:
        """The mapping this part was read from; empty for one that was built. Not to be changed."""
        return self._came

    def extra(self, key: str) -> Any:
        """The value of a key that the type does not know, None if absent."""
        return (self.model_extra or {}).get(key)


def plain(value: Any) -> Any:
    """The JSON value of a part, a list of parts, or a value that is plain already. The input is never changed."""
    return _plain(value, None)


def _plain(value: Any, came: Any) -> Any:
    if isinstance(value, Part):
        return _plain_part(value)
    if isinstance(value, dict):
        then = came if isinstance(came, dict) else {}
        return {key: _plain(one, then.get(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        before = came if isinstance(came, list) else []
        return [_plain(one, was) for one, was in zip_longest(value, before[: len(value)])]
    return came if _same_number(value, came) else value


def _plain_part(part: Part) -> dict[str, Any]:
    fields = type(part).model_fields
    extra = part.model_extra or {}
    now: dict[str, Any] = {}
    for name in part.model_fields_set:
        # pydantic counts extra keys as set, and one of them may be spelled like a field's name in Python.
        if name in fields and not (name in extra and getattr(part, name) == fields[name].default):
            now[fields[name].alias or name] = getattr(part, name)
    now |= extra
    order = [*(key for key in part._came if key in now), *(key for key in now if key not in part._came)]
    return {key: _plain(now[key], part._came.get(key)) for key in order}


def _same_number(value: object, came: object) -> bool:
    numbers = (int, float)
    return type(value) in numbers and type(came) in numbers and value == came
