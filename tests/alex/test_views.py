from __future__ import annotations

import pytest

from cadence.alex import views
from cadence.rooms.wire import Focus, Member, View, ViewPatch, ViewRequest, WireError

READER = Member("ada", "Ada", "human")
HOST = Member("host", "Host", "human", "host")


def refusal(request: ViewRequest, by: Member = READER, locked: tuple[str, ...] = ()) -> tuple[str, str | None]:
    with pytest.raises(WireError) as caught:
        views.check(request, by, locked)
    return caught.value.code, caught.value.field


def test_what_was_set_wins_over_the_room_and_the_room_over_the_protocol() -> None:
    view = views.resolve(ViewPatch(cadence_s=8.0, sigma=2.0), ViewPatch(sigma=0.5))
    assert view == View(cadence_s=8.0, sigma=0.5)


def test_merging_keeps_what_the_newer_patch_does_not_set() -> None:
    assert views.merged(ViewPatch(cadence_s=8.0, sigma=2.0), ViewPatch(sigma=1.0)) == ViewPatch(
        cadence_s=8.0, sigma=1.0
    )


def test_a_join_ignores_locked_and_unoffered_fields() -> None:
    patch = ViewPatch(cadence_s=9.0, sigma=2.0, focus=Focus(room="elsewhere"))
    assert views.acceptable(patch, "lab", ["sigma"]) == ViewPatch(cadence_s=9.0)


def test_only_hosts_set_the_view_of_others_and_lock_fields() -> None:
    assert refusal(ViewRequest(room="lab", participant="bob", cadence_s=9.0)) == ("forbidden", "participant")
    assert refusal(ViewRequest(room="lab", lock=("mode",))) == ("forbidden", "lock")
    views.check(ViewRequest(room="lab", participant="bob", cadence_s=9.0, lock=("cadence_s",)), HOST, ())


def test_a_locked_field_is_refused_by_name_to_readers_and_not_to_hosts() -> None:
    request = ViewRequest(room="lab", sigma=1.0, cadence_s=9.0)
    assert refusal(request, locked=("cadence_s",)) == ("forbidden", "cadence_s")
    views.check(request, HOST, ("cadence_s",))


def test_only_fields_of_a_view_can_be_locked() -> None:
    assert refusal(ViewRequest(room="lab", lock=("colour",)), HOST) == ("bad_field", "lock")


def test_what_is_not_offered_yet_is_unavailable() -> None:
    assert refusal(ViewRequest(room="lab", focus=Focus(room="hall"))) == ("unavailable", "focus.room")
    views.check(ViewRequest(room="lab", focus=Focus(room="lab", follow=("vera",))), READER, ())


def test_the_patch_of_a_request_has_its_view_fields_only() -> None:
    assert views.patch_of(ViewRequest(room="lab", ref="r", sigma=2.0, lock=())) == ViewPatch(sigma=2.0)
