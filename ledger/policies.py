"""What a shop decides about its products and locations: each put compares and sets under the row's lock.

A put has no business key. Repeated, it changes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import outbox
from ledger.commands import ChangePause
from ledger.errors import Refused
from ledger.posting import post_in
from ledger.rules.stock import LOCATION_DISABLED
from ledger.traces import TRACEPARENT
from ledger.transactions import in_transaction

PAUSES_AT_ONCE = 200
"""Rows of a location that one transaction locks: a large warehouse must not stop the sales of all."""


class Put(StrEnum):
    """What a put did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is sold under a sku. `price_minor` is per unit; None is no limit."""

    sku: str
    title: str
    price_minor: int
    currency: str
    limit_per_customer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where stock lies: a warehouse, or a seller's own. The lowest priority number serves first."""

    location: str
    kind: str
    seller: str | None
    reports: str
    priority: int
    enabled: bool


# WHERE with IS DISTINCT FROM: no new version, and so no event, where nothing differs.
_PUT_PRODUCT = text("""
INSERT INTO product AS p (sku, title, price_minor, currency, limit_per_customer)
VALUES (:sku, :title, :price_minor, :currency, :limit_per_customer)
ON CONFLICT (sku) DO UPDATE
SET title = excluded.title, price_minor = excluded.price_minor, currency = excluded.currency,
    limit_per_customer = excluded.limit_per_customer, version = p.version + 1,
    updated_at = clock_timestamp()
WHERE (p.title, p.price_minor, p.currency, p.limit_per_customer)
   IS DISTINCT FROM (excluded.title, excluded.price_minor, excluded.currency, excluded.limit_per_customer)
RETURNING version, updated_at
""")

_PRODUCT_EVENT = text(f"""
WITH written AS (
  INSERT INTO outbox (subject, sequence, shard, type, version, payload, recorded_at, traceparent)
  VALUES (:subject, :sequence, :shard, :type, :version, CAST(:payload AS json), :recorded_at, :traceparent)
)
SELECT pg_notify('{outbox.CHANNEL}', '')
""")  # noqa: S608 - a constant of ours

# FOR UPDATE, which waits for whoever is just making the first row of a sku here: an insert into stock
# holds the location's key. So that row is seen below, or is born with the location's new state.
_LOCK_LOCATION = text("SELECT location FROM location WHERE location = :location FOR UPDATE")

_PUT_LOCATION = text("""
INSERT INTO location AS l (location, kind, seller, reports, priority, enabled)
VALUES (:location, :kind, :seller, :reports, :priority, :enabled)
ON CONFLICT (location) DO UPDATE
SET kind = excluded.kind, seller = excluded.seller, reports = excluded.reports,
    priority = excluded.priority, enabled = excluded.enabled, updated_at = clock_timestamp()
WHERE (l.kind, l.seller, l.reports, l.priority, l.enabled)
   IS DISTINCT FROM (excluded.kind, excluded.seller, excluded.reports, excluded.priority, excluded.enabled)
RETURNING location
""")

# FOR SHARE: puts of this location wait, so the pauses of one group all follow one state of it.
_ENABLED = text("SELECT enabled FROM location WHERE location = :location FOR SHARE")

_AT_ODDS = text("""
SELECT sku FROM stock
WHERE location = :location AND (:reason = ANY(paused)) = :enabled
ORDER BY sku
LIMIT :at_once
""")


async def put_product(engine: AsyncEngine, product: Product) -> Put:
    """Create or change a product, and write its event where anything changed. Raises Transient."""

    async def work(connection: AsyncConnection) -> Put:
        written = (await connection.execute(_PUT_PRODUCT, asdict(product))).one_or_none()
        if written is None:
            return Put.UNCHANGED
        await connection.execute(_PRODUCT_EVENT, _product_event(product, written))
        return Put.CREATED if written.version == 1 else Put.CHANGED

    return await in_transaction(engine, work)


async def put_location(engine: AsyncEngine, location: Location, actor: str) -> Put:
    """Create or change a location; disabling pauses all its rows, and enabling resumes them.

    The rows follow in groups after the location itself. Cut short, a repeated put finishes the work.
    Raises Transient; Refused `seller-has-location`.
    """

    async def work(connection: AsyncConnection) -> Put:
        named = {"location": location.location}
        existed = (await connection.execute(_LOCK_LOCATION, named)).one_or_none()
        written = (await connection.execute(_PUT_LOCATION, asdict(location))).one_or_none()
        if written is None:
            return Put.UNCHANGED
        return Put.CHANGED if existed else Put.CREATED

    try:
        put = await in_transaction(engine, work)
    except IntegrityError as error:
        if _constraint(error) != "location_one_per_seller":
            raise
        raise Refused("seller-has-location", seller=location.seller) from error
    while await _pause_group(engine, location.location, actor):
        pass
    return put


async def _pause_group(engine: AsyncEngine, location: str, actor: str) -> bool:
    """Bring some rows in step with their location; tell whether there may be more."""

    async def work(connection: AsyncConnection) -> bool:
        named = {"location": location}
        enabled = (await connection.execute(_ENABLED, named)).scalar_one()
        wanted = {"reason": LOCATION_DISABLED, "enabled": enabled, "at_once": PAUSES_AT_ONCE}
        skus = list((await connection.execute(_AT_ODDS, {**named, **wanted})).scalars())
        pauses = [
            ChangePause(
                actor=actor,
                sku=sku,
                location=location,
                reason=LOCATION_DISABLED,
                paused=not enabled,
            )
            for sku in skus
        ]
        if pauses:
            for answer in await post_in(connection, pauses):
                answer.accepted()
        return len(skus) == PAUSES_AT_ONCE

    return await in_transaction(engine, work)


def _product_event(product: Product, written: Any) -> dict[str, Any]:
    payload = {**asdict(product), "version": written.version, "recorded_at": written.updated_at}
    return {
        "subject": product.sku,
        "sequence": written.version,
        "shard": outbox.shard(product.sku),
        "type": outbox.PRODUCT_CHANGED,
        "version": outbox.version_of(outbox.PRODUCT_CHANGED),
        "payload": orjson.dumps(payload).decode(),
        "recorded_at": written.updated_at,
        "traceparent": TRACEPARENT.get(),
    }


def _constraint(error: IntegrityError) -> str | None:
    diagnostic = getattr(error.orig, "diag", None)
    name: str | None = getattr(diagnostic, "constraint_name", None)
    return name
