-- A document that is applied has its operation, one that waits or was refused has none, and neither is lost.
SELECT d.kind, d.document_id, d.state
FROM document d
LEFT JOIN operation o ON o.key = d.kind || '/' || d.document_id AND o.outcome -> 'accepted' IS NOT NULL
WHERE (d.state = 'applied') <> (o.key IS NOT NULL)
UNION ALL
SELECT split_part(o.key, '/', 1), split_part(o.key, '/', 2), 'no document'
FROM operation o
WHERE split_part(o.key, '/', 1) IN ('shipment', 'return', 'inspection', 'transfer-receipt', 'short')
  AND NOT EXISTS (SELECT FROM document d WHERE d.kind || '/' || d.document_id = o.key)
