-- One movement of every growing row, chained onto the last, with its event.
CREATE FUNCTION pg_temp.grow_entry(
  number integer, kind text, source text, target text, units bigint, at timestamptz
) RETURNS void LANGUAGE sql AS $$
  WITH entry AS MATERIALIZED (
    SELECT g.sku, COALESCE(last.hash, decode(repeat('00', 32), 'hex')) AS hash,
           COALESCE(-last.supply_after, 0) + CASE kind WHEN 'receive' THEN units ELSE 0 END AS received,
           COALESCE(last.reserved_after, 0) + CASE kind WHEN 'reserve' THEN units WHEN 'expire' THEN -units ELSE 0 END AS reserved,
           c.id AS cause_id,
           CASE kind
             WHEN 'receive' THEN 'receipt/' || c.id
             WHEN 'reserve' THEN 'reservation/' || c.id || '/reserve'
             ELSE 'reservation/' || c.id || '/expire/0'
           END AS operation_key
    FROM growing g
    LEFT JOIN LATERAL (
      SELECT m.hash, m.supply_after, m.reserved_after
      FROM movement m
      WHERE m.sku = g.sku AND m.location = 'BER1' AND m.sequence = number - 1
    ) AS last ON true
    CROSS JOIN LATERAL (
      SELECT CASE kind
        WHEN 'receive' THEN g.sku || '-' || number
        ELSE pg_temp.grown_checkout(g.cart, number / 2) || '/1'
      END AS id
    ) AS c
  ), moved AS (
    INSERT INTO movement (
      sku, location, sequence, kind, source, target, quantity,
      sellable_after, reserved_after, sold_after, shipped_after, returned_after, damaged_after,
      researching_after, supply_after, adjustment_after, transit_after,
      safety_stock_after, feed_buffer_after, paused_after,
      operation_key, cause_kind, cause_id, actor, reason, occurred_at, recorded_at, hash)
    SELECT sku, 'BER1', number, kind, source, target, units,
           received - reserved, reserved, 0, 0, 0, 0, 0, -received, 0, 0, 0, 0, '{}',
           operation_key, told.cause_kind, cause_id, 'bench', told.reason, at, at,
           sha256(hash || convert_to(
             '["' || sku || '","BER1",' || number || ',"' || kind || '","' || source || '","' || target || '",'
             || units || ',' || received - reserved || ',' || reserved || ',0,0,0,0,0,' || -received
             || ',0,0,0,0,[],"' || operation_key || '","' || told.cause_kind || '","' || cause_id || '","bench",'
             || CASE kind WHEN 'expire' THEN '"ttl"' ELSE 'null' END || ',' || told.microseconds || ','
             || told.microseconds || ']', 'UTF8'))
    FROM entry
    CROSS JOIN (
      SELECT CASE kind WHEN 'receive' THEN 'receipt' ELSE 'reservation' END AS cause_kind,
             CASE kind WHEN 'expire' THEN 'ttl' END AS reason,
             (extract(epoch FROM at) * 1000000)::bigint AS microseconds
    ) AS told
    RETURNING sku, sellable_after, reserved_after, supply_after, cause_kind, cause_id, hash
  )
  INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at, published_at)
  SELECT m.sku || '/BER1', number, g.shard,
         CASE kind WHEN 'receive' THEN 'StockReceived' WHEN 'reserve' THEN 'StockReserved'
                   ELSE 'ReservationExpired' END,
         ('{"sku":"' || m.sku || '","location":"BER1","sequence":' || number || ',"kind":"' || kind
          || '","source":"' || source || '","target":"' || target || '","quantity":' || units || ',"cause":{"kind":"' || m.cause_kind || '","id":"' || m.cause_id
          || '"},"reason":' || CASE kind WHEN 'expire' THEN '"ttl"' ELSE 'null' END
          || ',"occurred_at":' || to_json(at) || ',"recorded_at":' || to_json(at)
          || ',"piles":{"sellable":' || m.sellable_after || ',"reserved":' || m.reserved_after
          || ',"sold":0,"shipped":0,"returned":0,"damaged":0,"researching":0,"supply":' || m.supply_after
          || ',"adjustment":0,"transit":0},"on_hand":' || m.sellable_after + m.reserved_after
          || ',"held_back":0,"available":' || m.sellable_after || ',"safety_stock":0,"feed_buffer":0,"paused":[]}')::json,
         at, at
  FROM moved m
  JOIN growing g USING (sku)
$$
