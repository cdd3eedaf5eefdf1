-- Every pile of a stock row is the sum of what its movements put in and took out.
WITH moved AS (
  SELECT sku, location, pile, sum(quantity) AS quantity
  FROM (
    SELECT sku, location, target AS pile, quantity FROM movement WHERE target IS NOT NULL
    UNION ALL
    SELECT sku, location, source, -quantity FROM movement WHERE source IS NOT NULL
  ) AS legs
  GROUP BY sku, location, pile
)
SELECT s.sku, s.location, p.pile, p.quantity AS stored, COALESCE(m.quantity, 0) AS moved
FROM stock s
CROSS JOIN LATERAL (VALUES
  ('sellable', s.sellable),
  ('reserved', s.reserved),
  ('sold', s.sold),
  ('shipped', s.shipped),
  ('returned', s.returned),
  ('damaged', s.damaged),
  ('researching', s.researching),
  ('supply', s.supply),
  ('adjustment', s.adjustment),
  ('transit', s.transit)
) AS p(pile, quantity)
LEFT JOIN moved m ON (m.sku, m.location, m.pile) = (s.sku, s.location, p.pile)
WHERE p.quantity <> COALESCE(m.quantity, 0)
UNION ALL
SELECT m.sku, m.location, m.pile, NULL, m.quantity
FROM moved m
WHERE NOT EXISTS (SELECT FROM stock s WHERE (s.sku, s.location) = (m.sku, m.location))
