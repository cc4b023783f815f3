"""Claims about cleaned text: lower case, no accents, no stop words, stems; and never a failure."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from marquee.text import STOP_WORDS, words, words_of

ANY_TEXT = st.text() | st.text("abceéÉß'’ -.IİSs").map(str.strip) | st.sampled_from([*sorted(STOP_WORDS)])


def test_a_description_becomes_the_stems_of_what_it_says() -> None:
    assert words("The MOTHERS of Café-goers are running.") == ["mother", "cafe", "goer", "run"]


def test_the_same_word_has_one_stem_however_it_is_written() -> None:
    spellings = ("Ghosts", "ghost's", "GHOST", "ghosts’", "«ghost»", "ghöst")
    assert {tuple(words(text)) for text in spellings} == {("ghost",)}


def test_negations_and_possessives_are_stop_words_with_any_apostrophe() -> None:
    assert words("don't, won’t, it's, that´s") == []


def test_a_stem_that_is_a_stop_word_is_none() -> None:
    assert words("doings, ones, abouts") == []


def test_letters_that_have_no_accent_to_lose_become_plain_too() -> None:
    assert words("Øyvind Łódź Æon") == ["oyvind", "lodz", "aeon"]


def test_a_missing_text_has_no_words() -> None:
    assert words(None) == words("") == words(" …! ") == words("the") == []


def test_many_texts_are_cleaned_like_each_alone_and_keep_their_places() -> None:
    texts = pl.Series("description", ["Two wolves", None, "of the", "wolf, WOLF!"])
    cleaned = words_of(texts)
    assert cleaned.name == "description"
    assert cleaned.to_list() == [words(text) for text in texts] == [["wolv"], [], [], ["wolf", "wolf"]]


def test_no_texts_are_no_lists() -> None:
    assert words_of(pl.Series([], dtype=pl.String)).to_list() == []


@given(ANY_TEXT)
def test_words_are_lower_case_and_never_stop_words(text: str) -> None:
    for word in words(text):
        assert word
        assert word == word.lower()
        assert word not in STOP_WORDS


@given(ANY_TEXT)
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once
