-- One checkout of every growing cart, from its opening to the end of its hold: all its rows but the movements.
CREATE FUNCTION pg_temp.grow_checkouts(number integer, held_at timestamptz, expired_at timestamptz)
RETURNS void LANGUAGE sql AS $$
  WITH line AS MATERIALIZED (
    SELECT pg_temp.grown_checkout(cart, number) AS checkout_id, sku FROM growing
  ), cart AS MATERIALIZED (
    SELECT checkout_id, checkout_id || '/1' AS reservation_id, 'customer-' || substr(checkout_id, 4, 12) AS customer_id,
           count(*) AS lines,
           string_agg('{"sku":"' || sku || '","location":"BER1","quantity":1}', ',' ORDER BY sku) AS held
    FROM line
    GROUP BY checkout_id
  ), opened AS (
    INSERT INTO checkout (checkout_id, owner, customer_id, total_minor, currency, ttl_seconds, status, reason, ordinal,
                          reservation_state, created_at, updated_at)
    SELECT checkout_id, 'bench', customer_id, 4900 * lines, 'EUR', 900, 'expired', 'ttl', 1, 'expired',
           held_at, expired_at
    FROM cart
  ), wanted AS (
    INSERT INTO checkout_line (checkout_id, sku, quantity, price_minor)
    SELECT checkout_id, sku, 1, 4900 FROM line
  ), ended AS (
    INSERT INTO reservation (reservation_id, checkout_id, customer_id, state, expires_at)
    SELECT reservation_id, checkout_id, customer_id, 'expired', held_at + interval '900 seconds' FROM cart
  ), served AS (
    INSERT INTO reservation_line (reservation_id, sku, location, quantity)
    SELECT checkout_id || '/1', sku, 'BER1', 1 FROM line
  ), changed AS (
    INSERT INTO reservation_transition (
      reservation_id, state, extension, expires_at, operation_key, actor, recorded_at)
    SELECT reservation_id, 'held', 0, held_at + interval '900 seconds',
           'reservation/' || reservation_id || '/reserve', 'bench', held_at
    FROM cart
    UNION ALL
    SELECT reservation_id, 'expired', 0, held_at + interval '900 seconds',
           'reservation/' || reservation_id || '/expire/0', 'bench', expired_at
    FROM cart
  )
  INSERT INTO operation (key, fingerprint, outcome, recorded_at)
  SELECT step.key, sha256(convert_to(step.key, 'UTF8')), ('{"accepted":' || step.answer || '}')::json, step.at
  FROM cart
  CROSS JOIN LATERAL (VALUES
    ('checkout/' || checkout_id || '/open', '{"checkout_id":"' || checkout_id || '"}', held_at),
    ('reservation/' || reservation_id || '/reserve',
     '{"status":"reserving","reservation_id":"' || reservation_id || '","state":"held","extension":0,"expires_at":'
       || to_json(held_at + interval '900 seconds') || ',"lines":[' || held || ']}', held_at),
    ('reservation/' || reservation_id || '/expire/0',
     '{"status":"expired","reservation_id":"' || reservation_id || '","state":"expired","extension":0,"expires_at":'
       || to_json(held_at + interval '900 seconds') || ',"lines":[' || held || ']}', expired_at)
  ) AS step(key, answer, at)
$$
