"""Alloys: one JSON document that is recipe, report and proof at once. `docs/alloys.md` explains them to readers."""
