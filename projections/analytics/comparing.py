"""What must be so of analytics, asked of the ledger's own rows and not of the fold."""

from __future__ import annotations

from projections.analytics.fold import COUNTED
from projections.analytics.refusals import OVERLAP
from projections.comparing import check, checks_of_watermarks

_COUNTED = {
    "held": "m.quantity) FILTER (WHERE m.kind = 'reserve' AND m.reason IS DISTINCT FROM 'short'",
    "released": "m.quantity) FILTER (WHERE m.kind = 'release'",
    "expired": "m.quantity) FILTER (WHERE m.kind = 'expire'",
    "confirmed": "m.quantity) FILTER (WHERE m.kind = 'confirm' AND m.reason IS DISTINCT FROM 'short'",
    "received": "m.quantity) FILTER (WHERE m.kind = 'receive'",
    "sold": "m.quantity) FILTER (WHERE m.target = 'sold'",
    "cancelled": "m.quantity) FILTER (WHERE m.kind = 'cancel'",
    "missing": "m.quantity) FILTER (WHERE (m.source, m.target) = ('sold', 'researching')",
    "shipped": "m.quantity) FILTER (WHERE m.target = 'shipped'",
    "returned": "m.quantity) FILTER (WHERE m.target = 'returned'",
    "sku_holds": "1) FILTER (WHERE m.kind = 'reserve' AND f.of_sku",
    "holds": "1) FILTER (WHERE m.kind = 'reserve' AND f.of_all",
    "sku_orders": "1) FILTER (WHERE m.kind = 'confirm' AND f.of_sku",
    "orders": "1) FILTER (WHERE m.kind = 'confirm' AND f.of_all",
}
"""How the ledger's own entries of an hour come to each number."""

_HOURS = f"""
WITH ledger AS (
  SELECT m.sku, m.location, date_trunc('hour', m.recorded_at, 'UTC') AS hour,
         {", ".join(f"COALESCE(sum({_COUNTED[name]}), 0)::bigint AS {name}" for name in COUNTED)},
         (array_agg(m.sellable_after + m.reserved_after ORDER BY m.sequence DESC))[1] AS on_hand
  FROM projections.analytics_watermark w
  JOIN movement m ON m.sku = w.sku AND m.location = w.location AND m.sequence <= w.sequence
  LEFT JOIN LATERAL (
    SELECT m.location = min(l.location) FILTER (WHERE l.sku = m.sku) AS of_sku,
           (m.sku, m.location) = (min(l.sku), (array_agg(l.location ORDER BY l.sku, l.location))[1]) AS of_all
    FROM reservation_line l
    WHERE m.kind IN ('reserve', 'confirm') AND m.reason IS DISTINCT FROM 'short'
      AND l.reservation_id = m.cause_id
  ) f ON true
  WHERE w.generation = :generation AND m.source IS NOT NULL
  GROUP BY m.sku, m.location, date_trunc('hour', m.recorded_at, 'UTC')
)
SELECT COALESCE(h.sku, l.sku) AS sku, COALESCE(h.location, l.location) AS location,
       COALESCE(h.hour, l.hour) AS hour, n.name, n.there, n.expected
FROM (SELECT * FROM projections.analytics_hour WHERE generation = :generation) h
FULL JOIN ledger l ON l.sku = h.sku AND l.location = h.location AND l.hour = h.hour
CROSS JOIN LATERAL (
  VALUES {", ".join(f"('{name}', h.{name}, l.{name})" for name in (*COUNTED, "on_hand"))}
) AS n (name, there, expected)
WHERE n.there IS DISTINCT FROM n.expected"""  # noqa: S608 - constants of ours

# A refusal that is younger than the last look less its overlap may be found by the next one.
_REFUSALS = f"""
SELECT COALESCE(r.checkout_id, l.checkout_id) AS checkout_id, COALESCE(r.sku, l.sku) AS sku,
       concat_ws(' ', r.quantity, r.hour) AS there, concat_ws(' ', l.quantity, l.hour) AS ledger
FROM (SELECT * FROM projections.analytics_refusal WHERE generation = :generation) r
FULL JOIN (
  SELECT checkout_id, sku, quantity, date_trunc('hour', refused_at, 'UTC') AS hour, updated_at
  FROM projections.refused_line
) l ON l.checkout_id = r.checkout_id AND l.sku = r.sku
WHERE (r.quantity, r.hour) IS DISTINCT FROM (l.quantity, l.hour)
  AND (r.sku IS NOT NULL OR l.updated_at < (
    SELECT until - interval '{OVERLAP.total_seconds():.0f} seconds' FROM projections.analytics_look
    WHERE generation = :generation))"""  # noqa: S608 - the same

CHECKS = (
    *checks_of_watermarks("analytics_watermark"),
    check(
        _HOURS,
        "{sku} at {location} in the hour from {hour:%Y-%m-%dT%H:%M}: {name} is {there}, where the"
        " ledger comes to {expected}",
    ),
    check(_REFUSALS, "{checkout_id} was refused {sku}: [{there}] where the ledger has [{ledger}]"),
)
