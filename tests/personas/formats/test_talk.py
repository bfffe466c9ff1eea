from cadence.personas.formats.talk import GAP_SECONDS_MAX, Speakers, gap


def test_speakers_are_numbered_as_they_appear_and_stay_the_same() -> None:
    speakers = Speakers()
    assert [speakers.id(name) for name in ("Ada", "Bo", "Ada", "ada")] == [
        "speaker-1",
        "speaker-2",
        "speaker-1",
        "speaker-3",
    ]


def test_a_gap_is_that_of_the_talk_and_never_a_night() -> None:
    assert gap(None, 500.0) == 0.0
    assert gap(500.0, 507.5) == 7.5
    assert gap(500.0, 400.0) == 0.0
    assert gap(500.0, 500.0 + 8 * 3600) == GAP_SECONDS_MAX == 120.0
