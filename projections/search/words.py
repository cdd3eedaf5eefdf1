"""What counts as one word and as the same word, in titles and in questions alike: `Café` is `cafe`."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f]")
"""Accents, once they stand alone."""

_APART = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
"""Scripts without spaces between words: each sign is a word of its own."""

_PLAIN = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
    }
)
"""Letters that are none with an accent to Unicode, and are to whoever has no such key."""

_OF_WORDS = frozenset("LNM")
"""Letters, digits, and the marks that belong to them; all else is between words."""


def words(text: str) -> list[str]:
    """Give the words of a text in order, in lower case and without accents. No text is refused."""
    lower = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    told = unicodedata.normalize("NFC", _MARKS.sub("", lower).translate(_PLAIN))
    spaced = "".join(sign if unicodedata.category(sign)[0] in _OF_WORDS else " " for sign in told)
    return _APART.sub(r" \1 ", spaced).split()


def folded(text: str) -> str:
    """Give an id as it is looked for: in whatever case it was typed."""
    return text.strip().casefold()
