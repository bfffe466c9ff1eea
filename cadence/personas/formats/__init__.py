"""Formats of recorded talk. Each is a pure function from the lines of a file to what was said, in order.

    talk      what every format becomes, and the bounds that hold for all
    pieces    texts cut to what fits a frame
    qmsum     transcripts of meetings
    script    a room's script
    export    what `cadence export` writes
    irc       logs of IRC channels

`cadence.personas.plan` tells them apart.
"""
