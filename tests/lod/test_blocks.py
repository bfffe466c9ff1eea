"""Code blocks are found where CommonMark has them, whole lines, exactly as they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.blocks import MARKDOWN_CHARACTERS_MAX, code_blocks

MARKUP = st.lists(
    st.sampled_from(["```", "~~~", "    ", "\t", "> ", "- ", "1. ", "x", "\n", "\r\n", "\r", " ", "#", "`", "py"]),
    max_size=60,
).map("".join)


def bodies(text: str) -> list[str]:
    return [text[span.start : span.end] for span in code_blocks(text)]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no code", []),
        ("`inline` and ``` in a line", []),
        ("see\n```py\nx = 1\n```\nok", ["```py\nx = 1\n```"]),
        ("~~~\na\n~~~", ["~~~\na\n~~~"]),
        ("a\r\n```\r\nb\r\n```\r\nc", ["```\r\nb\r\n```"]),
        ("open\n```sh\nls\n\n\n", ["```sh\nls"]),
        ("> ```\n> a\n> ```", ["> ```\n> a\n> ```"]),
        ("- item\n\n  ```\n  a\n  ```\n- next", ["  ```\n  a\n  ```"]),
        ("text\n\n    indented\n    code\n\nmore", ["    indented\n    code"]),
        ("text\n    only a continued line", []),
        ("\tcode", ["\tcode"]),
        ("```\na\n```\n```\nb\n```", ["```\na\n```", "```\nb\n```"]),
        ("````\n```\na\n```\n````", ["````\n```\na\n```\n````"]),
        ("   \n\n    \n", []),
    ],
)
def test_finds_the_blocks_as_they_stand(text: str, blocks: list[str]) -> None:
    assert bodies(text) == blocks


def test_names_the_language_of_a_fence() -> None:
    spans = code_blocks("```python title=x\na\n```\n\n```\nb\n```\n\n    c")
    assert [span.lang for span in spans] == ["python", None, None]


def test_a_text_beyond_the_bound_is_prose() -> None:
    assert code_blocks("```\na\n```\n" + " " * MARKDOWN_CHARACTERS_MAX) == []


@given(MARKUP)
def test_blocks_are_ordered_whole_lines_that_never_overlap(text: str) -> None:
    at = 0
    for span in code_blocks(text):
        assert at <= span.start < span.end <= len(text)
        assert span.start == 0 or text[span.start - 1] in "\r\n"
        assert span.end == len(text) or text[span.end] in "\r\n"
        assert text[span.start : span.end].strip()
        at = span.end
