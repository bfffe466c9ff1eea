"""The tests' witness is the client that `cadence conform` judges any server with."""

from __future__ import annotations

from cadence.conform.stranger import (
    PATIENCE_S,
    Closed,
    Duplex,
    Frame,
    Place,
    Refused,
    Seen,
    Socket,
    Stranger,
    dial,
)

__all__ = [
    "PATIENCE_S",
    "Closed",
    "Duplex",
    "Frame",
    "Place",
    "Refused",
    "Seen",
    "Socket",
    "Stranger",
    "dial",
]
