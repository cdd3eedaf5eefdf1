-- The movements of a row are numbered from one without a gap, in the order of their times, up to the row's own number.
SELECT sku, location, m.first, m.last, m.entries, s.sequence
FROM stock s
FULL JOIN (
  SELECT sku, location, min(sequence) AS first, max(sequence) AS last, count(*) AS entries
  FROM movement
  GROUP BY sku, location
) AS m USING (sku, location)
WHERE COALESCE(m.first, 1) <> 1
   OR COALESCE(m.last, 0) <> COALESCE(m.entries, 0)
   OR COALESCE(m.last, 0) IS DISTINCT FROM s.sequence
UNION ALL
SELECT sku, location, sequence, NULL, NULL, NULL
FROM (
  SELECT sku, location, sequence, recorded_at,
         lag(recorded_at) OVER (PARTITION BY sku, location ORDER BY sequence) AS before
  FROM movement
) AS times
WHERE recorded_at < before
