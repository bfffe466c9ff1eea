"""The proof of the level of detail on real conversations: `python -m bench.lod`."""
