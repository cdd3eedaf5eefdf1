-- One reservation, one transaction: what the ledger does for one command, by hand, statement by statement.
-- The client's number and its counter name a checkout that was opened beforehand.
\set n :n + 1
\set s (:client_id * 7919 + :n * 104729) % :skus
BEGIN;
INSERT INTO operation (key, fingerprint)
SELECT 'reservation/' || checkout_id || '/1/reserve', sha256(convert_to(checkout_id, 'UTF8'))
FROM (SELECT 'co_' || left(md5(:round || '/' || :client_id || '/' || :n), 26) AS checkout_id) AS asked
ON CONFLICT (key) DO NOTHING
RETURNING key AS operation_key, substr(key, 13, 29) AS checkout_id, substr(key, 13, 31) AS reservation_id, 'sku-' || :s AS sku
\gset
SELECT owner, customer_id, cart_id, total_minor, currency, ttl_seconds, status, reason, ordinal,
       reservation_state, payment_state, order_state
FROM checkout
WHERE checkout_id = :checkout_id
FOR NO KEY UPDATE
\gset
SELECT r.reservation_id, r.state, r.extension, r.expires_at, l.sku, l.location, l.quantity
FROM reservation r
LEFT JOIN reservation_line l USING (reservation_id)
WHERE r.checkout_id = :checkout_id;
SELECT location, sellable, reserved, sold, shipped, returned, damaged, researching, supply, adjustment, transit,
       safety_stock, feed_buffer, paused, sequence + 1 AS sequence, encode(hash, 'hex') AS previous
FROM stock
WHERE sku = :sku
FOR NO KEY UPDATE
\gset
SELECT COALESCE(limit_per_customer, 0) AS most, clock_timestamp() AS now FROM product WHERE sku = :sku
\gset
UPDATE checkout
SET ordinal = 1, reservation_state = 'held', updated_at = :now
WHERE checkout_id = :checkout_id;
INSERT INTO movement (sku, location, sequence, kind, source, target, quantity,
                      sellable_after, reserved_after, sold_after, shipped_after, returned_after, damaged_after,
                      researching_after, supply_after, adjustment_after, transit_after,
                      safety_stock_after, feed_buffer_after, paused_after,
                      operation_key, cause_kind, cause_id, actor, reason, occurred_at, recorded_at, hash)
VALUES (:sku, :location, :sequence, 'reserve', 'sellable', 'reserved', 1,
        :sellable::bigint - 1, :reserved::bigint + 1, :sold, :shipped, :returned, :damaged,
        :researching, :supply, :adjustment, :transit, :safety_stock, :feed_buffer, :paused,
        :operation_key, 'reservation', :reservation_id, 'workflow', NULL, :now, :now,
        sha256(decode(:previous, 'hex') || convert_to(
          '["' || :sku || '","' || :location || '",' || :sequence || ',"reserve","sellable","reserved",1,'
          || (:sellable::bigint - 1) || ',' || (:reserved::bigint + 1) || ',' || :sold || ',' || :shipped || ','
          || :returned || ',' || :damaged || ',' || :researching || ',' || :supply || ',' || :adjustment || ','
          || :transit || ',' || :safety_stock || ',' || :feed_buffer || ',[],"' || :operation_key
          || '","reservation","' || :reservation_id || '","workflow",null,'
          || (extract(epoch FROM :now::timestamptz) * 1000000)::bigint || ','
          || (extract(epoch FROM :now::timestamptz) * 1000000)::bigint || ']', 'UTF8')))
RETURNING encode(hash, 'hex') AS hash
\gset
UPDATE stock
SET sellable = sellable - 1, reserved = reserved + 1, sequence = :sequence, hash = decode(:hash, 'hex'),
    recorded_at = :now, total_reserved = total_reserved + 1
WHERE sku = :sku AND location = :location;
INSERT INTO reservation (reservation_id, checkout_id, customer_id, state, extension, expires_at)
VALUES (:reservation_id, :checkout_id, :customer_id, 'held', 0, :now::timestamptz + make_interval(secs => :ttl_seconds));
INSERT INTO reservation_line (reservation_id, sku, location, quantity)
VALUES (:reservation_id, :sku, :location, 1);
INSERT INTO reservation_transition (reservation_id, state, extension, expires_at, operation_key, actor, recorded_at)
VALUES (:reservation_id, 'held', 0, :now::timestamptz + make_interval(secs => :ttl_seconds),
        :operation_key, 'workflow', :now);
INSERT INTO outbox (subject, sequence, shard, type, payload, recorded_at)
VALUES (:sku || '/' || :location, :sequence, :s::bigint % 64, 'StockReserved',
        json_build_object(
          'sku', :sku::text, 'location', :location::text, 'sequence', :sequence::bigint, 'kind', 'reserve',
          'source', 'sellable', 'target', 'reserved', 'quantity', 1,
          'cause', json_build_object('kind', 'reservation', 'id', :reservation_id::text), 'reason', NULL,
          'occurred_at', :now::timestamptz, 'recorded_at', :now::timestamptz,
          'piles', json_build_object(
            'sellable', :sellable::bigint - 1, 'reserved', :reserved::bigint + 1, 'sold', :sold::bigint,
            'shipped', :shipped::bigint, 'returned', :returned::bigint, 'damaged', :damaged::bigint,
            'researching', :researching::bigint, 'supply', :supply::bigint, 'adjustment', :adjustment::bigint,
            'transit', :transit::bigint),
          'on_hand', :sellable::bigint + :reserved::bigint, 'held_back', 0, 'available', :sellable::bigint - 1,
          'safety_stock', :safety_stock::bigint, 'feed_buffer', :feed_buffer::bigint, 'paused', '[]'::json),
        :now);
UPDATE operation
SET outcome = json_build_object('accepted', json_build_object(
      'status', 'reserving', 'reservation_id', :reservation_id::text, 'state', 'held', 'extension', 0,
      'expires_at', :now::timestamptz + make_interval(secs => :ttl_seconds),
      'lines', json_build_array(json_build_object('sku', :sku::text, 'location', :location::text, 'quantity', 1)))),
    recorded_at = :now
WHERE key = :operation_key;
COMMIT;
