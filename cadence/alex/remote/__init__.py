"""Mediation in processes of its own, so that no look of Alex ever stands between a message and who reads it raw.

    peer        calls and casts between two ends of a line
    line        the line: a private pair of sockets
    worker      the far end: a `Driver` that believes it lives in the server
    proxy       the near end: a `Mediation` whose work is done elsewhere, for some of the readers
    near        what that needs of the server it is in
    attendance  who is here, and whom the worker has yet to give away to another server
    guard       the log as the worker reaches it, which takes nothing for those
    rawness     who reads raw meanwhile, and is handed everything here
    turns       what readers are shown, on its way into the log and to them
    narrator    the model of Alex, asked in the server
    mediators   all of them: who mediates whom, and what happens when one dies

The near end decides alone, at once, whom a message reaches raw, as every message passes there: agents, and readers
whose mode is raw. All else a reader gets comes from the far end. What was withheld while a reader's mode changed
to raw is handed out by the near end, which keeps what the far end has not heard yet.
"""
