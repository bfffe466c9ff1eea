"""Rooms of scripted, thinking and foreign speakers on the real server, from the files of a place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from cadence.app import Service
from cadence.casting import Casting, PlaceModels
from cadence.models.cards import ModelCard
from cadence.models.chat import Call, ChatModel, ModelError
from cadence.models.scripted import ScriptedModel
from cadence.personas.place import load_place
from cadence.settings import load
from tests.models.fake_endpoint import KEY, fake_endpoint
from tests.pipe import Pipe
from tests.stranger import Frame, Stranger

pytestmark = pytest.mark.real_time

SCRIPT = (
    '{"from": "ada", "text": "The oven is ten degrees too hot."}\n{"from": "ada", "text": "I measured it twice."}\n'
)


def persona(place: Path, id: str, more: str = "") -> None:
    text = f'+++\nname = "{id.title()}"\npronouns = "they/them"\n{more}+++\nYou are {id.title()}.\n'
    (place / "personas" / f"{id}.md").write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    found = tmp_path / "place"
    for folder in ("rooms", "personas", "models"):
        (found / folder).mkdir(parents=True)
    persona(found, "ada")
    persona(found, "vera", 'model = "fake"\n')
    (found / "rooms" / "hall.toml").write_text('title = "H"\nmembers = ["ada", "vera"]\nscript = "hall.script.jsonl"\n')
    (found / "rooms" / "hall.script.jsonl").write_text(SCRIPT)
    return found


def fake(name: str) -> ChatModel:
    if name != "fake":
        raise ModelError("unknown_model", f"expected a model card models/{name}.toml, got none")

    def script(call: Call) -> str:
        asked = "speaks to you in" in call.messages[-1].text
        return "Eleven minutes, by the log of the desk." if asked else "PASS"

    return ScriptedModel(script, name=name)


@asynccontextmanager
async def serving(place: Path) -> AsyncIterator[Service]:
    service = await Service.open(load(place=place, data=place.parent / "data", speed=20.0), fake)
    try:
        yield service
    finally:
        await service.close()


async def guest(service: Service, name: str, kind: str = "human") -> Stranger:
    someone = Stranger(name, kind)
    await someone.open(Pipe(service.gateway, headers=((b"host", b"127.0.0.1"),)))
    await someone.join("hall", view={"mode": "raw"} if kind == "human" else None)
    return someone


def by(name: str) -> object:
    def fits(frame: Frame) -> bool:
        return frame["type"] == "message" and frame["from"]["name"] == name

    return fits


async def members(one: Stranger, *wanted: str) -> None:
    """Wait until all of them are in the room."""
    while not set(wanted) <= {member["name"] for member in one.places["hall"].members.values()}:
        await one.expect(lambda frame: frame["type"] == "presence")


async def test_a_script_a_mind_and_a_foreign_agent_share_a_room(place: Path) -> None:
    async with serving(place) as service:
        pip = await guest(service, "Pip")
        echo = await guest(service, "Echo", "agent")
        await asyncio.wait_for(members(pip, "Ada", "Vera", "Echo"), 20.0)
        said = await echo.say("hall", "@Vera how long may a desk be without its calendar?")
        answer = await pip.until(by("Vera"), within=20.0)  # type: ignore[arg-type]
        assert answer["reply_to"] == said["seq"] and answer["from"]["kind"] == "agent"
        await pip.until(by("Ada"), within=20.0)  # type: ignore[arg-type]
        assert list(service.casting.counts["hall"]) == ["vera"]
        for one in (pip, echo):
            await one.cut()


async def test_a_model_that_is_not_there_is_told_by_card_and_line_and_comes_with_a_reload(place: Path) -> None:
    persona(place, "vera", 'temperament = "dry"\nmodel = "fakes"\n')
    with capture_logs() as logs:
        async with serving(place) as service:
            pip = await guest(service, "Pip")
            await pip.until(by("Ada"), within=20.0)  # type: ignore[arg-type]
            (told,) = [line for line in logs if line["event"] == "mind cannot think"]
            assert told["card"] == "personas/vera.md:5" and "models/fakes.toml" in told["why"]
            persona(place, "vera", 'model = "fake"\n')
            await service.read_place()
            await asyncio.wait_for(members(pip, "Vera"), 20.0)
            persona(place, "vera")
            await service.read_place()
            assert "hall" not in service.casting.counts
            await pip.cut()


async def test_what_did_not_change_goes_on_over_a_reload(place: Path) -> None:
    async with serving(place) as service:
        pip = await guest(service, "Pip")
        await asyncio.wait_for(members(pip, "Vera"), 20.0)
        before = service.casting.counts["hall"]
        await service.read_place()
        assert service.casting.counts["hall"]["vera"] is before["vera"]
        await pip.cut()


@asynccontextmanager
async def thinking_at_an_endpoint(place: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stranger]:
    """The place with minds that think over real sockets, and a person in its room."""
    pytest.importorskip("openai")
    monkeypatch.setenv("CADENCE_TEST_KEY", key)
    async with fake_endpoint(fake("fake"), "small", KEY) as model:
        card = f'endpoint = "{model.address}"\nserved = "small"\nkey_env = "CADENCE_TEST_KEY"\n'
        (place / "models" / "fake.toml").write_text(card)
        service = await Service.open(load(place=place, data=place.parent / "data", speed=20.0))
        try:
            pip = await guest(service, "Pip")
            await asyncio.wait_for(members(pip, "Vera"), 20.0)
            yield pip
            await pip.cut()
        finally:
            await service.close()


async def test_a_mind_thinks_at_the_endpoint_of_its_models_card(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with thinking_at_an_endpoint(place, KEY, monkeypatch) as pip:
        await pip.say("hall", "@Vera how long?")
        answer = await pip.until(by("Vera"), within=20.0)  # type: ignore[arg-type]
    assert answer["text"] == "Eleven minutes, by the log of the desk."


async def test_a_wrong_key_is_told_by_both_cards_and_the_room_goes_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()

    def hear(logger: object, method: str, line: Frame) -> Frame:
        if line["event"] == "mind cannot think":
            assert line["card"] == "personas/vera.md:4" and "models/fake.toml" in line["why"], line
            assert KEY not in str(line) and "wrong-key" not in str(line)
            told.set()
        raise structlog.DropEvent

    before = structlog.get_config()["processors"]
    structlog.configure(processors=[hear])
    try:
        async with thinking_at_an_endpoint(place, "wrong-key-0123456789", monkeypatch) as pip:
            await pip.say("hall", "@Vera how long?")
            await asyncio.wait_for(told.wait(), 20.0)
            await pip.until(by("Ada"), within=20.0)  # type: ignore[arg-type]
    finally:
        structlog.configure(processors=before)


async def test_models_of_a_place_are_opened_once_and_closed_when_their_cards_change() -> None:
    pytest.importorskip("openai")
    models = PlaceModels()
    card = ModelCard("big", ("http://127.0.0.1:9/v1",), "big")
    models.update({"big": card})
    first = models("big")
    models.update({"big": card})
    assert models("big") is first
    models.update({"big": ModelCard("big", ("http://127.0.0.1:9/v1",), "bigger")})
    assert models("big") is not first
    await models.sweep()
    with pytest.raises(ModelError, match="models/bigg.toml that can be used, got none; the nearest is `big`"):
        models("bigg")
    await models.aclose()
    with pytest.raises(ModelError, match="models/big.toml that can be used, got none$"):
        models("big")


async def test_where_servers_share_a_room_its_speakers_wait_for_their_turn(place: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    async def alone(room: str, work: object) -> None:
        asked.append(room)

    async def nobody(*_: object) -> None:
        raise AssertionError("expected nobody to connect")

    casting = Casting(
        nobody, lambda id, name: id, models=fake, forget=lambda room: None, folder=tmp_path / "minds", speed=1.0
    )
    casting.alone = alone
    found = load_place(place)
    await casting.cast(found.rooms["hall"], found)
    await casting.cast(found.rooms["hall"], found)
    await asyncio.sleep(0)
    assert asked == ["hall", "hall"], "its script, and its mind; once each"
    await casting.end()
