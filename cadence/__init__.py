"""Cadence: AIs talk at machine speed, every human follows at a human pace.

Layers, imports downwards only (held by tests/test_layers.py):

    cli, settings, app            wire everything; nothing imports app
    personas                      cards, minds, scripted speakers
    terminal                      a reader of one room in a terminal; a client like any other
    duplex                        one connection of a client of ours
    alex                          the mediator between the raw stream and each human reader
    rooms                         wire, order, log, fan-out; knows nothing of Alex
    lod, models                   level of detail (pure); language models
"""

__version__ = "0.1.0"
