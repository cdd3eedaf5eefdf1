"""What must be so of the board, asked of the ledger's own rows and not of the fold."""

from __future__ import annotations

from projections.comparing import check, checks_of_watermarks

# Whatever happened since: the after-image of the last entry that was counted is what had to be done then.
_PILES = """
SELECT w.sku, w.location, w.sequence, m.sold_after, m.returned_after,
       COALESCE(t.pick, 0) AS pick, COALESCE(t.inspect, 0) AS inspect
FROM projections.board_watermark w
JOIN movement m ON m.sku = w.sku AND m.location = w.location AND m.sequence = w.sequence
LEFT JOIN (
  SELECT sku, location, sum(quantity) FILTER (WHERE task = 'pick') AS pick,
         sum(quantity) FILTER (WHERE task = 'inspect') AS inspect
  FROM projections.board_task
  WHERE generation = :generation
  GROUP BY sku, location
) t ON t.sku = w.sku AND t.location = w.location
WHERE w.generation = :generation
  AND (m.sold_after <> COALESCE(t.pick, 0) OR m.returned_after <> COALESCE(t.inspect, 0))"""

_ASTRAY = """
SELECT t.sku, t.location, t.task, t.id
FROM projections.board_task t
LEFT JOIN projections.board_watermark w
  ON w.generation = t.generation AND w.sku = t.sku AND w.location = t.location
WHERE t.generation = :generation AND w.sku IS NULL"""

_TOLD = "{task} {id}: {there} of {sku} at {location}, where the ledger has {expected}"

# An order's lines are kept as they are now: they can be asked of rows that have not changed since.
_QUIET = """
SELECT w.sku, w.location
FROM projections.board_watermark w
JOIN stock s ON s.sku = w.sku AND s.location = w.location AND s.sequence = w.sequence
WHERE w.generation = :generation"""

_TASKS = f"""
WITH quiet AS MATERIALIZED ({_QUIET}),
ledger AS (
  SELECT l.sku, l.location, 'pick' AS task, l.order_id AS id, l.quantity - l.shipped - l.short AS quantity
  FROM order_line l
  JOIN orders o ON o.order_id = l.order_id AND o.state <> 'cancelled'
  WHERE l.quantity > l.shipped + l.short
  UNION ALL
  SELECT l.sku, r.location, 'inspect', l.return_id, l.quantity - l.restocked - l.damaged
  FROM return_line l
  JOIN returns r ON r.return_id = l.return_id
  WHERE l.quantity > l.restocked + l.damaged
)
SELECT q.sku, q.location, COALESCE(t.task, l.task) AS task, COALESCE(t.id, l.id) AS id,
       COALESCE(t.quantity, 0) AS there, COALESCE(l.quantity, 0) AS expected
FROM (SELECT * FROM projections.board_task WHERE generation = :generation) t
FULL JOIN ledger l ON l.sku = t.sku AND l.location = t.location AND l.task = t.task AND l.id = t.id
JOIN quiet q ON q.sku = COALESCE(t.sku, l.sku) AND q.location = COALESCE(t.location, l.location)
WHERE t.quantity IS DISTINCT FROM l.quantity"""  # noqa: S608 - a constant of ours

# What a transfer's line says now, less what happened after the watermarks of the two rows that tell of it.
# Which transfer a loss is of no entry says: while one is still to be counted, any number up to now's will do.
_TRANSFERS = """
WITH line AS (
  SELECT t.transfer_id, l.sku, t.source, t.target, l.quantity, l.received, l.lost,
         COALESCE(s.sequence, 0) AS left_until, COALESCE(a.sequence, 0) AS arrived_until
  FROM transfer_line l
  JOIN transfer t ON t.transfer_id = l.transfer_id
  LEFT JOIN projections.board_watermark s ON s.generation = :generation AND s.sku = l.sku AND s.location = t.source
  LEFT JOIN projections.board_watermark a ON a.generation = :generation AND a.sku = l.sku AND a.location = t.target
  WHERE l.quantity > l.received + l.lost
     OR EXISTS (SELECT FROM projections.board_transfer b
                WHERE b.generation = :generation AND b.transfer_id = l.transfer_id AND b.sku = l.sku)
),
expected AS (
  SELECT line.transfer_id, line.sku, line.source, line.target, line.lost,
         line.quantity - COALESCE(later.left_units, 0) AS sent,
         line.received - COALESCE(after.arrived, 0) AS received,
         COALESCE(later.losses, 0) > 0 AS losing
  FROM line
  LEFT JOIN LATERAL (
    SELECT sum(quantity) FILTER (WHERE kind = 'transfer' AND cause_kind = 'transfer' AND cause_id = line.transfer_id)
             AS left_units,
           count(*) FILTER (WHERE kind = 'lose') AS losses
    FROM movement m
    WHERE m.sku = line.sku AND m.location = line.source AND m.sequence > line.left_until
  ) later ON true
  LEFT JOIN LATERAL (
    SELECT sum(m.quantity) AS arrived
    FROM movement m
    JOIN document d ON d.kind = 'transfer-receipt' AND d.document_id = m.cause_id AND d.refers_to = line.transfer_id
    WHERE m.sku = line.sku AND m.location = line.target AND m.sequence > line.arrived_until
      AND m.cause_kind = 'transfer-receipt'
  ) after ON true
)
SELECT COALESCE(b.transfer_id, e.transfer_id) AS transfer_id, COALESCE(b.sku, e.sku) AS sku,
       concat_ws(' ', b.source, b.target, b.sent, b.received, b.lost) AS there,
       concat_ws(' ', e.source, e.target, e.sent, e.received, e.lost) AS ledger
FROM (SELECT * FROM projections.board_transfer WHERE generation = :generation) b
FULL JOIN expected e ON e.transfer_id = b.transfer_id AND e.sku = b.sku
WHERE CASE
  WHEN e.transfer_id IS NULL THEN true
  WHEN b.transfer_id IS NULL THEN (e.sent > 0 OR e.received > 0) AND NOT e.losing
    AND NOT (e.sent > 0 AND e.sent = e.received + e.lost)
  ELSE (b.source, b.target, b.sent, b.received) <> (e.source, e.target, e.sent, e.received)
    OR b.lost > e.lost OR (b.lost <> e.lost AND NOT e.losing AND e.sent > 0)
    OR (b.sent > 0 AND b.sent = b.received + b.lost)
END"""

CHECKS = (
    *checks_of_watermarks("board_watermark"),
    check(
        _PILES,
        "{sku} at {location}: {pick} to pick and {inspect} to inspect, where entry {sequence} left"
        " {sold_after} sold and {returned_after} returned",
    ),
    check(_ASTRAY, "{task} {id} of {sku} at {location}, a row that was never counted"),
    check(_TASKS, _TOLD),
    check(
        _TRANSFERS,
        "transfer {transfer_id} of {sku}: [{there}] where the ledger has [{ledger}]",
    ),
)
