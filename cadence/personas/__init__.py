"""Who speaks in the rooms of a host: cards and scripts, and the stage that plays them as strangers would."""
