"""A black-box test of the protocol `cadence.v1`, for any server of any make: what `cadence conform` does.

A stranger on purpose: nothing of Cadence is imported here but its version, and what is expected is written from the
protocol's page, not from our code. A mistake in the product cannot hide behind the same mistake in its judge.

    stranger    a client that knows only the protocol and keeps a diary
    report      what was found, rule by rule
    kit         runs the checks, each with clients of its own
    entry, speaking, streams, returning, hosting, web      the checks
"""
