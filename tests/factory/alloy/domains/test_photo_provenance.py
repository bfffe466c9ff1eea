"""Pictures: captured, edited, posted, and the camera's word at the root."""

from __future__ import annotations

import pytest

from cadence.factory.alloy.domains.photo_provenance import PhotoAlloy, Post
from tests.factory.alloy.examples import loaded, photo, said


def test_a_picture_is_typed_and_its_publish_is_not_the_forges() -> None:
    alloy = loaded(photo()).alloy
    assert isinstance(alloy, PhotoAlloy) and alloy.camera_attestation is not None
    assert isinstance(alloy.stages[2], Post)


@pytest.mark.parametrize("key", ["certificate", "publicKey", "attestedAt"])
def test_half_an_attestation_of_the_camera_is_none(key: str) -> None:
    value = photo()
    del value["cameraAttestation"][key]
    assert said(value) == [f"cameraAttestation.{key}: expected the key {key!r}, it is missing"]


def test_a_stage_of_the_forge_is_no_stage_of_a_picture() -> None:
    value = photo()
    value["stages"][1] = {"type": "prune", "strategy": "entropy", "level": 0.1}
    assert "belongs to the domain 'llm-forge'" in said(value)[0]
