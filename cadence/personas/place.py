"""A place: the folder a host edits and `cadence serve` runs.

    PLACE/rooms/ID.toml            a room (cadence.personas.roomfile)
    PLACE/rooms/ANY.jsonl          a conversation that a room file names (cadence.personas.script)
    PLACE/personas/ID.md           a persona (cadence.personas.cards)
    PLACE/models/ID.toml           a language model (cadence.models.cards)

Every folder may be missing or empty. Other files are left alone, except that Python files are refused: a
place is content, and nothing in it is ever run. A symbolic link must not lead out of the place. Files whose
names begin with a dot are not looked at (editors leave them).

Reading blocks; where a loop runs, call it from a thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from cadence.fields import Problem, Report, nearest
from cadence.folder import Folder
from cadence.models.cards import ModelCard
from cadence.models.loading import load_cards
from cadence.personas.cards import CARD_BYTES_MAX, MEDIATOR, RESERVED_IDS, Card, name_key, parse_card
from cadence.personas.roomfile import ROOM_BYTES_MAX, Room, parse_room
from cadence.personas.script import SCRIPT_BYTES_MAX, parse_script


@dataclass(frozen=True, slots=True)
class Place:
    """What a place holds. Rooms, personas and models are those without problems, by id, in the order of ids.

    `broken` are ids of rooms that have a file, but cannot be used as it stands: on a reload keep what you had.
    """

    root: Path
    rooms: dict[str, Room]
    personas: dict[str, Card]
    broken: frozenset[str]
    problems: tuple[Problem, ...]
    models: dict[str, ModelCard] = field(default_factory=dict)


def load_place(root: Path) -> Place:
    """Everything in `root` that can be used, and every problem of what cannot. Raises nothing for content."""
    if not root.is_dir():
        missing = f"expected a folder at {root}, got none; `cadence init` makes one"
        return Place(root, {}, {}, frozenset(), (Problem(".", None, None, missing),))
    folder = Folder(root)
    folder.refuse_code()
    cards, told = _read_cards(folder)
    rooms, broken = {}, set()
    for id, path in folder.ids("rooms", ".toml"):
        room, problems = _read_room(folder, id, path, cards)
        told += problems
        if room is None:
            broken.add(id)
        else:
            rooms[id] = room
    personas = {id: card for id, card in cards.items() if card is not None}
    models = load_cards(root)
    every = dict.fromkeys([*folder.problems, *told, *models.problems])
    return Place(root, rooms, personas, frozenset(broken), tuple(every), models.models)


def check(root: Path) -> list[Problem]:
    """Every problem of the place `root`; none means that `cadence serve` can run all of it."""
    return list(load_place(root).problems)


def _read_cards(folder: Folder) -> tuple[dict[str, Card | None], list[Problem]]:
    """Every id that has a card, None where the card is broken; and the problems of the cards."""
    cards: dict[str, Card | None] = {}
    problems: list[Problem] = []
    owners = {MEDIATOR: MEDIATOR}  # by what is heard of a name; the mediator's is taken even without a card
    for id, path in folder.ids("personas", ".md"):
        report = Report(folder.name(path))
        text = folder.text(path, CARD_BYTES_MAX, report)
        card = None if text is None else parse_card(id, text, report)
        if id in RESERVED_IDS:
            report.tell(f"expected another name for the file: the id `{id}` is the host's own")
        if card is not None:
            owner = owners.setdefault(name_key(card.name), id)
            if owner != id:
                report.tell(f"expected a name no other persona has, got that of `{owner}`", field="name")
        cards[id] = None if report.problems else card
        problems += report.all()
    return cards, problems


def _read_room(folder: Folder, id: str, path: Path, cards: dict[str, Card | None]) -> tuple[Room | None, list[Problem]]:
    """The room if all of it can be used; and the problems of its file and its script."""
    report = Report(folder.name(path))
    text = folder.text(path, ROOM_BYTES_MAX, report)
    room = None if text is None else parse_room(id, text, report)
    if room is None:
        return None, report.all()
    for member in room.members:
        if member not in cards:
            hint = f"; the nearest is `{nearest(member, cards)}`" if cards else ""
            report.tell(f"expected a card personas/{member}.md, got none{hint}", field="members")
    script_report = None
    if room.script_file is not None:
        room, script_report = _with_script(folder, room, path.parent / room.script_file, report)
    problems = report.all() + (script_report.all() if script_report else [])
    # A broken card is told once, where it is broken. Its room goes on without it, unless its script cannot.
    broken = {member for member in room.members if cards.get(member) is None}
    usable = not problems and broken.isdisjoint(line.speaker for line in room.script)
    members = tuple(member for member in room.members if member not in broken)
    return (replace(room, members=members) if usable else None), problems


def _with_script(folder: Folder, room: Room, path: Path, room_report: Report) -> tuple[Room, Report | None]:
    if not os.path.lexists(path):
        room_report.tell(f"expected a file {folder.name(path)}, got none", field="script")
        return room, None
    report = Report(folder.name(path))
    text = folder.text(path, SCRIPT_BYTES_MAX, report)
    lines = () if text is None else parse_script(text, report)
    members_are_known = not any((problem.field or "").startswith("members") for problem in room_report.problems)
    for line in lines if members_are_known else ():
        if line.speaker not in room.members:
            hint = f"; the nearest is `{nearest(line.speaker, room.members)}`" if room.members else ""
            message = f"expected a member of the room `{room.id}`, got `{line.speaker}`{hint}"
            report.tell(message, field="from", line=line.number)
    return replace(room, script=lines), report
