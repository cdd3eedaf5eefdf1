"""What customers claim of skus that are limited: over all their checkouts, held, being paid for and bought."""

from __future__ import annotations

from sqlalchemy import text

from ledger.commands import Needs
from ledger.statements import Statements
from ledger.world import World

# A re-acquired reservation is not the customer's second helping; a cancelled order gives back, and so does
# what was not found.
_CLAIMED = text("""
SELECT customer_id, sku, sum(quantity) AS quantity
FROM (
  SELECT r.customer_id, l.sku, l.quantity
  FROM reservation r
  JOIN reservation_line l USING (reservation_id)
  JOIN checkout c USING (checkout_id)
  WHERE r.customer_id = ANY(:customers)
    AND r.state IN ('held', 'committing', 'confirmed')
    AND c.order_state <> 'cancelled'
    AND l.sku = ANY(:skus)
  UNION ALL
  SELECT c.customer_id, l.sku, -l.short
  FROM (
    SELECT DISTINCT checkout_id FROM reservation
    WHERE customer_id = ANY(:customers) AND state = 'confirmed'
  ) AS r
  JOIN checkout c USING (checkout_id)
  JOIN order_line l ON l.order_id = c.checkout_id
  WHERE c.order_state <> 'cancelled' AND l.short > 0 AND l.sku = ANY(:skus)
) AS claims
GROUP BY customer_id, sku
""")


async def load_claims(statements: Statements, world: World, needs: Needs) -> None:
    """Count what these customers claim of the skus that have a limit, after the rows are locked."""
    limited = {sku for sku in needs.skus if world.products.get(sku) is not None}
    if not limited:
        return
    customers = needs.customers | {checkout.customer_id for checkout in world.checkouts.values()}
    world.claimed = {(customer, sku): 0 for customer in customers for sku in limited}
    wanted = {"customers": sorted(customers), "skus": sorted(limited)}
    for row in await statements.execute(_CLAIMED, wanted):
        world.claimed[row.customer_id, row.sku] = int(row.quantity)
