"""What is found, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.search.asking import WORDS_MOST, Band
from projections.search.entry import Entry, Heard
from tests.unit.projections.search.shelf import Shelf, product

CATALOGUE = (
    product("brass-lamp", "Brass lamp", price_minor=4_900),
    product("LAMP", "Lamp", price_minor=999),
    product("lamp-shade", "Shade of brass for a lamp", available=0, price_minor=2_500),
    product("ramp", "Ramp"),
    product("teapot", "Blue teapot"),
    product("tea", "Tea", currency="JPY", price_minor=1_000),
    product("cafe", "Café noir"),
    product("machine", "Chocolate machine", currency="USD", price_minor=99_999_999),
    product("size-38", "Shoe 1038"),
    product("size-39", "Shoe 1039"),
    product("X9-B", "Saucer"),
    Entry(sku="unborn", stock={"BER1": Heard(sequence=1, available=5)}),
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Give an index of the catalogue."""
    return Shelf.of(tmp_path_factory.mktemp("search"), CATALOGUE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lamp", ["LAMP", "brass-lamp", "lamp-shade", "ramp"]),
        ("brass lamp", ["brass-lamp", "lamp-shade"]),
        ("lamp brass", ["brass-lamp", "lamp-shade"]),
        ("lmap", ["LAMP", "brass-lamp", "lamp-shade"]),
        ("tea", ["tea", "teapot"]),
        ("te", ["tea", "teapot"]),
        ("teapto", ["teapot"]),
        ("choclate mashine", ["machine"]),
        ("chocolta machien", ["machine"]),
        ("choclat", []),
        ("chocolate ma", ["machine"]),
        ("cafe", ["cafe"]),
        ("CAFÉ NOIR", ["cafe"]),
        ("size-38", ["size-38"]),
        ("SIZE-38", ["size-38"]),
        ("x9-b", ["X9-B"]),
        (" X9-B ", ["X9-B"]),
        ("1038", ["size-38"]),
        ("shoe 103", ["size-38", "size-39"]),
        ("lamp teapot", []),
        ("unborn", []),
        ("***", []),
    ],
)
def test_a_text_finds(shelf: Shelf, text: str, expected: list[str]) -> None:
    """Words in any order, accents, typos, a word begun, a sku; and what nobody has heard of is not found."""
    assert shelf.skus(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_text_finds_everything_by_sku(shelf: Shelf, text: str) -> None:
    """A catalogue without a question is a list."""
    assert shelf.skus(text) == sorted(entry.sku for entry in CATALOGUE if entry.listing)


def test_a_typo_comes_after_what_was_typed(shelf: Shelf) -> None:
    """Whoever types `ramp` wants no lamp first."""
    assert shelf.skus("ramp")[0] == "ramp"
    assert set(shelf.skus("ramp")) == set(shelf.skus("lamp"))


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"in_stock": True}, ["LAMP", "brass-lamp", "ramp"]),
        ({"in_stock": False}, ["lamp-shade"]),
        ({"currency": "USD"}, []),
        ({"currency": "EUR", "price_min": 999, "price_max": 2_500}, ["LAMP", "lamp-shade"]),
        ({"currency": "EUR", "price_min": 4_901}, []),
        ({"currency": "EUR", "price_max": 998}, []),
    ],
)
def test_filters_take_away(shelf: Shelf, wish: dict[str, object], expected: list[str]) -> None:
    """Both ends of a price are in it. What is counted is what is left."""
    assert shelf.skus("lamp", **wish) == expected
    assert shelf.find("lamp", **wish).total == len(expected)


def test_facets_count_all_that_the_text_finds(shelf: Shelf) -> None:
    """Not only what is on the page, and not only what is left after filters."""
    facets = shelf.find("lamp", in_stock=True, limit=1).facets
    assert (facets.in_stock, facets.sold_out) == (3, 1)
    assert facets.currencies == {"EUR": 4}
    assert facets.bands == {
        "EUR": [
            Band(start=0, end=1_000, count=1),
            Band(start=2_500, end=5_000, count=3),
        ]
    }


def test_a_band_begins_at_its_price(shelf: Shelf) -> None:
    """A thousand yen is in the second band, and the dearest product in the last, which has no end."""
    bands = shelf.find().facets.bands
    assert bands["JPY"] == [Band(start=1_000, end=2_500, count=1)]
    assert bands["USD"] == [Band(start=10_000_000, end=None, count=1)]


@pytest.mark.parametrize("text", ["", "lamp", "shoe", "choclate"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_put_together_are_the_whole(shelf: Shelf, text: str, limit: int) -> None:
    """Nothing is shown twice or left out, wherever a page ends."""
    whole = shelf.skus(text, limit=100)
    pages = [shelf.skus(text, limit=limit, offset=offset) for offset in range(0, len(whole), limit)]
    assert [sku for page in pages for sku in page] == whole
    assert shelf.skus(text, limit=limit, offset=len(whole)) == []
    assert shelf.find(text, limit=limit).total == len(whole)


def test_order_does_not_come_from_the_disk(tmp_path: Path) -> None:
    """Another writing order and other segments; every process must answer alike."""
    lamps = [product(f"lamp-{number:02}", "Lamp of brass") for number in range(30)]
    one = Shelf.of(tmp_path / "one", lamps)
    other = Shelf.of(tmp_path / "other", lamps[::-1])
    for number in range(0, 30, 4):
        writer = other.indexes.writer(1)
        writer.put(lamps[number : number + 2])
        writer.commit()
        writer.close()
    assert one.skus("brass", limit=7, offset=5) == other.skus("brass", limit=7, offset=5)
    assert one.find("brass").facets == other.find("brass").facets
    assert other.find("brass").total == 30
    assert one.skus("brass", limit=7, offset=5) == [f"lamp-{number:02}" for number in range(5, 12)]


QUOTES = st.sampled_from(
    ["title:lamp", '"lamp', "lamp~2", "lamp^9", "[a TO z]", "(lamp", "-lamp", "*", "\\", "/.*/"]
)
HOSTILE = st.text(max_size=200) | st.lists(QUOTES, max_size=20).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=HOSTILE, in_stock=st.none() | st.booleans(), limit=st.integers(1, 100))
def test_no_text_is_too_strange(shelf: Shelf, text: str, in_stock: bool | None, limit: int) -> None:
    """Whatever is typed finds something or nothing, and is never syntax."""
    page = shelf.find(text[:200], in_stock=in_stock, limit=limit)
    assert len(page.entries) == min(limit, page.total)
    assert all(entry.listing is not None for entry in page.entries)


@pytest.mark.parametrize("sign", list("\"'*:()[]{}~^+-!&|\\/?<>=,;@#$%"))
def test_signs_are_no_syntax(shelf: Shelf, sign: str) -> None:
    """Around a word they are as if they were not there."""
    assert shelf.skus(f"{sign}lamp{sign}") == shelf.skus("lamp")


def test_the_first_sixteen_words_count(tmp_path: Path) -> None:
    """Whoever pastes a paragraph finds what its beginning says."""
    title = "one two three four five six seven ate nine ten and so on until here now"
    long = Shelf.of(tmp_path, [product("long", title)])
    assert len(title.split()) == WORDS_MOST
    assert long.skus(f"{title} nonsense") == ["long"]
    assert long.skus(f"nonsense {title}") == []


def test_the_longest_question_is_answered(shelf: Shelf) -> None:
    """Sixteen words are looked for, and no more: each costs a walk through all words of the index."""
    many = " ".join("abcdefghi"[: 1 + number % 9] + str(number) for number in range(60))[:200]
    assert shelf.skus(many) == []
    lamp = " ".join(["lamp"] * 40)
    assert shelf.skus(lamp) == shelf.skus("lamp")
