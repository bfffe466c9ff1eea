"""Who speaks in the rooms of a host: cards, scripts and the stage that plays them, minds and the company they keep."""
