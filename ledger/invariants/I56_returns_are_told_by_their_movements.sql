-- What each return brought and each inspection found is what its movements moved there, and both name what their documents name.
SELECT kind, document_id, sku, sum(returned) AS returned, sum(restocked) AS restocked, sum(damaged) AS damaged
FROM (
  SELECT cause_kind AS kind, cause_id AS document_id, sku, location,
         CASE WHEN target = 'returned' THEN quantity ELSE 0 END AS returned,
         CASE WHEN target = 'sellable' THEN quantity ELSE 0 END AS restocked,
         CASE WHEN target = 'damaged' THEN quantity ELSE 0 END AS damaged
  FROM movement
  WHERE source = 'returned' OR target = 'returned'
  UNION ALL
  SELECT 'return', return_id, l.sku, r.location, -l.quantity, 0, 0
  FROM return_line l
  JOIN returns r USING (return_id)
  UNION ALL
  SELECT 'inspection', i.inspection_id, i.sku, r.location, 0, -i.restocked, -i.damaged
  FROM inspection_line i
  JOIN returns r USING (return_id)
) AS told
GROUP BY kind, document_id, sku, location
HAVING sum(returned) <> 0 OR sum(restocked) <> 0 OR sum(damaged) <> 0
UNION ALL
SELECT 'return', r.return_id, NULL, NULL, NULL, NULL
FROM returns r
LEFT JOIN document d ON (d.kind, d.document_id, d.state) = ('return', r.return_id, 'applied')
WHERE d.refers_to IS DISTINCT FROM r.order_id
UNION ALL
SELECT 'inspection', i.inspection_id, i.sku, NULL, NULL, NULL
FROM inspection_line i
LEFT JOIN document d ON (d.kind, d.document_id, d.state) = ('inspection', i.inspection_id, 'applied')
WHERE d.refers_to IS DISTINCT FROM i.return_id
