"""The ledger as the index needs it: every sku with its product and its stock, page by page in order.

Pages are moments of their own, and products are another moment than stock: what changed in between comes
as an event, or is held against its own sequence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.stock import Stock
from projections.ledger_pages import Product, product_pages, stock_pages
from projections.search.entry import Entry, Heard, Listing


async def ledger_entries(engine: AsyncEngine) -> AsyncIterator[dict[str, Entry]]:
    """Give the entries of all products that there were when this began, by sku. Raises Transient."""
    stocks = _Stocks(engine)
    async for products in product_pages(engine):
        listings = {product.sku: _listing(product) for product in products}
        yield _joined(listings, await stocks.up_to(products[-1].sku))


class _Stocks:
    """All stock in order of sku, read as far as it is asked for."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._pages = stock_pages(engine)
        self._read: list[Stock] = []

    async def up_to(self, sku: str) -> list[Stock]:
        """Give what has not been given yet of this sku and those before it."""
        while not self._read or self._read[-1].sku <= sku:
            page = await anext(self._pages, None)
            if page is None:
                break
            self._read += page
        given = [stock for stock in self._read if stock.sku <= sku]
        self._read = self._read[len(given) :]
        return given


def _joined(listings: dict[str, Listing], stocks: Iterable[Stock]) -> dict[str, Entry]:
    heard: dict[str, dict[str, Heard]] = {sku: {} for sku in listings}
    for stock in stocks:
        told = Heard(sequence=stock.sequence, available=stock.available)
        heard.setdefault(stock.sku, {})[stock.location] = told
    return {
        sku: Entry(sku=sku, listing=listings.get(sku), stock=places)
        for sku, places in heard.items()
    }


def _listing(product: Product) -> Listing:
    return Listing(
        version=product.version,
        title=product.title,
        price_minor=product.price_minor,
        currency=product.currency,
    )
