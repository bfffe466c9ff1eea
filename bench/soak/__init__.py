"""`python -m bench.soak`: an hour of a room at half load, and whether anything grows. See `__main__`."""
