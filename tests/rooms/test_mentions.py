import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.mentions import AT_SIGNS_MAX, mentions
from cadence.rooms.wire import Member

MEMBERS = [
    Member("vera", "Vera", "agent"),
    Member("max", "Max", "agent"),
    Member("max-p", "Max Planck", "agent"),
    Member("strasse-1", "Straße", "human"),
    Member("me", "Me", "human"),
]


def named(text: str) -> tuple[str, ...]:
    return mentions(text, MEMBERS, "me")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("@Vera what now?", ("vera",)),
        ("@vera", ("vera",)),
        ("ask @max, then @Vera, then @Max again", ("max", "vera")),
        ("@Max Planck knows", ("max-p",)),
        ("@max-p knows", ("max-p",)),
        ("@MAX PLANCK", ("max-p",)),
        ("@Max P. knows", ("max",)),
        ("@Vera's idea", ("vera",)),
        ("@Veras idea", ()),
        ("@Vera_2", ()),
        ("@STRASSE", ("strasse-1",)),
        ("@Ｖera in full width", ("vera",)),
        ("**@Vera**", ("vera",)),
        ("@me myself", ()),
        ("@nobody", ()),
        ("vera without a sign", ()),
        ("@", ()),
        ("@@vera", ("vera",)),
    ],
)
def test_a_name_or_id_behind_an_at_sign_is_a_mention(text: str, ids: tuple[str, ...]) -> None:
    assert named(text) == ids


@pytest.mark.parametrize(
    "code",
    [
        "`@vera`",
        "``a ` @vera``",
        "```\n@vera\n```",
        "```python\n@vera\ndef f(): ...\n```",
        "~~~\n@vera\n~~~",
        "```\n@vera never closed",
        "    @vera",
        "\t@vera",
        "- item\n\n      @vera",
        "> ```\n> @vera\n> ```",
        ">     @vera",
    ],
)
def test_code_names_nobody(code: str) -> None:
    assert named(f"{code}\n") == ()
    assert named(f"@max says\n\n{code}\n") == ("max",)


@pytest.mark.parametrize(
    "text", ["so\n    @vera", "`never closed @vera", "`a` @vera `b`", "- item\n\n  @vera", "<b>@vera</b> `x`"]
)
def test_what_only_looks_like_code_is_prose(text: str) -> None:
    assert named(text) == ("vera",)


def test_at_signs_are_bounded() -> None:
    assert named("@nobody " * AT_SIGNS_MAX + "@vera") == ()
    assert named("@nobody " * (AT_SIGNS_MAX - 1) + "@vera") == ("vera",)


@given(st.text(alphabet="@verMax `~\n\t>-*_[]<&\\#1.", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    found = named(text)
    assert len(set(found)) == len(found)
    assert "me" not in found
