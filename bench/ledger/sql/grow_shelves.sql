-- Empty rows for the skus to come.
WITH offered AS (
  INSERT INTO product (sku, title, price_minor, currency)
  SELECT 'sku-' || n, 'sku-' || n, 4900, 'EUR' FROM generate_series(0, %(skus)s - 1) AS n
  RETURNING sku
), placed AS (
  INSERT INTO location (location, kind, priority) VALUES ('BER1', 'warehouse', 1) RETURNING location
)
INSERT INTO stock (sku, location) SELECT sku, location FROM offered CROSS JOIN placed
