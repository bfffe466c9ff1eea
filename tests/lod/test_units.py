"""Messages in units: nothing lost, nothing edited, nothing too long, whatever comes."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cadence.lod.speech import clean_spoken
from cadence.lod.units import FOLDED_WORDS, UNIT_WORDS_MAX, Block, Parsed, PartText, Source, Unit, count_words, parse

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
MARKDOWN = st.lists(
    st.sampled_from(
        ["word", "and,", "Yes.", "no?", "\n", "\n\n", "\r\n", "```", "\n```\n", "~~~\n", "    ", "\t", "- ", "> ", "👍"]
        + ["日本語", "...", "\x00", "\ud800", "um", "I I"]
    ),
    max_size=80,
).map(" ".join)
PARTS = st.lists(
    st.builds(PartText, st.sampled_from(["code", "tool", "data"]), ANY_TEXT, st.none() | st.just("py"), st.none()),
    max_size=3,
).map(tuple)


def written(text: str, *parts: PartText) -> Parsed:
    return parse(Source(7, "ada", 100.0, text, parts))


def blocks(parsed: Parsed) -> list[Block]:
    return [unit.block for unit in parsed.units if unit.block]


def test_a_message_becomes_clauses_in_order() -> None:
    parsed = written("We keep the  ledger\nin one place. Do we measure the lag first?")
    first, second = parsed.units
    assert first.text == "We keep the ledger in one place."
    assert second.text == "Do we measure the lag first?"
    assert (first.seq, first.index, first.speaker, first.at, first.n) == (7, 0, "ada", 100.0, 7)
    assert (second.index, second.n, second.question, first.question) == (1, 6, True, False)
    assert parsed.prose[first.start : second.end] == parsed.prose
    assert first.terms == ("ledger",)
    assert parsed.words == 13


@pytest.mark.parametrize("text", ["Why?", 'He asked "why?"', "なぜ？", "لماذا؟", "**Why?**", "(why?)"])
def test_a_question_is_known_by_its_sign(text: str) -> None:
    assert written(text).units[-1].question


def test_blocks_are_counted_parts_first_and_placed_in_order_of_the_text() -> None:
    fence = "```py\nprint( 1 )\n```"
    part = PartText("tool", '{"ok": true}', name="ledger.check")
    parsed = written(f"Look here at this:\n\n{fence}\n\nIt prints one number.\n\n    indented", part)
    assert [unit.text or "block" for unit in parsed.units] == [
        "Look here at this:",
        "block",
        "It prints one number.",
        "block",
        "block",
    ]
    fenced, indented, tool = blocks(parsed)
    assert (fenced.index, indented.index, tool.index) == (1, 2, 0)
    assert (fenced.kind, fenced.lang, fenced.body, fenced.lines) == ("code", "py", fence, 3)
    assert (indented.kind, indented.lang, indented.body) == ("code", None, "    indented")
    assert (tool.kind, tool.name, tool.body) == ("tool", "ledger.check", '{"ok": true}')
    assert fenced.sha256 == sha256(fence.encode()).hexdigest()
    assert "ledger.check" in parsed.units[-1].terms
    assert parsed.words == count_words(parsed.source.text) + count_words(part.body)


@pytest.mark.parametrize(("words", "cost"), [(0, 1), (1, 1), (15, 15), (16, FOLDED_WORDS), (4_000, FOLDED_WORDS)])
def test_a_long_block_costs_no_more_than_a_folded_one(words: int, cost: int) -> None:
    parsed = written("", PartText("data", " ".join(["x"] * words)))
    assert [unit.n for unit in parsed.units] == [cost]
    assert blocks(parsed)[0].words == words
    assert parsed.words == max(1, words)


def test_an_empty_message_still_counts_one_word() -> None:
    assert (written("").units, written("").words) == ((), 1)


def test_speech_is_cleaned_but_counted_as_it_was_said() -> None:
    parsed = parse(Source(1, "ada", 0.0, "Um , I I think uh it is full .", spoken=True))
    assert parsed.prose == "I think it is full."
    assert [unit.text for unit in parsed.units] == ["I think it is full."]
    assert parsed.words == 8
    assert parse(Source(1, "ada", 0.0, "Mm - hmm .", spoken=True)).units == ()


def test_scraps_and_broken_speech_say_less() -> None:
    whole, scrap = written("We keep the ledger in one place.").units[0], written("Place.").units[0]
    broken = parse(Source(1, "ada", 0.0, "We keep the ledger in one", spoken=True)).units[0]
    assert 1.0 == whole.salience > broken.salience > 0.0
    assert whole.salience > scrap.salience > 0.0
    assert written("we keep the ledger in one place").units[0].salience == 1.0


def check(parsed: Parsed) -> None:
    """Everything that holds for any message."""
    source = parsed.source
    assert parsed.prose == (clean_spoken(source.text) if source.spoken else source.text)
    assert [unit.index for unit in parsed.units] == list(range(len(parsed.units)))
    in_text = [unit for unit in parsed.units if not (unit.block and unit.block.index < len(source.parts))]
    in_parts = parsed.units[len(in_text) :]
    assert [unit.block.body for unit in in_parts if unit.block] == [part.body for part in source.parts]
    at = 0
    for unit in in_text:
        assert parsed.prose[at : unit.start].strip() == ""
        check_unit(parsed, unit)
        at = unit.end
    assert parsed.prose[at:].strip() == ""
    indices = [unit.block.index for unit in in_text if unit.block]
    assert indices == list(range(len(source.parts), len(source.parts) + len(indices)))
    assert parsed.words >= 1


def check_unit(parsed: Parsed, unit: Unit) -> None:
    piece = parsed.prose[unit.start : unit.end]
    assert 0.0 < unit.salience <= 1.0
    if unit.block:
        assert (unit.block.body, unit.text) == (piece, "")
        assert unit.n == max(1, min(unit.block.words, FOLDED_WORDS))
    else:
        assert unit.text == " ".join(piece.split())
        assert unit.n == count_words(unit.text) == count_words(piece)
        assert 1 <= unit.n <= UNIT_WORDS_MAX


@given(MARKDOWN | ANY_TEXT, PARTS, st.booleans())
@example("```\n" * 50, (), False)
@example("a" * 3_000 + "日" * 300, (), True)
@settings(max_examples=400)
def test_nothing_of_any_message_is_lost_or_edited(text: str, parts: tuple[PartText, ...], spoken: bool) -> None:
    check(parse(Source(1, "ada", 0.0, text, parts, spoken)))


@given(MARKDOWN, st.booleans())
@settings(max_examples=200)
def test_neighbouring_units_join_to_a_slice_that_costs_no_more(text: str, spoken: bool) -> None:
    parsed = parse(Source(1, "ada", 0.0, text, (), spoken))
    for first, second in zip(parsed.units, parsed.units[1:], strict=False):
        if not first.block and not second.block:
            joined = " ".join(parsed.prose[first.start : second.end].split())
            assert joined.startswith(first.text)
            assert joined.endswith(second.text)
            assert count_words(joined) <= first.n + second.n


@pytest.mark.parametrize(
    "text",
    [
        "> " * 5_000,
        "".join("  " * i + "- a\n" for i in range(120)),
        "```\n" * 5_000,
        "`" * 20_000,
        "「あ。」" * 5_000,
        "a\u0301" * 10_000,
        "\ud800" * 10_000,
        "\x00\n" * 10_000,
    ],
    ids=["quotes", "lists", "fences", "backticks", "brackets", "marks", "surrogates", "controls"],
)
def test_hostile_text_is_parsed_all_the_same(text: str) -> None:
    check(written(text))


def test_what_is_quoted_of_others_says_less_than_ones_own_words() -> None:
    quoted, own = parse(
        Source(1, "vera", 0.0, "> The island desk gets a copy.\n\nThe island desk gets a poster.")
    ).units
    assert quoted.salience < own.salience == 1.0
