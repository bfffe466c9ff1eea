"""Surgery: a compacted checkpoint from a whole one and a plan, byte range by byte range."""
