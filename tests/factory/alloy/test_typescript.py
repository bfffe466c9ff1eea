"""Definitions become interfaces that say the same."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.schema import TYPESCRIPT, files
from cadence.factory.alloy.typescript import declarations

DEFS = {
    "Base": {
        "type": "object",
        "description": "What all have */ in common.",
        "properties": {"n": {"type": "integer", "minimum": 1}, "odd-key": {"type": "string"}},
        "required": ["n"],
    },
    "Leaf": {
        "allOf": [{"$ref": "#/$defs/Base"}],
        "type": "object",
        "properties": {
            "kind": {"const": "leaf"},
            "level": {"anyOf": [{"type": "number", "maximum": 1}, {"type": "null"}], "description": "A share."},
            "names": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            "bases": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Base"}},
            "any": {},
            "two": {"enum": [4, 8]},
        },
        "required": ["kind"],
    },
}
WANTED = """\
/** What all have * / in common. */
export interface Base {
  /** At least 1. */
  readonly n: number;
  readonly "odd-key"?: string;
  readonly [key: string]: unknown;
}

export interface Leaf extends Base {
  readonly kind: "leaf";
  /** A share. At most 1. */
  readonly level?: number | null;
  readonly names?: readonly (string | null)[];
  readonly bases?: Readonly<Record<string, Base>>;
  readonly any?: unknown;
  readonly two?: 4 | 8;
  readonly stages?: readonly Step[];
}

export type Step =
  | Base
  | Leaf;
"""


def test_each_kind_of_schema_is_said_in_typescript() -> None:
    made = declarations(DEFS, unions={"Step": ["Base", "Leaf"]}, roots={"Leaf": "Step"}, command="c")
    assert made.split("\n\n", 1)[1] == WANTED


def test_a_kind_that_it_cannot_say_is_an_error_and_no_any() -> None:
    with pytest.raises(TypeError, match="expected a schema that TypeScript can say"):
        declarations({"A": {"properties": {"x": {"oneOf": []}}}}, unions={}, roots={}, command="c")


def test_the_page_gets_a_root_and_a_union_for_every_domain() -> None:
    made = files()[TYPESCRIPT]
    for root, union in (("ForgeAlloy", "LlmForgeStage"), ("TicketAlloy", "TicketingStage")):
        assert f"export interface {root} extends Alloy {{" in made
        assert f"readonly stages?: readonly {union}[];" in made
