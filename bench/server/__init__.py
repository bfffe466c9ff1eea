"""`python -m bench.server`: the room server beside its peers, in one run. See `__main__`."""
