"""Two journeys through the page, in a real browser, against a real server that is killed on the way."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "cadence" / "web" / "index.html"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
PATIENCE_MS = 30_000
STILL = """Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
    .map((one) => one.finished)).then(() => {})"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not BUILT.is_file(), reason="the client is not built: run `make web`"),
    pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run `make web`"),
]

ROOM = """title = "The workshop"
members = ["ada", "ben"]
script = "workshop.script.jsonl"

[view]
cadence_s = 2
"""
CARD = '+++\nname = "{name}"\npronouns = "she/her"\n+++\nYou build things.\n'
CODE = "```python\ndef measure(twice):\n    return cut(once)\n```"
LINES = 40
CLAIM = "The *oak* beam carries the whole roof without a post."
OBJECTION = "I disagree with that, Ada: the oak beam cracked last winter."
TOKEN = "a-token-for-strangers"


def make_place(root: Path) -> Path:
    """A place with one room in which two personas talk and disagree, and one where nobody ever was."""
    for folder in ("rooms", "personas", "models"):
        (root / folder).mkdir(parents=True)
    (root / "rooms" / "workshop.toml").write_text(ROOM)
    (root / "rooms" / "attic.toml").write_text('title = "The attic"\n')
    for persona, name in (("ada", "Ada"), ("ben", "Ben")):
        (root / "personas" / f"{persona}.md").write_text(CARD.format(name=name))
    texts = [f"Bench note {number}: the joint holds at {number} newtons." for number in range(1, LINES)] + [CODE]
    lines: list[dict[str, Any]] = [
        {"from": ("ada", "ben")[number % 2], "text": text} for number, text in enumerate(texts)
    ]
    lines[:0] = [{"from": "ada", "text": CLAIM}, {"from": "ben", "text": OBJECTION, "reply_to": 1}]
    (root / "rooms" / "workshop.script.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return root


class Served:
    """A `cadence serve` child that can be killed and started again on the same port and data."""

    def __init__(self, folder: Path, token: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._place = make_place(folder / "place")
        self._data = folder / "data"
        self._environment = {**os.environ, **({"CADENCE_TOKEN": token} if token else {})}
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Start, and answer with the address that the server prints."""
        arguments = ["serve", self._place, "--port", self.port, "--data", self._data, "--speed", 100]
        command = [sys.executable, "-m", "cadence.cli", *map(str, arguments)]
        self._child = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self._environment
        )
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if found := re.search(r"http://\S+#ticket=\S+", line):
                return found.group()
        raise AssertionError(f"expected an address, the server ended with {self._child.wait()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._child is None:
            return
        self._child.kill()
        self._child.wait()
        assert self._child.stdout is not None
        self._child.stdout.close()
        self._child = None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path, TOKEN)
    yield server
    server.kill()


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1100, "height": 800})
        tab.set_default_timeout(PATIENCE_MS)
        yield tab
        browser.close()


def no_violations(page: Any, where: str) -> None:
    """axe-core finds nothing, in the light and in the dark, once nothing is half faded in any more."""
    page.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(STILL)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        told = [(each["id"], [node["html"][:120] for node in each["nodes"]][:3]) for each in found]
        assert told == [], f"{where}, {scheme}: {told}"


def asks(page: Any) -> None:
    """A question is answered by a card in the log, each name once, with the words marked in its originals."""
    page.get_by_role("button", name="Ask Alex").click()
    question = page.get_by_role("textbox", name="Your question about what was said")
    expect(question).to_be_focused()
    question.fill("What carries the roof without a post?")
    question.press("Enter")
    answer = page.locator("article.turn").filter(has_text="Alex answers")
    expect(answer).to_contain_text("beam carries the whole roof")
    expect(answer).not_to_contain_text("Ada: The")
    answer.get_by_role("button", name="show the originals").press("Enter")
    expect(answer.locator("mark", has_text="without a post.")).to_be_visible()
    no_violations(page, "answered")


def test_a_reader_watches_steers_unfolds_speaks_reloads_and_outlives_a_killed_server(served: Served, page: Any) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = served.start()

    page.goto(address)
    expect(page.get_by_role("heading", name="The workshop")).to_be_visible()
    assert "ticket" not in page.evaluate("location.href"), "the ticket stays out of the address bar"
    turns = page.locator("article.turn")
    expect(turns.first).to_contain_text("the joint holds")
    expect(page.get_by_text("You are Host")).to_be_visible()
    no_violations(page, "watching")

    slider = page.get_by_role("slider", name="Time between turns")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "one turn every 4 seconds")

    objection = page.get_by_role("button", name="objects to Ada")
    expect(objection).to_be_visible()
    objection.click()
    expect(page.locator(".segment:focus")).to_contain_text("carries the whole roof")
    expect(page.locator(".segment:focus em")).to_have_text("oak")

    opener = page.get_by_role("button", name="show the originals").first
    opener.press("Enter")
    originals = page.get_by_role("group", name="as they were said").first
    expect(originals.locator("mark", has_text="without a post.")).to_be_visible()
    expect(originals.get_by_text("Bench note", exact=False).first).to_be_visible()
    no_violations(page, "unfolded")
    originals.get_by_role("button", name="Roll up again").press("Escape")
    expect(originals).to_be_hidden()
    expect(page.get_by_role("button", name="show the originals").first).to_be_focused()

    field = page.get_by_role("textbox", name="Say something")
    field.fill("Measured twice, **before** the cut")
    field.press("Enter")
    # The answer to a question may carry it too, in a turn.
    own = page.locator("article:not(.turn):not(.original)").filter(has_text="Measured twice")
    expect(own.locator("strong")).to_have_text("before")
    expect(field).to_have_value("")

    asks(page)

    page.reload()
    expect(own).to_have_count(1)
    expect(turns.first).to_be_visible()
    expect(slider).to_have_attribute("aria-valuetext", "one turn every 4 seconds")

    served.kill()
    expect(page.get_by_text("The connection was lost")).to_be_visible()
    field.fill("Said into the dark")
    field.press("Enter")
    served.start()
    expect(page.get_by_text("The connection was lost")).to_be_hidden()
    expect(own).to_have_count(1)
    late = page.get_by_role("log").get_by_role("article", name="Host").filter(has_text="Said into the dark")
    expect(late).to_have_count(1)

    page.reload()
    expect(own).to_have_count(1)
    expect(late).to_have_count(1)
    assert complaints == []


def test_a_stranger_is_asked_for_a_token_looks_around_and_is_told_when_it_ends(guarded: Served, page: Any) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    address = guarded.start().partition("#")[0]

    page.goto(address)
    expect(page.get_by_role("heading", name="This server asks for a token")).to_be_visible()
    no_violations(page, "asked for a token")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Come in").click()

    welcome = page.get_by_role("region", name="speak faster than anyone reads")
    expect(welcome).to_be_visible()
    no_violations(page, "welcomed")
    welcome.get_by_role("button").click()
    expect(welcome).to_be_hidden()

    page.get_by_role("button", name="The attic").click()
    expect(page.get_by_text("Nobody has spoken yet.")).to_be_visible()
    no_violations(page, "an empty room")
    for mode, state in (("Raw", "Stepped aside"), ("Paced", "Listening"), ("Paraphrase", "Listening")):
        page.get_by_role("radio", name=mode).check(force=True)
        expect(page.get_by_text(state)).to_be_visible()
        expect(page.get_by_role("radio", name=mode)).to_be_checked()

    guarded.kill()
    expect(page.get_by_text("the server does not answer")).to_be_visible()
    no_violations(page, "the server gone")

    guarded.start()
    expect(page.get_by_text("the server does not answer")).to_be_hidden()
    page.route_web_socket("**/ws", lambda line: line.close(code=4010))
    page.reload()
    expect(page.get_by_role("heading", name="A host has asked you to leave.")).to_be_visible()
    no_violations(page, "asked to leave")


def test_a_host_makes_a_private_room_and_invites_somebody_by_keyboard(guarded: Served, page: Any) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(guarded.start())
    page.get_by_role("button", name="New room").press("Enter")
    title = page.get_by_role("textbox", name="What it is called")
    expect(title).to_be_focused()
    no_violations(page, "a new room")
    page.keyboard.type("The Nook")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Who may read The Nook")).to_be_focused()
    expect(page.get_by_role("checkbox", name="Only who is invited may read it")).to_be_checked()
    name = page.get_by_role("textbox", name="Invite somebody new, by name")
    name.fill("Bea")
    name.press("Enter")
    link = page.get_by_role("textbox", name="A link for Bea alone")
    expect(link).to_be_visible()
    no_violations(page, "who may read")

    guest = page.context.browser.new_page()
    guest.goto(link.input_value())
    expect(guest.get_by_role("heading", name="The Nook", level=1)).to_be_visible()
    expect(guest.get_by_role("button", name="New room")).to_have_count(0)
    expect(page.get_by_role("list", name="Who may read it").get_by_text("Bea")).to_be_visible()
    page.get_by_role("button", name="End it: the invitation of Bea").press("Enter")
    expect(guest.get_by_role("heading", name="A host has asked you to leave.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Who may read The Nook")).to_be_hidden()
    guest.close()
