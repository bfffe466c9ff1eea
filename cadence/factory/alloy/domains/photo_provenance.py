"""The domain `photo-provenance`: from the sensor through every edit to where a picture was posted.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Any, Literal

from cadence.factory.alloy.core import Alloy, Source, Stage
from cadence.factory.alloy.domain import DOMAINS, Domain
from cadence.factory.alloy.parts import Name, Part, Text


class Capture(Stage):
    """The picture leaves the sensor. `imageHash` is the SHA-256 of its bytes."""

    type: Literal["capture"]
    sensor_id: Name | None = None
    enclave_id: Name | None = None
    image_hash: Text | None = None
    gps_hash: Text | None = None
    """A hash of the place, so that it can be proven without being told."""
    exif: dict[str, Any] | None = None
    captured_at: Text | None = None


class Edit(Stage):
    """A tool changed the picture."""

    type: Literal["edit"]
    tool: Name
    operation: Name
    parameters: dict[str, Any] = {}


class Post(Stage):
    """The picture was posted. The forge has a `publish` too, so that an alloy of both domains is refused."""

    type: Literal["publish"]
    platform: Name
    post_id: Name
    qr_embed: bool | Text | None = None


class CameraAttestation(Part):
    """What the camera's maker says about it."""

    certificate: Text
    public_key: Text
    attested_at: Text


class PhotoSource(Source):
    """The camera, as its owner names it."""

    device: Name


class PhotoAlloy(Alloy):
    """An alloy of one picture."""

    source: PhotoSource
    camera_attestation: CameraAttestation | None = None


DOMAIN = DOMAINS.register(
    Domain(
        id="photo-provenance",
        version="1.0.0",
        type_byte="0xFF",
        stages=(Capture, Edit, Post),
        root=PhotoAlloy,
        phases={"capture": "input", "publish": "delivery"},
        signers={"capture": {"device": None}, "edit": {"editor": None}, "publish": {"publisher": None}},
    )
)
