"""What a machine stands on: a database a life, its facts read back by hand, and a loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from ledger.database import engine
from ledger.posting import Ledger
from tests.copies import Copies, Database

Result = TypeVar("Result")

_FACTS = """
SELECT json_build_object(
  'stock', (SELECT json_object_agg(sku || '/' || location, json_build_array(
      sellable, reserved, sold, shipped, returned, damaged, researching, supply, adjustment, transit,
      safety_stock, feed_buffer, paused, sequence)) FROM stock WHERE sequence > 0),
  'checkouts', (SELECT json_object_agg(checkout_id, json_build_array(
      status, reservation_state, payment_state, order_state, ordinal)) FROM checkout),
  'reservations', (SELECT json_object_agg(reservation_id, json_build_array(state, extension))
      FROM reservation),
  'reservation_lines', (SELECT json_object_agg(reservation_id || '/' || sku || '/' || location, quantity)
      FROM reservation_line),
  'payments', (SELECT json_object_agg(checkout_id, json_build_array(
      state, authorized_minor, captured_minor, refunded_minor)) FROM payment),
  'refunds', (SELECT json_object_agg(checkout_id || '/' || refund_id, amount_minor) FROM refund),
  'payment_operations', (SELECT json_object_agg(key, state) FROM payment_operation),
  'order_lines', (SELECT json_object_agg(order_id || '/' || sku || '/' || location, json_build_array(
      quantity, shipped, returned, short)) FROM order_line),
  'return_lines', (SELECT json_object_agg(return_id || '/' || sku, json_build_array(
      quantity, restocked, damaged, refunded)) FROM return_line),
  'transfer_lines', (SELECT json_object_agg(transfer_id || '/' || sku, json_build_array(
      quantity, received, lost)) FROM transfer_line),
  'documents', (SELECT json_object_agg(kind || '/' || document_id, json_build_array(state, refers_to))
      FROM document),
  'reviews', (SELECT json_object_agg(review_id, json_build_array(sku, location, quantity)) FROM review),
  'notes', (SELECT json_object_agg(operation_key, text) FROM note),
  'movements', json_build_object('all', (SELECT count(*) FROM movement)),
  'operations', (SELECT json_object_agg(key, outcome IS NOT NULL) FROM operation)
)
"""


@dataclass(kw_only=True)
class Ground:
    """One database with its ledger, asked from outside any loop."""

    database: Database
    ledger: Ledger
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for the ledger."""
        return self.loop.run_until_complete(work)

    def facts(self) -> dict[str, dict[str, Any]]:
        """Read what there is, behind the ledger's back."""
        return {name: found or {} for name, found in self.database.value(_FACTS).items()}


MakeGround = Callable[[], AbstractContextManager[Ground]]


def grounds(copies: Copies, loop: asyncio.AbstractEventLoop) -> MakeGround:
    """Say how to get a fresh database a life: a copy of the template."""

    @contextmanager
    def make() -> Iterator[Ground]:
        with copies.one() as database:
            pool = engine(database.application_url, pool_size=2)
            try:
                yield Ground(database=database, ledger=Ledger(pool), loop=loop)
            finally:
                loop.run_until_complete(pool.dispose())

    return make
