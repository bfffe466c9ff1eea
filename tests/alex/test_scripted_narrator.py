from __future__ import annotations

from cadence.alex.grounding import check
from cadence.alex.prompts import claims_of, retelling
from cadence.alex.scripted_narrator import retell_plainly
from tests.alex.grounds import CACHE, NAMES, ground, source


def test_it_retells_the_beginnings_within_the_words_and_leaves_out_what_it_could_get_wrong() -> None:
    lines = [
        source(),
        source("I will not restart it.", "pell", 2),
        source("Does it restart?", "pell", 3),
        source("The second log is flushed every minute now.", "odile", 4),
        source(CACHE, "pell", 5),
    ]
    call = retelling("", lines, (), 24, names=NAMES, pronouns={})
    claims = claims_of(retell_plainly(call))
    assert [claim.sources for claim in claims] == [(1,), (4,)]
    assert claims[0].text == "Vera says the cache loses about forty writes whenever the second."
    assert check(claims, ground(*lines, words_max=24)).held
