-- What each transfer sent, and what arrived of it, is what its movements moved at its two places; losses add up where the units left.
SELECT transfer_id, sku, location, sum(sent) AS sent, sum(received) AS received, sum(lost) AS lost
FROM (
  SELECT cause_id AS transfer_id, sku, location, quantity AS sent, 0 AS received, 0 AS lost
  FROM movement
  WHERE kind = 'transfer' AND source = 'sellable'
  UNION ALL
  SELECT d.refers_to, m.sku, m.location, 0, m.quantity, 0
  FROM movement m
  LEFT JOIN document d ON (d.kind, d.document_id, d.state) = (m.cause_kind, m.cause_id, 'applied')
  WHERE m.kind = 'transfer' AND m.target = 'sellable'
  UNION ALL
  SELECT NULL, sku, location, 0, 0, quantity FROM movement WHERE kind = 'lose'
  UNION ALL
  SELECT transfer_id, sku, source, -quantity, 0, 0 FROM transfer_line JOIN transfer USING (transfer_id)
  UNION ALL
  SELECT transfer_id, sku, target, 0, -received, 0 FROM transfer_line JOIN transfer USING (transfer_id)
  UNION ALL
  SELECT NULL, sku, source, 0, 0, -lost FROM transfer_line JOIN transfer USING (transfer_id)
) AS told
GROUP BY transfer_id, sku, location
HAVING sum(sent) <> 0 OR sum(received) <> 0 OR sum(lost) <> 0
