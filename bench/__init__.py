"""Benchmarks, run by hand. With one thread for matrix products, as the server has."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
