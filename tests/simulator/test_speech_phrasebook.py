from frontdesk.simulator.speech.phrasebook import Phrase, Phrasebook


def test_lines_are_kept_apart_by_speaker() -> None:
    """A bot is never taken for a person: each side's listener knows the other side's lines only."""
    book = Phrasebook()
    book.add_person_lines(["Yes please."], "en-us", 160)
    book.add_bot_line("How can I help you?", "en-us+f3", 165)
    assert book.person_phrases() == (Phrase("Yes please.", "en-us", 160),)
    assert book.bot_phrases() == (Phrase("How can I help you?", "en-us+f3", 165),)


def test_the_oldest_lines_are_forgotten() -> None:
    """Beyond its limit the book forgets what was said longest ago; what is said again stays."""
    book = Phrasebook(limit=2)
    for text in ("one", "two", "one", "three"):
        book.add_bot_line(text, "en-us", 160)
    assert [phrase.text for phrase in book.bot_phrases()] == ["one", "three"]


def test_what_cannot_be_spoken_is_not_a_phrase() -> None:
    """Empty lines and bare punctuation are left out; white space does not make another phrase."""
    book = Phrasebook()
    book.add_person_lines(["", " ... ", "Yes  please.\n", "Yes please."])
    assert [phrase.text for phrase in book.person_phrases()] == ["Yes please."]
