"""The factory: compacts models, measures them, and attests what it did in alloys."""
