-- Every movement's hash is that of its fields and its predecessor's hash, and the row carries the last one.
SELECT sku, location, sequence
FROM (
  SELECT sku, location, sequence, hash,
         COALESCE(lag(hash) OVER history, decode(repeat('00', 32), 'hex')) AS previous,
         '[' || concat_ws(',',
             COALESCE(to_json(sku)::text, 'null'),
             COALESCE(to_json(location)::text, 'null'),
             COALESCE(to_json(sequence)::text, 'null'),
             COALESCE(to_json(kind)::text, 'null'),
             COALESCE(to_json(source)::text, 'null'),
             COALESCE(to_json(target)::text, 'null'),
             COALESCE(to_json(quantity)::text, 'null'),
             COALESCE(to_json(sellable_after)::text, 'null'),
             COALESCE(to_json(reserved_after)::text, 'null'),
             COALESCE(to_json(sold_after)::text, 'null'),
             COALESCE(to_json(shipped_after)::text, 'null'),
             COALESCE(to_json(returned_after)::text, 'null'),
             COALESCE(to_json(damaged_after)::text, 'null'),
             COALESCE(to_json(researching_after)::text, 'null'),
             COALESCE(to_json(supply_after)::text, 'null'),
             COALESCE(to_json(adjustment_after)::text, 'null'),
             COALESCE(to_json(transit_after)::text, 'null'),
             COALESCE(to_json(safety_stock_after)::text, 'null'),
             COALESCE(to_json(feed_buffer_after)::text, 'null'),
             COALESCE(to_json(paused_after)::text, 'null'),
             COALESCE(to_json(operation_key)::text, 'null'),
             COALESCE(to_json(cause_kind)::text, 'null'),
             COALESCE(to_json(cause_id)::text, 'null'),
             COALESCE(to_json(actor)::text, 'null'),
             COALESCE(to_json(reason)::text, 'null'),
             ((extract(epoch FROM occurred_at) * 1000000)::bigint)::text,
             ((extract(epoch FROM recorded_at) * 1000000)::bigint)::text) || ']' AS fields
  FROM movement
  WINDOW history AS (PARTITION BY sku, location ORDER BY sequence)
) AS m
WHERE hash <> sha256(previous || convert_to(fields, 'UTF8'))
UNION ALL
SELECT s.sku, s.location, s.sequence
FROM stock s
LEFT JOIN movement m USING (sku, location, sequence)
WHERE s.hash <> COALESCE(m.hash, decode(repeat('00', 32), 'hex'))
