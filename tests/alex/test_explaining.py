from __future__ import annotations

import pytest

from cadence.alex.paraphrase import Narrator
from cadence.alex.scripted_narrator import retell_plainly
from cadence.models.scripted import ScriptedModel
from cadence.rooms.wire import WireError
from tests.alex.house import ADA, BOB, HOST, house, wait


async def test_every_turn_says_why_to_its_reader_and_to_a_host() -> None:
    async with house() as opened:
        opened.driver.narrate(Narrator(ScriptedModel(retell_plainly, name="tiny")))
        await opened.attach()
        await opened.flood(60, 0.5)
        await wait(10)
        for turn in opened.turns():
            told = await opened.driver.why(ADA, "lab", "ada", turn.turn)
            assert told == await opened.driver.why(HOST, "lab", "ada", turn.turn)
            assert told["by"] == turn.by and len(told["segments"]) == len(turn.segments)
            if turn.by == "tiny":
                assert any(prose["outcome"] == "held" and "To be told:" in prose["prompt"] for prose in told["prose"])
                assert any(unit["fate"] == "retold" for unit in told["units"])


async def test_what_was_redacted_is_in_no_reason() -> None:
    async with house() as opened:
        opened.driver.narrate(Narrator(ScriptedModel(retell_plainly, name="tiny")))
        await opened.attach()
        secret = await opened.say("The zebra password of the vault is swordfish and nobody else knows it.", "a")
        await opened.flood(60, 0.5)
        await wait(10)
        await opened.store.redact("lab", secret.seq)
        opened.driver.redacted("lab", secret.seq)
        for turn in opened.turns():
            assert "swordfish" not in str(await opened.driver.why(ADA, "lab", "ada", turn.turn))


async def test_nobody_else_is_told_and_no_turn_is_made_up() -> None:
    async with house() as opened:
        await opened.attach()
        await opened.say()
        await wait(10)
        with pytest.raises(WireError) as refused:
            await opened.driver.why(BOB, "lab", "ada", 1)
        assert refused.value.code == "forbidden"
        for room, user, turn in (("lab", "ada", 9), ("lab", "eve", 1), ("hut", "ada", 1)):
            with pytest.raises(WireError) as missing:
                await opened.driver.why(HOST, room, user, turn)
            assert missing.value.code == "not_found"
