"""Fuzz the alloy reader and verifier: `python -m bench.fuzz_alloys [--seconds 60]`. Needs `pip install atheris`.

Coverage-guided, from sealed alloys as seeds, against the laws in `tests/factory/alloy/laws.py`. Every second input is
an edit of the parsed value, since random bytes rarely get past the reader. Prints how many inputs were tried and what
became of them; an input that breaks a law stops it with status 77 and lies in the corpus folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

INPUT_BYTES_MAX = 32_768


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--corpus", type=Path, default=None, help="kept between runs; default: a fresh folder")
    options = arguments.parse_args()
    try:
        import atheris  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        sys.exit("expected atheris, it is not installed. pip install atheris (Linux, CPython 3.11 to 3.13)")
    with atheris.instrument_imports(include=["cadence.factory"]):
        from tests.factory.alloy import laws, signed

    corpus = options.corpus or Path(tempfile.mkdtemp(prefix="alloys-"))
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(laws.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    became: Counter[str] = Counter()
    until = time.monotonic() + options.seconds

    def one(data: bytes) -> None:
        became[laws.hold(data)] += 1
        if time.monotonic() > until:  # libFuzzer's own end gives nobody a chance to count
            print(
                f"{became.total()} inputs, no law broken: {dict(became.most_common())}; corpus in {corpus}", flush=True
            )
            os._exit(0)

    def changed(data: bytes, size_max: int, seed: int) -> bytes:
        chance = random.Random(seed)
        try:
            value = json.loads(data) if chance.random() < 0.5 else None
            is_open = isinstance(value, dict | list) and value
            edited = json.dumps(signed.edit(value, chance)[0]).encode() if is_open else b""
        except (ValueError, RecursionError):
            edited = b""
        return edited if 0 < len(edited) <= size_max else bytes(atheris.Mutate(data, size_max))

    flags = [f"-max_len={INPUT_BYTES_MAX}", "-timeout=20", "-rss_limit_mb=2048", "-len_control=0", "-verbosity=0"]
    arguments_of_libfuzzer = [sys.argv[0], *flags, f"-artifact_prefix={corpus}/broken-", str(corpus)]
    atheris.Setup(arguments_of_libfuzzer, one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
