import pytest

from cadence.rooms.wire import Ask
from cadence.terminal.commands import (
    HELP,
    AskAlex,
    Command,
    Follow,
    Open,
    Plain,
    SetCadence,
    SetMode,
    Talk,
    Wrong,
    parse,
)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        (" hello / there ", Talk("hello / there")),
        ("//etc is a folder", Talk("/etc is a folder")),
        ("/raw", SetMode("raw")),
        ("/PARAPHRASE ", SetMode("paraphrase")),
        ("/paced", SetMode("paced")),
        ("/cadence 10", SetCadence(10.0)),
        ("/cadence 2.5 s", SetCadence(2.5)),
        ("/follow Ada Byron", Follow("Ada Byron")),
        ("/follow", Follow(None)),
        ("/unfollow ada", Follow("ada", wanted=False)),
        ("/open", Open(None)),
        ("/open #12", Open(12)),
        ("/who", Plain("who")),
        ("/help", Plain("help")),
        ("/quit", Plain("quit")),
    ],
)
def test_a_line_is_speech_or_a_command(typed: str, command: Command) -> None:
    assert parse(typed) == command


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("/cadance 3", "expected a command, got /cadance; the nearest is /cadence"),
        ("/xyzzy", "expected a command, got /xyzzy; /help lists them"),
        ("/cadence", "expected seconds from 1 to 30 after /cadence, got ''"),
        ("/cadence 31", "expected seconds from 1 to 30 after /cadence, got '31'"),
        ("/cadence nan", "expected seconds from 1 to 30 after /cadence, got 'nan'"),
        ("/unfollow", "expected a name after /unfollow"),
        ("/open x", "expected the number of a turn after /open, got 'x'"),
        ("/open 0", "expected the number of a turn after /open, got '0'"),
        ("/open 9999999999999", "expected the number of a turn after /open, got '9999999999999'"),
        ("/raw now", "expected nothing after /raw, got 'now'"),
    ],
)
def test_what_is_no_command_says_what_was_expected(typed: str, sentence: str) -> None:
    found = parse(typed)
    assert isinstance(found, Wrong) and found.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/ask", AskAlex("catch_up")),
        ("/ask Room", AskAlex("room")),
        ("/ask @Vera", AskAlex("speaker", "Vera")),
        ("/ask why did the room fall silent?", AskAlex("question", "why did the room fall silent?")),
        ("/ask @", Wrong("expected a name after @")),
        (f"/ask {'x' * 501}", Wrong("expected a question of at most 500 characters, got 501")),
    ],
)
def test_what_is_asked_is_a_moment_a_speaker_or_a_question(typed: str, command: Command) -> None:
    assert parse(typed) == command


def test_a_question_becomes_one_frame() -> None:
    assert AskAlex("question", "why?").request("lab", "", "r1") == Ask(
        room="lab", what="question", text="why?", ref="r1"
    )
    assert AskAlex("speaker", "Vera").request("lab", "v", "r2") == Ask(
        room="lab", what="speaker", speaker="v", ref="r2"
    )


def test_nothing_is_nothing() -> None:
    assert parse("") is parse("  ") is None


def test_help_names_commands_that_exist() -> None:
    for what, _ in HELP[1:]:
        assert not isinstance(parse(what.replace("NAME", "ada")), Wrong | Talk)
