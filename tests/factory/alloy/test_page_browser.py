"""The verify page in a real browser: it works from a disk, and a hostile alloy cannot make it do anything."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadence.factory.alloy.page import page
from tests.factory.alloy import signed
from tests.source import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update".split()
PATIENCE_MS = 30_000

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]

# Scripts that alloys have been caught carrying, or that a careless page would run.
HOSTILE = [
    "<script>owned()</script>",
    "</script><script>owned()</script>",
    "<img src=x onerror=owned()>",
    "<svg onload=owned()>",
    "<svg><animate onbegin=owned() attributeName=x>",
    '"><img src=x onerror=owned()>',
    "' onmouseover='owned()",
    "javascript:owned()",
    "data:text/html,<script>owned()</script>",
    "<iframe srcdoc='<script>parent.owned()</script>'></iframe>",
    "<a href=javascript:owned()>click</a>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>*{background:url(https://evil.example/x)}</style>",
    "<form action=https://evil.example><button>go</button></form>",
    "<math><mtext></p><img src=x onerror=owned()>",
    "<template><script>owned()</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=owned()>'>",
    "${owned()}{{constructor.constructor('owned()')()}}",
    "\u202egnp.exe\u202c\u2066\u200b",
    "\x1b]0;owned\x07",
    "<!--<script>owned()//-->",
    "]]><script>owned()</script>",
    "x" * 100_000,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Tab:
    """The page opened from a file, with everything noted that it should never do."""

    def __init__(self, browser: Any, folder: Path, width: int = 360) -> None:
        self._file = folder / "verify.html"
        self._file.write_text(page(), encoding="utf-8")
        self.tab = browser.new_page(viewport={"width": width, "height": 800})
        self.tab.set_default_timeout(PATIENCE_MS)
        self.noted: list[str] = []
        self.tab.on("pageerror", lambda error: self.noted.append(f"error {error}"))
        self.tab.on("console", lambda line: self.noted.append(f"console {line.text}"))
        self.tab.on("dialog", lambda dialog: (self.noted.append("dialog"), dialog.dismiss()))
        self.tab.on("request", lambda one: self.noted.append(one.url) if not one.url.startswith("file:") else None)
        self.tab.expose_function("owned", lambda: self.noted.append("owned"))

    def open(self, hash: str = "") -> Tab:
        self.tab.goto(self._file.as_uri() + hash)
        return self

    def drop(self, **files: Any) -> str:
        """Hand files over as a person would, and answer with the verdict."""
        given = []
        for name, made in files.items():
            raw = made if isinstance(made, bytes) else json.dumps(made).encode()
            given.append({"name": f"{name}.json", "mimeType": "application/json", "buffer": raw})
        self.tab.set_input_files("#picker", given)
        self.tab.wait_for_selector("#result[data-outcome]:not([hidden])")
        return str(self.tab.inner_text("#verdict"))


def test_it_works_from_a_file_without_a_network_and_fits_a_phone(browser: Any, tmp_path: Path) -> None:
    at = Tab(browser, tmp_path).open()
    assert at.drop(alloy=signed.forge(), keys=signed.trusted()) == "It holds"
    assert "5 of 5 stages attested (100 %)" in at.tab.inner_text("#coverage")
    assert at.tab.evaluate("document.documentElement.scrollWidth") == 360
    assert at.noted == []


def test_an_address_with_a_hash_says_what_to_expect_and_is_passed_on_as_a_code(browser: Any, tmp_path: Path) -> None:
    raw = json.dumps(signed.ticket()).encode()
    full = hashlib.sha256(raw).hexdigest()
    at = Tab(browser, tmp_path).open(f"#https://a.example/x.alloy.json#{full[:16]}")
    assert at.drop(alloy=raw) == "The file you expected"
    assert at.tab.inner_text("#code-text") == f"https://a.example/x.alloy.json#{full[:32]}"
    assert at.tab.locator("#code svg path").count() == 1
    at.tab.fill("#address", "f" * 16)
    at.tab.wait_for_selector("#result[data-outcome=fails]")
    assert at.tab.inner_text("#verdict") == "It does not hold"
    assert not at.tab.is_visible("#code"), "what fails is not passed on"
    at.tab.fill("#address", full[:8])
    at.tab.wait_for_selector("#result", state="hidden")
    assert "16 to 64 digits; these are 8" in at.tab.inner_text("#hint")
    assert at.noted == []


def test_without_a_hash_or_keys_nothing_is_called_verified(browser: Any, tmp_path: Path) -> None:
    at = Tab(browser, tmp_path).open()
    assert at.drop(alloy=signed.forge()) == "Read, not verified"
    assert "not checked" in at.tab.inner_text("#notes")
    changed = signed.forge()
    changed["stages"][2] = {**changed["stages"][2], "keepExpertsPerLayer": 7}
    again = Tab(browser, tmp_path).open()
    assert again.drop(alloy=changed, keys=signed.trusted()) == "It does not hold"
    assert "Stage 2" in again.tab.inner_text("#failures")


def hostile_alloys() -> dict[str, Any]:
    """One alloy with every hostile text in every place that is shown, one text after the other, and odd shapes."""
    bad = HOSTILE
    listed = [
        {"type": text, "link": {"chain": text, "index": 0, "previousHash": text, "completedAt": text}} for text in bad
    ]
    files = [{"filename": text, "sha256": "0" * 64} for text in bad]
    everywhere = {
        "name": bad[0], "version": bad[1], "author": bad[2], "chainId": bad[3], "stages": listed,
        "results": {
            "integrity": {"trustLevel": bad[4], "fileHashes": files, "modelHash": bad[5], "signature": bad[6]},
            "benchmarks": [{"name": text, "samplesPath": text, "resultHash": "1" * 64} for text in bad],
        },
        "receipt": {"alloyHash": bad[7], "signature": {text: text for text in bad}},
    }  # fmt: skip
    keys = {text: text for text in bad}
    odd = {
        "name": {"toString": 1},
        "stages": [None, 7, [], {"link": {}}, {"type": {}}],
        "__proto__": {"polluted": True},
    }
    hollow = {"link": {"chain": None, "index": {"valueOf": 1}, "previousHash": [], "completedAt": {}}}
    return {
        "everywhere": everywhere,
        "keys_of_objects": {**keys, "name": "x", "stages": [keys]},
        "odd": odd,
        "hollow": {"name": [], "stages": [hollow], "integrity": {"chain": {"length": {}, "hash": {}}, "signature": {}}},
        "broken": b'{"name": "<img src=x onerror=owned()>", "<script>owned()</script>": NaN}',
    }


@pytest.mark.parametrize("name", hostile_alloys())
def test_a_hostile_alloy_is_shown_as_text_and_nothing_else_happens(name: str, browser: Any, tmp_path: Path) -> None:
    at = Tab(browser, tmp_path).open()
    count = "document.querySelectorAll('script,img,iframe,a,link,meta,style,form,object,embed,base').length"
    before, url = at.tab.evaluate(count), at.tab.url
    registry = {"keys": [{"keyId": text, "owner": text, "publicKey": text} for text in HOSTILE]}
    at.drop(**{name: hostile_alloys()[name]}, registry=registry)
    assert at.tab.evaluate(count) == before
    assert at.tab.url == url
    assert at.tab.evaluate("({}).polluted === undefined && document.documentElement.scrollWidth") == 360
    assert at.noted == []


def test_hostile_addresses_are_text_too(browser: Any, tmp_path: Path) -> None:
    at = Tab(browser, tmp_path).open()
    at.drop(alloy=signed.ticket())
    for text in HOSTILE:
        at.tab.fill("#address", f"{text[:200]}#" + "0" * 16)
        at.tab.evaluate("text => { location.hash = text }", text[:200])
    at.tab.fill("#address", "<img src=x onerror=owned()>")
    at.tab.locator("#code-text", has_text="<img").wait_for()
    assert at.tab.locator("img").count() == 0
    assert at.noted == []


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `make web`")
def test_nobody_is_shut_out_in_the_light_or_in_the_dark(browser: Any, tmp_path: Path) -> None:
    at = Tab(browser, tmp_path, width=900).open("#https://a.example/x#" + "0" * 16)
    at.drop(alloy=signed.forge(), keys=signed.trusted())
    at.tab.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        at.tab.emulate_media(color_scheme=scheme)
        found = at.tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == [], scheme
