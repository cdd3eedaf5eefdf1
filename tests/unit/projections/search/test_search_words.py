"""What counts as one word, and as the same word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.search.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Brass Lamp", ["brass", "lamp"]),
        ("CAFÉ", ["cafe"]),
        ("Cafe\u0301", ["cafe"]),
        ("Straße", ["strasse"]),
        ("Smørrebrød", ["smorrebrod"]),
        ("İstanbul", ["istanbul"]),
        ("blue-teapot_2", ["blue", "teapot", "2"]),
        ("lamp:shade (new) *", ["lamp", "shade", "new"]),
        ("Лампа", ["лампа"]),
        ("東京 tower", ["東", "京", "tower"]),
        ("दीपक", ["दीपक"]),
        ("조명", ["조명"]),
        ("ﬁne", ["fine"]),
        ("", []),
        ('"*:()', []),
    ],
)
def test_a_text_is_its_words(text: str, expected: list[str]) -> None:
    """Case, accents and how a letter is composed do not count; scripts of other parts of the world do."""
    assert words(text) == expected


@given(st.text())
def test_words_are_words(text: str) -> None:
    """What is kept in the index and what is asked of it are read alike, whatever was typed."""
    told = words(text)
    assert words(" ".join(told)) == told


@given(st.text())
def test_case_never_counts(text: str) -> None:
    """A customer with caps lock on finds the same."""
    assert words(text.casefold()) == words(text)
