"""The folder of model cards."""

from __future__ import annotations

from pathlib import Path

from cadence.models.loading import load_cards


def write(place: Path, name: str, text: str) -> None:
    (place / "models").mkdir(exist_ok=True)
    (place / "models" / name).write_text(text)


def test_a_place_without_models_has_none(tmp_path: Path) -> None:
    assert load_cards(tmp_path).models == {}
    assert load_cards(tmp_path).problems == ()


def test_cards_are_read_in_the_order_of_their_ids(tmp_path: Path) -> None:
    write(tmp_path, "small.toml", 'endpoint = "http://127.0.0.1:2/v1"')
    write(tmp_path, "large.toml", 'endpoint = "http://127.0.0.1:1/v1"\nserved = "big"')
    write(tmp_path, "README.md", "not a card")
    cards = load_cards(tmp_path)
    assert cards.problems == ()
    assert [(id, card.id, card.file, card.served) for id, card in cards.models.items()] == [
        ("large", "large", "models/large.toml", "big"),
        ("small", "small", "models/small.toml", "small"),
    ]


def test_a_broken_card_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    write(tmp_path, "good.toml", 'endpoint = "http://127.0.0.1:2/v1"')
    write(tmp_path, "bad.toml", 'endpoint = "http://127.0.0.1:2/v1"\nserve = 7\nservd = "x"')
    write(tmp_path, "Not An Id.toml", "")
    cards = load_cards(tmp_path)
    assert list(cards.models) == ["good"]
    told = [str(problem) for problem in cards.problems]
    assert any(line.startswith("models/Not An Id.toml: expected an id before .toml") for line in told)
    assert "models/bad.toml:3: `servd`: unknown key; the nearest known key is `served`" in told


def test_a_link_out_of_the_place_is_not_followed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "elsewhere.toml").write_text('endpoint = "http://127.0.0.1:2/v1"')
    (place / "models").mkdir()
    (place / "models/linked.toml").symlink_to(tmp_path / "elsewhere.toml")
    cards = load_cards(place)
    assert cards.models == {}
    assert "a link that leads out of it" in str(cards.problems[0])
