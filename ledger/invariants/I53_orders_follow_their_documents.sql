-- Of each order, line by line, what was shipped, came back or was not found is what its own documents and searches moved.
SELECT order_id, sku, location, sum(shipped) AS shipped, sum(returned) AS returned, sum(short) AS short
FROM (
  SELECT d.refers_to AS order_id, m.sku, m.location,
         CASE m.kind WHEN 'ship' THEN m.quantity ELSE 0 END AS shipped,
         CASE m.kind WHEN 'ship' THEN 0 ELSE m.quantity END AS returned,
         0 AS short
  FROM movement m
  LEFT JOIN document d ON (d.kind, d.document_id, d.state) = (m.cause_kind, m.cause_id, 'applied')
  WHERE m.kind = 'ship' OR m.source = 'shipped'
  UNION ALL
  SELECT o.outcome #>> '{accepted,order_id}', m.sku, m.location, 0, 0, m.quantity
  FROM movement m
  LEFT JOIN operation o ON o.key = m.operation_key
  WHERE m.kind = 'research' AND m.source = 'sold'
  UNION ALL
  SELECT order_id, sku, location, -shipped, -returned, -short FROM order_line
) AS told
GROUP BY order_id, sku, location
HAVING sum(shipped) <> 0 OR sum(returned) <> 0 OR sum(short) <> 0
