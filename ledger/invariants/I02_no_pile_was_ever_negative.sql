-- At no moment of its history did a pile of the building hold fewer than no units.
SELECT sku, location, sequence, pile, quantity
FROM (
  SELECT sku, location, sequence, pile,
         sum(change) OVER (PARTITION BY sku, location, pile ORDER BY sequence) AS quantity
  FROM (
    SELECT sku, location, sequence, target AS pile, quantity AS change FROM movement
    UNION ALL
    SELECT sku, location, sequence, source, -quantity FROM movement
  ) AS legs
  WHERE pile NOT IN ('supply', 'adjustment', 'transit')
) AS prefixes
WHERE quantity < 0
