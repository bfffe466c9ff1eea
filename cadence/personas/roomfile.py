"""Room files: what a room is called, who is in it, how it is read unless a reader says otherwise.

A room is `rooms/ID.toml`; the stem is its id, [a-z0-9_-]{1,64}.

    title = "The appointment ledger"
    members = ["mira", "jon"]
    script = "ledger.script.jsonl"

    [view]
    cadence_s = 8

| key | | |
|---|---|---|
| `title` | required | 1 to 100 characters |
| `scope` | optional | where the room lies: ids from the widest inwards, `north/house-2` |
| `pods` | optional | at most 64 ids of groups within the room |
| `[at]` | optional | where pods stand, `pod = [x, y]` in metres |
| `table_radius_m` | optional | how many metres count as one step, 0.1 to 100 (1.5) |
| `members` | optional | at most 500 ids of personas, each a card `personas/ID.md`; never `alex` |
| `script` | optional | name of a file beside the room file, `ID.script.jsonl`; its speakers are members |
| `public` | optional | false hides the room from those who are not in it (true) |
| `[view]` | optional | defaults of its readers: mode, cadence_s, pace_wpm, sigma, focus, interests, whisper, auto |

Pure: text in, room and problems out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated

from msgspec import Meta, Struct

from cadence.fields import ID_PATTERN, Id, Report, brief, nearest, parse_toml, read
from cadence.lod.scopes import TABLE_RADIUS_M, Floor, Point
from cadence.personas.cards import MEDIATOR, name_complaint
from cadence.personas.script import Line
from cadence.rooms.wire import ViewPatch

ROOM_BYTES_MAX = 64 * 1024
MEMBERS_MAX = 500
PODS_MAX = 64
SCOPE_LEVELS_MAX = 8
FLOOR_METRES_MAX = 10_000.0
_TITLE = "a string of 1 to 100 characters"
_SCOPE = "ids joined by slashes, such as north/house-2"
_POINT = "two numbers [x, y], in metres"
_SCRIPT = "the name of a .jsonl file beside the room file, without a folder"


@dataclass(frozen=True, slots=True)
class Room:
    """A room as its file says. `script` holds the lines themselves, once the place has read them."""

    id: str
    title: str
    scope: str = ""
    pods: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    script_file: str | None = None
    public: bool = True
    view: ViewPatch = field(default_factory=ViewPatch)
    at: tuple[tuple[str, Point], ...] = ()
    table_radius_m: float = TABLE_RADIUS_M
    script: tuple[Line, ...] = ()

    @property
    def floor(self) -> Floor:
        """The pods and where they stand."""
        return Floor(self.pods, dict(self.at), self.table_radius_m)


class _Fields(Struct, frozen=True):
    title: Annotated[str, Meta(min_length=1, max_length=100, description=_TITLE)]
    scope: Annotated[str, Meta(max_length=400, pattern=f"^({ID_PATTERN}(/{ID_PATTERN})*)?\\Z", description=_SCOPE)] = ""
    pods: Annotated[tuple[Id, ...], Meta(max_length=PODS_MAX)] = ()
    members: Annotated[tuple[Id, ...], Meta(max_length=MEMBERS_MAX)] = ()
    script: Annotated[str, Meta(pattern=r"^[^/\\\x00]{1,200}\.jsonl\Z", description=_SCRIPT)] | None = None
    public: bool = True
    view: ViewPatch = ViewPatch()
    at: dict[str, Annotated[tuple[float, float], Meta(description=_POINT)]] = {}
    table_radius_m: Annotated[float, Meta(ge=0.1, le=100.0)] = TABLE_RADIUS_M


def parse_room(id: str, text: str, report: Report) -> Room | None:
    """The room in `text`, without its script's lines; every problem is told to `report`.

    None if not even the title can be read. A room with problems is returned so that its members and its script
    can be checked too, and must not be used.
    """
    report.source = text
    table = parse_toml(text.removeprefix("\ufeff"), report)
    if table is None:
        return None
    fields = read(_Fields, table, report)
    if fields is None:
        return None
    complaint = name_complaint(fields.title)
    if complaint:
        report.tell(complaint.replace("name", "title"), field="title")
    for key, ids in (("pods", fields.pods), ("members", fields.members)):
        for twice in dict.fromkeys(id for n, id in enumerate(ids) if id in ids[:n]):
            report.tell(f"expected each id once, got `{twice}` more than once", field=key)
    if MEDIATOR in fields.members:
        report.tell(f"`{MEDIATOR}` mediates for each reader and is never a member: leave it out", field="members")
    return Room(
        id,
        fields.title,
        fields.scope,
        fields.pods,
        fields.members,
        fields.script,
        fields.public,
        fields.view,
        _points(fields, report),
        fields.table_radius_m,
    )


def _points(fields: _Fields, report: Report) -> tuple[tuple[str, Point], ...]:
    """Where pods stand; only pods of the room do, and only somewhere."""
    for pod, point in fields.at.items():
        if pod not in fields.pods:
            report.tell(_no_pod(pod, fields.pods), field=f"at.{pod[:64]}")
        elif not all(isfinite(metres) and abs(metres) <= FLOOR_METRES_MAX for metres in point):
            report.tell(f"expected metres within {FLOOR_METRES_MAX:g}, got {brief(point)}", field=f"at.{pod}")
    focus = fields.view.focus
    if focus and focus.pod and focus.pod not in fields.pods:
        report.tell(_no_pod(focus.pod, fields.pods), field="view.focus.pod")
    depth = fields.scope.count("/") + 1
    if depth > SCOPE_LEVELS_MAX:
        report.tell(f"expected at most {SCOPE_LEVELS_MAX} levels, got {depth}", field="scope")
    return tuple(fields.at.items())


def _no_pod(pod: str, pods: tuple[str, ...]) -> str:
    hint = f"; the nearest is `{nearest(pod, pods)}`" if pods else ""
    return f"expected a pod of the room, got `{pod[:64]}`{hint}"
