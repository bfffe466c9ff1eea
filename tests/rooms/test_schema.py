from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from cadence.rooms import schema, wire

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_contract_is_the_one_the_server_speaks() -> None:
    assert schema.drift(ROOT) == [], f"run {schema.COMMAND}"


def test_check_fails_and_says_what_to_do_on_drift(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.main([], tmp_path) == 0
    assert schema.main(["--check"], tmp_path) == 0
    (tmp_path / schema.TYPESCRIPT).write_text("export {};\n")
    assert schema.main(["--check"], tmp_path) == 1
    assert schema.COMMAND in (said := capsys.readouterr().err) and schema.TYPESCRIPT in said
    (tmp_path / schema.JSON_SCHEMA).unlink()
    assert schema.drift(tmp_path) == [schema.TYPESCRIPT, schema.JSON_SCHEMA]
    assert schema.ASYNCAPI in schema.files()


def test_an_unknown_argument_is_refused() -> None:
    assert schema.main(["--chekc"], ROOT) == 2


def test_every_frame_is_a_member_of_its_union_with_its_type() -> None:
    text = schema.typescript()
    for union in (wire.ClientFrame, wire.ServerFrame):
        for struct in get_args(union):
            name = "ErrorFrame" if struct is wire.Error else struct.__name__
            assert f'interface {name} {{\n  readonly type: "{struct.__struct_config__.tag}";' in text
            assert re.search(rf"^  \| {name};?$", text, re.MULTILINE)


def test_typescript_marks_what_may_be_absent_and_keeps_the_names_of_the_wire() -> None:
    text = schema.typescript()
    message = text[text.index("interface Message {") :].partition("}")[0]
    assert "readonly from: Author;" in message and "from_" not in text
    assert "readonly parts?: readonly Part[];" in message and "readonly seq: number;" in message
    assert "readonly view: View | null;" in text and "readonly items: readonly (Message | Turn)[];" in text
    assert "/** 1 to 30 */\n  readonly cadence_s?: number;" in text


def test_the_schema_requires_what_the_server_always_sends() -> None:
    definitions = schema.json_schema()["$defs"]
    assert "role" in definitions["Member"]["required"]
    assert definitions["View"]["required"] == list(wire.VIEW_FIELDS)
    assert definitions["Say"]["required"] == ["type", "room", "id", "text"]


def test_a_type_that_the_generator_does_not_know_is_an_error_not_a_guess() -> None:
    with pytest.raises(TypeError, match="add a case"):
        schema._type(schema.inspect.type_info(bytes))
