-- The whole history of the growing rows: goods in, then a hold and its end over and over, and goods in again
-- where one movement is left over.
CREATE FUNCTION pg_temp.grow_block(levels integer, began_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz;
  step CONSTANT interval := '1 minute';
BEGIN
  FOR level IN 1..levels LOOP
    at := began_at + level * step;
    IF level = 1 OR (level = levels AND level % 2 = 0) THEN
      INSERT INTO operation (key, fingerprint, outcome, recorded_at)
      SELECT 'receipt/' || sku || '-' || level, sha256(convert_to(sku, 'UTF8')), '{"accepted":{}}', at
      FROM growing;
      PERFORM pg_temp.grow_entry(level, 'receive', 'supply', 'sellable', 1000000, at);
    ELSIF level % 2 = 0 THEN
      PERFORM pg_temp.grow_checkouts(level / 2, at, at + step);
      PERFORM pg_temp.grow_entry(level, 'reserve', 'sellable', 'reserved', 1, at);
    ELSE
      PERFORM pg_temp.grow_entry(level, 'expire', 'reserved', 'sellable', 1, at);
    END IF;
  END LOOP;
  UPDATE stock s
  SET sellable = m.sellable_after, reserved = m.reserved_after, supply = m.supply_after, sequence = m.sequence,
      hash = m.hash, recorded_at = m.recorded_at, total_received = -m.supply_after,
      total_reserved = h.holds, total_expired = h.holds
  FROM growing g
  JOIN movement m ON m.sku = g.sku AND m.location = 'BER1' AND m.sequence = levels
  CROSS JOIN (SELECT (levels - 1) / 2 AS holds) AS h
  WHERE s.sku = g.sku AND s.location = 'BER1';
END $$
