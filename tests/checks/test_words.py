import pytest

from tests.checks import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("   \n", 0),
        ("one two", 2),
        ("don't stop", 2),
        ("don’t stop", 2),
        ("snake_case well-known v1.2.3", 3),
        ("-dash 'quoted' end.", 3),
        ("wait...what", 2),
        ("!?!", 1),
        ("你好", 1),
        ("你好吗", 2),
        ("カタカナ文字", 3),
        ("手机iPhone手机", 3),
        ("Привет, мир", 2),
        ("안녕하세요 세계", 2),
        ("x" * 31, 2),
        ("x" * 30, 1),
        ("नमस्ते दुनिया", 2),
        ("3.14 and 2,5", 4),
    ],
)
def test_words_are_counted_as_the_protocol_says(text: str, expected: int) -> None:
    assert words.count(text) == expected


def test_a_message_has_at_least_one_word_and_its_parts_count() -> None:
    assert words.of_message({"text": ""}) == 1
    assert words.of_message({"text": "two words", "parts": [{"kind": "code", "body": "x = 1"}]}) == 4


def test_a_folded_block_counts_fifteen() -> None:
    folded = {"text": "12 lines of python", "part": {"folded": True}}
    assert words.of_turn({"segments": [folded, {"text": "three more words"}]}) == 18


def test_code_blocks_are_found_as_they_stand() -> None:
    text = "Look:\n\n```py\na = 1\n\nb = 2\n```\nand\n\n    indented\n    twice\n\nor ``inline`` or\n~~~\nlast"
    assert words.code_blocks(text) == ["```py\na = 1\n\nb = 2\n```", "    indented\n    twice", "~~~\nlast"]


def test_bare_words_ignore_case_and_inner_marks() -> None:
    assert words.bare("That 's O.K., don't_care") == ["that", "s", "o", "k", "don", "t", "care"]
