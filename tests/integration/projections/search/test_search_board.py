"""The search as a noticeboard: filled, followed, compared and taken away."""

from __future__ import annotations

import asyncio
import shutil
from random import Random

import pytest
from pydantic import BaseModel

from events.reading import Event
from ledger.errors import Transient
from projections import ledger_pages
from projections.search.entry import Entry, Heard
from projections.search.index import Indexes, Writer
from tests.integration.projections.search.conftest import Searched
from tests.unit.ledger import cast
from tests.unit.ledger.cast import BERLIN, LAMP, MUNICH, RUG, TEAPOT
from tests.unit.projections.search.shelf import event, listed, product, stocked


async def busy_day(searched: Searched) -> None:
    """Let a few things happen to each product."""
    shop = searched.shop
    await shop.stocked(3)
    await shop.stocked(1, RUG)
    await shop.stocked(2, LAMP, MUNICH)
    await shop.opened("co_ada", "co_ben")
    await shop.tell(cast.reserve("co_ada"), cast.reserve("co_ben"))
    await shop.tell(cast.pause(), cast.release("co_ada"))


async def test_it_is_filled_as_the_ledger_is(searched: Searched) -> None:
    """Products and what may be sold of them, also of those that nobody ever received."""
    await busy_day(searched)
    told: list[tuple[int, int]] = []
    number = await searched.begin()
    await searched.search.build(number, lambda done, of: told.append((done, of)))
    assert searched.skus(number) == [TEAPOT, LAMP, RUG]
    assert searched.skus(number, in_stock=True) == [LAMP, RUG]
    assert searched.skus(number, "bras lmap") == [LAMP]
    assert told == [(3, 3)]
    assert (await searched.compared(number)).differences == ()


@pytest.mark.parametrize("page", [1, 2, 5])
async def test_pages_of_any_size_fill_it_alike(
    searched: Searched, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """Where pages of products and pages of stock end has nothing to do with each other."""
    await busy_day(searched)
    whole = searched.kept(await searched.begin())
    monkeypatch.setattr(ledger_pages, "PAGE", page)
    number = await searched.begin()
    assert searched.kept(number) == whole
    assert (await searched.compared(number)).equal


async def test_events_make_what_filling_makes(searched: Searched) -> None:
    """In any order, twice, in batches cut anywhere: byte for byte."""
    empty = await searched.begin()
    # Known before anything was received: the events alone must do.
    await busy_day(searched)
    filled = searched.kept(await searched.begin())
    random = Random(7)
    for _ in range(3):
        told = [*searched.events()] * 2
        random.shuffle(told)
        while told:
            cut = random.randint(1, len(told))
            await searched.search.apply(empty, told[:cut])
            told = told[cut:]
        assert searched.kept(empty) == filled
        await searched.search.build(empty, lambda _done, _of: None)
    assert (await searched.compared(empty)).equal


async def test_stock_of_what_nobody_has_heard_of_is_found_once_it_is(searched: Searched) -> None:
    """Events of a product and of its stock have no order between them."""
    number = await searched.begin()
    await searched.shop.offers("tin-cup")
    await searched.shop.stocked(4, "tin-cup")
    born, received = searched.events()[-2:]
    await searched.search.apply(number, [received])
    assert "tin-cup" not in searched.skus(number)
    assert (await searched.compared(number)).equal
    await searched.search.apply(number, [born])
    assert searched.skus(number, "tin cup", in_stock=True) == ["tin-cup"]


async def test_it_is_made_anew_while_the_ledger_changes(searched: Searched) -> None:
    """What changes while it is filled comes as events, and it is right at any moment after them."""
    await busy_day(searched)
    over = asyncio.Event()

    async def sell() -> None:
        for number in range(20):
            await searched.shop.offers(f"new-{number}")
            await searched.shop.stocked(1, f"new-{number}")
            await searched.shop.stocked(1)
        over.set()

    selling = asyncio.create_task(sell())
    while not over.is_set():
        number = await searched.begin()
        await searched.search.apply(number, searched.events())
        assert (await searched.compared(number)).differences == ()
        await searched.search.drop(number)
    await selling
    number = await searched.begin()
    await searched.search.apply(number, searched.events())
    assert (await searched.compared(number)).differences == ()
    assert len(searched.skus(number)) == 20
    assert searched.kept(number) == searched.kept(await searched.begin())


async def test_an_older_listing_is_right_as_long_as_it_once_was(searched: Searched) -> None:
    """An index that is late is not wrong; one that says what never was is."""
    number = await searched.begin()
    searched.shop.database.run("UPDATE product SET version = 2, title = 'Sconce'")
    assert (await searched.compared(number)).equal
    put(searched, number, product(LAMP, "Never called so"))
    found = await searched.compared(number)
    assert f"{LAMP} is not listed as it was in version 1" in found.differences


def put(searched: Searched, number: int, *entries: Entry, fresh: bool = False) -> None:
    """Write into the index behind everybody's back."""
    writer = searched.search.indexes.writer(number)
    writer.put(entries, fresh=fresh)
    writer.commit()
    writer.close()


async def spoilt(searched: Searched, number: int, how: str) -> None:
    """Make it wrong."""
    look = searched.search.indexes.reader(number).look()
    (lamp,) = look.entries([LAMP])[LAMP]
    listing = lamp.listing
    assert listing is not None
    more = {BERLIN: Heard(sequence=1, available=9)}
    match how:
        case "number":
            put(searched, number, Entry(sku=LAMP, listing=listing, stock=more))
        case "sequence":
            stock = {BERLIN: Heard(sequence=99, available=3)}
            put(searched, number, Entry(sku=LAMP, listing=listing, stock=stock))
        case "listing":
            put(searched, number, product(LAMP, "Sconce"))
        case "location":
            put(searched, number, Entry(sku=LAMP, listing=listing))
        case "twice":
            put(searched, number, lamp, fresh=True)
        case "stranger":
            put(searched, number, product("never-was"))
        case "flag":
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Entry, "in_stock", property(lambda _entry: False))
                put(searched, number, lamp)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("number", f"{LAMP} at {BERLIN} is 9, and was 3 at sequence 1"),
        ("sequence", f"{LAMP} at {BERLIN} has sequence 99, which the ledger does not know"),
        ("listing", f"{LAMP} is not listed as in version 1, the ledger's"),
        ("location", f"{LAMP}/{BERLIN} is not there"),
        ("twice", f"{LAMP} is there twice"),
        ("stranger", "1 entries are of no sku of the ledger"),
        ("flag", f"{LAMP} is filtered by what it does not say"),
    ],
)
async def test_what_is_wrong_is_told(searched: Searched, how: str, told: str) -> None:
    """Each kind of fault, planted alone."""
    await searched.shop.stocked(3)
    number = await searched.begin()
    assert (await searched.compared(number)).equal
    await spoilt(searched, number, how)
    found = await searched.compared(number)
    assert told in found.differences
    assert not found.equal


async def test_a_missing_product_is_told(searched: Searched) -> None:
    """One that the ledger had when the index was begun; a younger one is on its way."""
    await searched.shop.offers("tin-cup")
    number = await searched.begin()
    await searched.shop.offers("tin-plate")
    assert (await searched.compared(number)).equal
    writer = searched.search.indexes.begin(number)
    writer.commit()
    writer.sign()
    writer.close()
    found = await searched.compared(number)
    assert found.differences == tuple(
        f"{sku} is not there" for sku in sorted([LAMP, RUG, TEAPOT, "tin-cup"])
    )
    assert found.entries == 0


async def test_what_cannot_be_heeded_changes_nothing(searched: Searched) -> None:
    """The batch is refused as a whole, with an error that is no Transient: its poison will be found."""

    class Other(BaseModel):
        sku: str = LAMP

    number = await searched.begin()
    before = searched.kept(number)
    poison = Event(id="x", kind="Other", subject=LAMP, sequence=9, payload=Other())
    with pytest.raises(TypeError):
        await searched.search.apply(number, [event(listed(LAMP, 9)), poison])
    assert searched.kept(number) == before


async def test_a_disk_that_fails_is_no_poison(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events wait until it is there again. Nothing of the batch is kept, and the directory is free."""
    number = await searched.begin()

    def full(_writer: Writer) -> None:
        raise Transient("index-damaged")

    told = [event(stocked(LAMP, BERLIN, 1, 4))]
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "commit", full)
        with pytest.raises(Transient):
            await searched.search.apply(number, told)
    assert searched.skus(number, in_stock=True) == []
    await searched.search.apply(number, told)
    assert searched.skus(number, in_stock=True) == [LAMP]


async def test_a_lost_volume_is_noticed(searched: Searched) -> None:
    """Events wait, a comparison says so, and whoever keeps it can ask and make it again."""
    number = await searched.begin()
    assert await searched.search.intact(number)
    shutil.rmtree(searched.search.indexes.directory)
    assert not await searched.search.intact(number)
    with pytest.raises(Transient):
        await searched.search.apply(number, [event(listed(LAMP, 9))])
    assert (await searched.compared(number)).differences == ("the index cannot be read",)
    assert not searched.search.indexes.path(number).exists()
    assert await searched.search.intact(await searched.begin())


async def test_it_is_dropped_once_and_again(searched: Searched) -> None:
    """The second time there is nothing."""
    number, other = await searched.begin(), await searched.begin()
    await searched.search.drop(number)
    await searched.search.drop(number)
    assert not searched.search.indexes.path(number).exists()
    assert await searched.search.intact(other)


async def test_two_indexers_take_turns(searched: Searched) -> None:
    """They are meant to be one; where they are two for a while, nothing is lost and nothing wrong."""
    await busy_day(searched)
    number = await searched.begin()
    filled = searched.kept(number)
    await searched.search.build(number, lambda _done, _of: None)
    told = searched.events()
    another = type(searched.search)(
        searched.search.engine, Indexes(searched.search.indexes.directory)
    )
    await asyncio.gather(
        *(searched.search.apply(number, told[at : at + 3]) for at in range(0, len(told), 3)),
        *(another.apply(number, told[at : at + 2]) for at in range(0, len(told), 2)),
    )
    assert searched.kept(number) == filled
