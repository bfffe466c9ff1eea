"""Strangers' text in Markdown shows as it was written and does nothing."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cadence.factory.alloy.markdown import cell, clean, code, line, link, quoted, safe_url, table

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "# heading",
    "- item",
    "1. item",
    "+ item",
    "> quote",
    "`code` ``more``",
    "***bold*** __bold__ ~~gone~~",
    "a | b | c",
    "--- \n---",
    "```\nfence\n```",
    "    indented",
    "[ref]: https://evil.example",
    "&lt;script&gt;",
    "\\*not bold\\*",
    "a\n\n<b>new paragraph</b>",
    "title\n=====",
    "\u202egnp.exe",
]


def shown(markdown: str) -> str:
    """What a reader sees of one paragraph, by a real parser."""
    rendered = RENDER(markdown)
    match = re.fullmatch(r"<p>(.*)</p>\n", rendered, re.DOTALL)
    assert match is not None, rendered
    assert "<" not in match[1], rendered
    return html.unescape(match[1])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    assert shown(line(text)) == clean(text)


@given(st.text(alphabet=st.sampled_from("ab1 \n\\`*_[]()<>&!#|~$^-+=.:/@\"'"), min_size=1, max_size=30))
@example("1) x")
@example("+")
@example("\\")
def test_any_text_is_shown_as_it_was_written(text: str) -> None:
    if clean(text):
        assert shown(line(text)) == clean(text)


@given(st.text(alphabet=st.sampled_from("ab `|\\<&\n"), max_size=20))
def test_code_is_shown_as_it_was_written_but_for_bars(text: str) -> None:
    if clean(text):
        rendered = RENDER("x " + code(text))
        found = re.fullmatch(r"<p>x <code>(.*)</code></p>\n", rendered, re.DOTALL)
        assert found is not None, rendered
        assert html.unescape(found[1]) == clean(text).replace("|", "¦")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "http://plain.example",
        "https://",
        "https://user@host.example",
        "https://user:pass@host.example",
        "https://host.example:99999/",
        "https://ho st.example/",
        "https://h\u00f6st.example/",
        "//host.example",
        "data:text/html,x",
        "https://[::1",
        "https://x.example/" + "a" * 3000,
        None,
        3,
    ],
)
def test_only_plain_https_addresses_become_links(url: object) -> None:
    assert safe_url(url) is None
    assert "](" not in link("text", url)


def test_an_address_cannot_end_its_link_early() -> None:
    made = link("a]b", 'https://x.example/a)b(c "d<e>?q=1&r=(2)#f)g')
    rendered = RENDER(made)
    assert rendered.count("<a ") == 1
    assert rendered.startswith('<p><a href="https://x.example/a%29b%28c%20%22d%3Ce%3E?q=1&amp;r=%282%29#f%29g">')


def test_a_table_keeps_its_cells() -> None:
    made = table(["a", "b"], [(cell("x|y"), cell(None)), (code("p|q"), cell(1.50))])
    rendered = RENDER(made)
    assert rendered.count("<td>") == 4
    assert "<td>x|y</td>" in rendered and "<td>1.5</td>" in rendered


def test_a_quotation_stays_one() -> None:
    rendered = RENDER(quoted("first\n\n# second\n\n\n\n<b>third</b>"))
    assert rendered.count("<p>") == 3 and "<b>" not in rendered and "<h1>" not in rendered


def test_what_cannot_be_seen_becomes_a_space_and_long_text_is_cut() -> None:
    assert clean("a\x00b\u200bc\u2028d\ud800") == "a b c d"
    assert len(clean("x" * 10_000)) == 4_000
